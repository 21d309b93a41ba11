//! The details of a layer.

use std::collections::BTreeSet;

use super::graph::key;
use super::histogram::HistogramView;
use super::text::{clock_cycles, count, number, percent, shape};
use crate::fixed::Format;
use crate::hls::FunctionSize;
use crate::report::page::{LayerEntry, Page};

/// A layer.
pub(super) struct LayerView {
    pub index: usize,
    pub name: String,
    pub class: String,
    pub group: &'static str,
    pub group_title: &'static str,
    pub facts: Vec<(&'static str, String)>,
    pub reads: Vec<LayerLink>,
    pub read_by: Vec<LayerLink>,
    pub histograms: Vec<HistogramView>,
    /// Warnings and notes about it.
    pub diagnostics: Vec<String>,
}

/// A link to a layer.
pub(super) struct LayerLink {
    pub index: usize,
    pub name: String,
}

impl LayerView {
    pub(super) fn new(page: &Page, index: usize) -> Self {
        let layer = &page.layers[index];
        let link = |index: usize| LayerLink { index, name: page.layers[index].name.clone() };
        let links = |others: &mut dyn Iterator<Item = usize>| {
            // A layer may read a result twice.
            others.collect::<BTreeSet<_>>().into_iter().map(link).collect()
        };
        let edges = || page.edges.iter();
        let diagnostics = page.diagnostics.iter();
        let own = diagnostics.filter(|it| it.layer.as_deref() == Some(layer.name.as_str()));
        Self {
            index,
            name: layer.name.clone(),
            class: layer.class.clone(),
            group: key(layer.group),
            group_title: layer.group.title(),
            facts: facts(layer),
            reads: links(&mut edges().filter(|it| it.to == index).map(|it| it.from)),
            read_by: links(&mut edges().filter(|it| it.from == index).map(|it| it.to)),
            histograms: layer.values.iter().map(HistogramView::new).collect(),
            diagnostics: own.map(ToString::to_string).collect(),
        }
    }
}

fn facts(layer: &LayerEntry) -> Vec<(&'static str, String)> {
    if let Some(norm) = &layer.folded_into {
        return vec![("result", format!("none of its own: '{norm}' is folded into it"))];
    }
    let Some(row) = &layer.hardware else {
        return vec![("hardware", "none: no output depends on it".to_owned())];
    };
    let mut facts = vec![
        ("shape", shape(&row.shape)),
        ("result", row.result.to_string()),
        ("proven range", format!("[{}, {}]", number(row.range.0), number(row.range.1))),
    ];
    let mut add = |name, text: Option<String>| facts.extend(text.map(|text| (name, text)));
    let type_of = |format: Option<Format>| format.map(|format| format.to_string());
    let counted = |number: u64| (number > 0).then(|| count(number));
    add("weights", type_of(row.weight));
    add("scale", type_of(row.scale));
    add("bias", type_of(row.bias));
    add("accumulator", type_of(row.accumulator));
    add("operations", (!row.operations.is_empty()).then(|| row.operations.join(", ")));
    add("hardware", (!row.hardware.is_empty()).then(|| row.hardware.clone()));
    let functions: Vec<String> = row.functions.iter().map(FunctionSize::to_string).collect();
    add("functions", (!functions.is_empty()).then(|| functions.join(", ")));
    add("multiplications", counted(row.counts.multiplications));
    add("additions", counted(row.counts.additions));
    add("shifts", counted(row.counts.shifts));
    add("XNORs", counted(row.counts.xnors));
    add("multipliers", counted(row.multipliers));
    add("weight bits", counted(row.weight_bits as u64));
    add("table bits", counted(row.table_bits as u64));
    let resources = row.resources;
    add(
        "estimate",
        Some(format!(
            "{} DSP, {} LUT, {} FF, {} BRAM18",
            count(resources.dsp),
            count(resources.lut),
            count(resources.ff),
            count(resources.bram18)
        )),
    );
    add("time", Some(format!("{}, latency {}", clock_cycles(row.cycles), count(row.latency))));
    let difference = layer.values.iter().find_map(|values| values.difference);
    add(
        "error to float64",
        difference.map(|it| {
            let equal = percent(it.equal as f64 / it.count.max(1) as f64);
            format!("largest {}, mean {}, {equal} equal", number(it.largest), number(it.mean))
        }),
    );
    facts
}
