//! Tables of the page: a layer a row, with bars or shades behind numbers.

use super::text::{count, count_or_dash, number, percent, shape};
use crate::fixed::Format;
use crate::hls::estimate::{Resource, Resources};
use crate::report::page::{EnergyTable, LayerEntry, Page};
use crate::report::{LayerRow, Summary};

/// A table.
pub(super) struct TableView {
    pub caption: String,
    /// The classes of its style: bars or shades.
    pub style: &'static str,
    pub heads: Vec<Head>,
    pub rows: Vec<Row>,
    /// The cells of a last row.
    pub total: Option<Row>,
}

impl TableView {
    /// True if a row is a layer.
    pub(super) fn is_by_layer(&self) -> bool {
        self.rows.iter().any(|row| row.index.is_some())
    }
}

/// The title of a column.
pub(super) struct Head {
    pub title: &'static str,
    pub is_number: bool,
}

/// A layer.
pub(super) struct Row {
    /// Its position in the model; `None` for what is no layer.
    pub index: Option<usize>,
    pub name: String,
    pub cells: Vec<Cell>,
}

/// An entry.
pub(super) struct Cell {
    pub text: String,
    /// Its class in the style sheet.
    pub class: &'static str,
    /// 0 to 1, for a bar or a shade.
    pub share: Option<String>,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "", share: None }
    }

    /// Words that may take several lines.
    pub(super) fn prose(text: impl Into<String>) -> Self {
        Self { class: "prose", ..Self::text(text) }
    }

    pub(super) fn number(text: impl Into<String>) -> Self {
        Self { class: "number", ..Self::text(text) }
    }

    /// A number with its share of the largest one.
    fn of(text: String, value: f64, largest: f64) -> Self {
        let share = (value > 0.0 && largest > 0.0).then(|| format!("{:.3}", value / largest));
        Self { share, ..Self::number(text) }
    }
}

fn heads(texts: &[&'static str], numbers: &[&'static str]) -> Vec<Head> {
    let head = |is_number| move |title: &&'static str| Head { title, is_number };
    texts.iter().map(head(false)).chain(numbers.iter().map(head(true))).collect()
}

fn format(format: Option<Format>) -> String {
    format.map_or_else(|| "–".to_owned(), |format| format.to_string())
}

/// Types, ranges, arithmetic and time of every layer.
pub(super) fn layers(page: &Page) -> TableView {
    let cells = |layer: &LayerEntry| {
        let class = Cell::text(&layer.class);
        let Some(row) = &layer.hardware else {
            return std::iter::once(class).chain((0..12).map(|_| Cell::text(""))).collect();
        };
        let texts = [
            shape(&row.shape),
            format(row.weight),
            format(row.accumulator),
            row.result.to_string(),
            format!("[{},\u{a0}{}]", number(row.range.0), number(row.range.1)),
        ];
        let hardware = if row.hardware.is_empty() { "–" } else { &row.hardware };
        let numbers = [
            row.counts.multiplications,
            row.counts.additions,
            row.counts.xnors,
            row.weight_bits as u64,
            row.cycles,
            row.latency,
        ];
        let numbers = numbers.map(|number| Cell::number(count_or_dash(number)));
        let texts = texts.map(Cell::text).into_iter().chain([Cell::prose(hardware)]);
        std::iter::once(class).chain(texts).chain(numbers).collect()
    };
    let totals = |of: &dyn Fn(&LayerRow) -> u64| {
        let all = page.layers.iter().filter_map(|layer| layer.hardware.as_ref());
        Cell::number(count_or_dash(all.map(of).sum()))
    };
    let blank = (0..7).map(|_| Cell::text(""));
    let total = blank.chain([
        totals(&|row| row.counts.multiplications),
        totals(&|row| row.counts.additions),
        totals(&|row| row.counts.xnors),
        totals(&|row| row.weight_bits as u64),
        Cell::text(""),
        Cell::text(""),
    ]);
    TableView {
        caption: "Types, proven range, hardware and cost of each layer for one sample".to_owned(),
        style: "plain",
        heads: heads(
            &["class", "shape", "weights", "accumulator", "result", "proven range", "hardware"],
            &["multiplications", "additions", "XNORs", "weight bits", "cycles", "latency"],
        ),
        rows: rows(page, cells),
        total: Some(Row { index: None, name: "total".to_owned(), cells: total.collect() }),
    }
}

