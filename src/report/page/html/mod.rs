//! The page in HTML: what each drawing and table shows, as text. The templates in `templates/report` place it.

mod bits;
mod graph;
mod histogram;
mod layer;
mod parts;
mod plots;
mod table;
mod text;

use askama::Template;

use self::bits::BitsView;
use self::graph::GraphView;
use self::layer::LayerView;
use self::plots::{ClassificationView, ScatterView};
use self::table::{Cell, Head, Row, TableView};
use self::text::{clock_cycles, count, energy, number, percent, rate, time};
use super::{EnergyTable, Group, Page, ProjectState, Setting, Verification};
use crate::back::ModelSource;
use crate::diagnostic::{Severity, grouped};
use crate::report::Schedule;

/// Most values of layers in a line of a setting.
const MOST_LAYERS: usize = 12;

impl Page {
    /// The page as one HTML file that needs no other.
    ///
    /// # Errors
    /// If a template fails, which is a defect.
    pub fn html(&self) -> Result<String, askama::Error> {
        let schedule = self.schedule.as_ref().map(|it| ScheduleView::new(it, &self.model));
        let view = PageView {
            title: &self.model,
            version: self.version,
            model: self.file.as_ref().map(model),
            samples: samples(self),
            figures: figures(self),
            settings: self.settings.iter().map(setting).collect(),
            project: self.project.as_ref().map(project),
            graph: GraphView::new(self),
            details: (0..self.layers.len()).map(|index| LayerView::new(self, index)).collect(),
            layers: table::layers(self),
            parameters: BitsView::new(self, false),
            results: BitsView::new(self, true),
            widths: table::widths(self),
            budget: table::budget(&self.summary),
            resources: table::resources(self),
            energy: table::energy(self),
            energy_inputs: inputs(self),
            uncounted: match &self.energy {
                EnergyTable::Layers { uncounted, .. } => uncounted.join(", "),
                EnergyTable::Missing(_) => String::new(),
            },
            no_energy: match &self.energy {
                EnergyTable::Layers { .. } => None,
                EnergyTable::Missing(reason) => Some(reason),
            },
            schedule: schedule.transpose()?,
            differences: table::differences(self),
            scatters: self.comparisons.iter().map(ScatterView::new).collect(),
            classifications: self.classifications.iter().map(ClassificationView::new).collect(),
            diagnostics: diagnostics(self),
        };
        Ok(view.render()? + "\n")
    }
}