/// Widths in bits, shaded by their share of the largest one.
pub(super) fn widths(page: &Page) -> TableView {
    type Of = fn(&LayerRow) -> Option<Format>;
    let columns: [Of; 5] = [
        |row| row.weight,
        |row| row.scale,
        |row| row.bias,
        |row| row.accumulator,
        |row| Some(row.result),
    ];
    let rows_of = || page.layers.iter().filter_map(|layer| layer.hardware.as_ref());
    let all = rows_of().flat_map(|row| columns.iter().filter_map(move |of| of(row)));
    let widest = all.map(Format::width).max().unwrap_or(1);
    let cells = |layer: &LayerEntry| {
        let cell = |of: &Of| match layer.hardware.as_ref().and_then(of) {
            None => Cell::number("–"),
            Some(format) => {
                let width = format.width();
                Cell::of(width.to_string(), f64::from(width), f64::from(widest))
            }
        };
        columns.iter().map(cell).collect()
    };
    TableView {
        caption: format!("Widths in bits; the darkest shade is {widest} bits"),
        style: "heat",
        heads: heads(&[], &["weights", "scale", "bias", "accumulator", "result"]),
        rows: rows(page, cells),
        total: None,
    }
}

/// Estimated resources by layer, with bars of the largest layer.
pub(super) fn resources(page: &Page) -> TableView {
    let of = |layer: &LayerEntry| layer.hardware.as_ref().map(|row| row.resources);
    let largest = |resource: Resource| {
        page.layers.iter().filter_map(of).map(|it| it.of(resource)).max().unwrap_or(0)
    };
    let shown = shown(&page.summary.resources);
    let cells = |layer: &LayerEntry| {
        let resources = of(layer).unwrap_or_default();
        let cell = |resource: &Resource| {
            let value = resources.of(*resource);
            Cell::of(count_or_dash(value), value as f64, largest(*resource) as f64)
        };
        shown.iter().map(cell).collect()
    };
    let total = shown.iter().map(|it| Cell::number(count(page.summary.resources.of(*it))));
    let titles: Vec<&'static str> = shown.iter().map(|resource| resource.short()).collect();
    TableView {
        caption: "Estimated resources of each layer; bars are shares of the largest layer"
            .to_owned(),
        style: "bars",
        heads: heads(&[], &titles),
        rows: rows(page, cells),
        total: Some(Row { index: None, name: "design".to_owned(), cells: total.collect() }),
    }
}

/// The resources of a design against its part.
pub(super) fn budget(summary: &Summary) -> TableView {
    let row = |resource: Resource| {
        let used = summary.resources.of(resource);
        let all = summary.part.map(|part| part.resources.of(resource)).filter(|all| *all > 0);
        let share = all.map(|all| used as f64 / all as f64);
        let share = match share {
            Some(share) => {
                let of = Cell::of(percent(share), share.min(1.0), 1.0);
                let text =
                    if share > 1.0 { format!("{} (does not fit)", of.text) } else { of.text };
                Cell { text, ..of }
            }
            None => Cell::number("–"),
        };
        let all = all.map_or_else(|| "–".to_owned(), count);
        let cells = vec![Cell::number(count(used)), Cell::number(all), share];
        Row { index: None, name: resource.short().to_owned(), cells }
    };
    let part = summary.part.map_or("an unknown part", |part| part.device);
    TableView {
        caption: format!("Estimated resources against {part}"),
        style: "bars",
        heads: heads(&[], &["estimate", "part", "share"]),
        rows: shown(&summary.resources).into_iter().map(row).collect(),
        total: None,
    }
}

/// All resources but UltraRAMs, which no estimate has.
fn shown(resources: &Resources) -> Vec<Resource> {
    let is_shown = |it: &Resource| *it != Resource::Uram || resources.uram > 0;
    Resource::ALL.into_iter().filter(is_shown).collect()
}

/// The energy of every layer, with bars of the largest entry of a column.
pub(super) fn energy(page: &Page) -> Option<TableView> {
    let EnergyTable::Layers { layers, names, .. } = &page.energy else { return None };
    let of = |layer: &crate::qtools::LayerEnergy| {
        let costs = layer.energy;
        [costs.inputs, costs.parameters, costs.op_cost, costs.outputs, layer.total()]
    };
    let mut largest = [0.0_f64; 5];
    for costs in layers.iter().map(of) {
        largest.iter_mut().zip(costs).for_each(|(largest, cost)| *largest = largest.max(cost));
    }
    let row = |(layer, name): (&crate::qtools::LayerEnergy, &String)| {
        let costs = of(layer).into_iter().zip(largest);
        let cells = costs.map(|(cost, largest)| match cost {
            0.0 => Cell::number("–"),
            cost => Cell::of(number(cost), cost, largest),
        });
        let index = page.layers.iter().position(|it| it.name == *name);
        Row { index, name: name.clone(), cells: cells.collect() }
    };
    let blank = (0..4).map(|_| Cell::text(""));
    let total = blank.chain([Cell::number(number(counted(layers)))]).collect();
    Some(TableView {
        caption: "Energy of each layer for one sample in pJ; bars are shares of the largest layer"
            .to_owned(),
        style: "bars",
        heads: heads(&[], &["inputs", "parameters", "operations", "outputs", "counted"]),
        rows: layers.iter().zip(names).map(row).collect(),
        total: Some(Row { index: None, name: "total".to_owned(), cells: total }),
    })
}

/// The costs of all `layers` that QTools counts. Its own total is cut to whole pJ.
pub(super) fn counted(layers: &[crate::qtools::LayerEnergy]) -> f64 {
    layers.iter().map(crate::qtools::LayerEnergy::total).sum()
}

/// Differences of the simulated results of layers, with bars of the largest error.
pub(super) fn differences(page: &Page) -> TableView {
    let found = || {
        let layers = page.layers.iter().enumerate();
        let rows = layers.flat_map(|(at, layer)| layer.values.iter().map(move |row| (at, row)));
        rows.filter_map(|(at, row)| Some((at, row, row.difference?)))
    };
    let largest = found().map(|(.., difference)| difference.largest).fold(0.0, f64::max);
    let has_reference = found().any(|(_, row, _)| row.reference.is_some());
    let row = |(at, row, difference): (
        usize,
        &crate::profile::ProfileRow,
        crate::profile::Difference,
    )| {
        let decibels = |it: crate::profile::Difference| match it.decibels() {
            // No negative zero.
            Some(decibels) => format!("{:.1} dB", (decibels * 10.0).round() / 10.0 + 0.0),
            None if it.largest == 0.0 => "exact".to_owned(),
            None => "–".to_owned(),
        };
        let equal = difference.equal as f64 / difference.count.max(1) as f64;
        let mut cells = vec![
            Cell::of(number(difference.largest), difference.largest, largest),
            Cell::number(number(difference.mean)),
            Cell::number(decibels(difference)),
            Cell::number(percent(equal)),
        ];
        if has_reference {
            let stated = row.reference;
            let cell = |text: Option<String>| Cell::number(text.unwrap_or_else(|| "–".to_owned()));
            cells.push(cell(stated.map(|it| number(it.largest))));
            cells.push(cell(stated.map(decibels)));
        }
        Row { index: Some(at), name: row.layer.clone(), cells }
    };
    let mut titles = vec!["largest error", "mean error", "SQNR", "equal values"];
    if has_reference {
        titles.extend(["largest error to reference", "SQNR to reference"]);
    }
    TableView {
        caption: "Results in simulation against those of the trained network in float64".to_owned(),
        style: "bars",
        heads: heads(&[], &titles),
        rows: found().map(row).collect(),
        total: None,
    }
}

fn rows(page: &Page, cells: impl Fn(&LayerEntry) -> Vec<Cell>) -> Vec<Row> {
    let row = |(index, layer): (usize, &LayerEntry)| Row {
        index: Some(index),
        name: layer.name.clone(),
        cells: cells(layer),
    };
    page.layers.iter().enumerate().map(row).collect()
}