#[derive(Template)]
#[template(path = "report/page.html")]
struct PageView<'a> {
    title: &'a str,
    version: &'static str,
    model: Option<String>,
    samples: String,
    figures: Vec<Figure>,
    settings: Vec<(&'static str, String)>,
    project: Option<ProjectView>,
    graph: GraphView,
    details: Vec<LayerView>,
    layers: TableView,
    parameters: BitsView,
    results: BitsView,
    widths: TableView,
    budget: TableView,
    resources: TableView,
    energy: Option<TableView>,
    /// The types of the inputs.
    energy_inputs: String,
    /// Layers whose operations have no energy.
    uncounted: String,
    no_energy: Option<&'a str>,
    schedule: Option<ScheduleView>,
    differences: TableView,
    scatters: Vec<ScatterView>,
    classifications: Vec<ClassificationView>,
    /// The kind and the text of each.
    diagnostics: Vec<(&'static str, String)>,
}

/// A number on top of the page.
struct Figure {
    title: &'static str,
    value: String,
    note: String,
}

/// A written project.
struct ProjectView {
    facts: Vec<(&'static str, String)>,
    differences: Vec<String>,
    /// The first mismatches of its testbench.
    details: Vec<String>,
}

/// The schedule of a streaming design.
struct ScheduleView {
    svg: String,
    processes: TableView,
    channels: TableView,
}

impl ScheduleView {
    fn new(schedule: &Schedule, title: &str) -> Result<Self, askama::Error> {
        let head = |title, is_number| Head { title, is_number };
        let process = |row: &crate::report::ProcessRow| {
            let (first, last) = row.spans.first().copied().unwrap_or_default();
            let numbers = [first, last, row.cycles, row.state_bits];
            let memories: Vec<String> = row.memories.iter().map(ToString::to_string).collect();
            let numbers = numbers.map(|number| Cell::number(count(number)));
            let cells = numbers.into_iter().chain([Cell::prose(memories.join(", "))]);
            Row { index: None, name: row.process.clone(), cells: cells.collect() }
        };
        let channel = |row: &crate::report::ChannelRow| {
            let numbers = [row.token_bits, row.least_depth, row.depth, row.peak];
            let numbers = numbers.map(|number| Cell::number(count(number)));
            let texts = [Cell::text(row.storage.to_string()), Cell::prose(row.reason.to_string())];
            let cells = numbers.into_iter().chain(texts);
            Row { index: None, name: row.channel.clone(), cells: cells.collect() }
        };
        Ok(Self {
            svg: schedule.svg(title)?,
            processes: TableView {
                caption: "Processes in the first frame".to_owned(),
                style: "plain",
                heads: vec![
                    head("first cycle", true),
                    head("last cycle", true),
                    head("cycles a frame", true),
                    head("state bits", true),
                    head("memories", false),
                ],
                rows: schedule.processes.iter().map(process).collect(),
                total: None,
            },
            channels: TableView {
                caption: "FIFOs".to_owned(),
                style: "plain",
                heads: vec![
                    head("bits", true),
                    head("least depth", true),
                    head("depth", true),
                    head("peak", true),
                    head("in", false),
                    head("reason", false),
                ],
                rows: schedule.channels.iter().map(channel).collect(),
                total: None,
            },
        })
    }
}

/// The file of the model.
fn model(file: &ModelSource) -> String {
    format!("{}, SHA-256 {}", file.file, file.sha256)
}

/// The samples in a sentence.
fn samples(page: &Page) -> String {
    let set = &page.samples;
    let all = count(set.count as u64);
    match &set.file {
        None => format!(
            "{all} random samples: extreme and uniform codes of the inputs. State --input for values of real \
             data."
        ),
        Some(file) if set.statistics < set.count => format!(
            "{all} samples of {file}, the first {} for the values of layers.",
            count(set.statistics as u64)
        ),
        Some(file) => format!("{all} samples of {file}."),
    }
}

/// The types of the inputs, each once.
fn inputs(page: &Page) -> String {
    let inputs = page.layers.iter().filter(|layer| layer.group == Group::Input);
    let types = inputs.filter_map(|layer| Some(layer.hardware.as_ref()?.result.to_string()));
    types.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

/// The numbers on top of the page.
fn figures(page: &Page) -> Vec<Figure> {
    let summary = &page.summary;
    let figure = |title, value: String, note: String| Figure { title, value, note };
    let cycles = |cycles: u64| cycles as f64 * summary.clock_period;
    let interval = summary.initiation_interval;
    let resources = summary.resources;
    let used = |used: u64, all: fn(&crate::hls::estimate::Resources) -> u64| match summary.part {
        Some(part) if all(&part.resources) > 0 => {
            let share = used as f64 / all(&part.resources) as f64;
            format!("{} of {}", percent(share), part.device)
        }
        _ => "estimate".to_owned(),
    };
    let weight_bits = page.layers.iter().filter_map(|layer| layer.hardware.as_ref());
    let weight_bits: usize = weight_bits.map(|row| row.weight_bits).sum();
    let mut all = vec![
        figure(
            "samples per second",
            rate(1e9 / cycles(interval.max(1))),
            format!("II {}, {}", clock_cycles(interval), time(cycles(interval))),
        ),
        figure(
            "latency",
            time(cycles(summary.latency)),
            format!("about {}", clock_cycles(summary.latency)),
        ),
        figure("DSP", count(resources.dsp), used(resources.dsp, |all| all.dsp)),
        figure("LUT", count(resources.lut), used(resources.lut, |all| all.lut)),
        figure("FF", count(resources.ff), used(resources.ff, |all| all.ff)),
        figure("BRAM18", count(resources.bram18), used(resources.bram18, |all| all.bram18)),
        figure(
            "operations",
            count(page.operations.multiplications),
            format!("multiplications, {} additions", count(page.operations.additions)),
        ),
        figure("parameters", count(weight_bits as u64), "bits".to_owned()),
    ];
    if let EnergyTable::Layers { layers, uncounted, .. } = &page.energy {
        let without = match uncounted.len() {
            0 => String::new(),
            1 => ", without the operations of a layer".to_owned(),
            number => format!(", without the operations of {number} layers"),
        };
        let note = format!("a sample, counted by QTools{without}");
        all.push(figure("energy", energy(table::counted(layers)), note));
    }
    all.push(figure(
        "largest output error",
        number(page.float.max_error),
        "to the network in float64".to_owned(),
    ));
    let run = page.project.as_ref().map(|project| &project.verification);
    if let Some(Verification::Run(verdict)) = run {
        let value = if verdict.is_exact() { "exact" } else { "differs" };
        let note = format!("{} values compared", count(verdict.compared));
        all.push(figure("C simulation", value.to_owned(), note));
    }
    for classification in &page.classifications {
        let accuracy = &classification.accuracy;
        all.push(figure("accuracy", percent(accuracy.accuracy), accuracy.output.clone()));
    }
    all
}

fn setting(setting: &Setting) -> (&'static str, String) {
    let layers = setting.layers.iter().take(MOST_LAYERS);
    let mut text = setting.value.clone();
    for (layer, value) in layers {
        text.push_str(&format!("; {layer}: {value}"));
    }
    if setting.layers.len() > MOST_LAYERS {
        text.push_str(&format!("; and {} more layers", setting.layers.len() - MOST_LAYERS));
    }
    (setting.name, text)
}

/// `1 mismatch`, `2 mismatches`.
fn differing(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "mismatch" } else { "mismatches" })
}

fn project(state: &ProjectState) -> ProjectView {
    let model = match (&state.model, state.same_model) {
        (None, _) => "not stated".to_owned(),
        (Some(model), Some(true)) => format!("{}, the same file", model.file),
        (Some(model), Some(false)) => {
            format!("{}, another file than that of this report", model.file)
        }
        (Some(model), None) => model.file.clone(),
    };
    let (verification, details) = match &state.verification {
        Verification::NotRun => {
            ("not run for this report (--verify runs it)".to_owned(), Vec::new())
        }
        Verification::Run(verdict) => {
            let network = verdict.network.as_ref().map_or_else(String::new, |network| {
                format!(
                    "; {} samples with bounded FIFOs, {}",
                    count(network.samples as u64),
                    differing(network.mismatches)
                )
            });
            let text = format!(
                "{} values compared, {}{network} (headers: {})",
                count(verdict.compared),
                differing(verdict.mismatches),
                verdict.headers
            );
            (text, verdict.details.clone())
        }
    };
    let same = "the same as of this model and these settings".to_owned();
    ProjectView {
        facts: vec![
            ("folder", state.folder.clone()),
            ("top function", state.name.clone()),
            ("written by", format!("Bitkiln {}", state.version)),
            ("model", model),
            ("samples of its testbench", count(state.samples as u64)),
            ("C simulation", verification),
            (
                "hardware",
                if state.differences.is_empty() {
                    same
                } else {
                    "differs from this report".to_owned()
                },
            ),
        ],
        differences: state.differences.clone(),
        details,
    }
}

/// The warnings and notes, those that say the same of several layers as one.
fn diagnostics(page: &Page) -> Vec<(&'static str, String)> {
    let one = |it: &crate::diagnostic::Diagnostic| {
        let kind = match it.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
        };
        (kind, it.to_string())
    };
    grouped(&page.diagnostics).iter().map(one).collect()
}
