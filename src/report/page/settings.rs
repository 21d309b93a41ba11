//! The choices that led to a design, in words.

use serde::Serialize;

use crate::config::{IoType, Strategy, Tool};
use crate::hls::Options;

/// A choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Its value, with units.
    pub value: String,
    /// Values of single layers, by the layer's name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<(String, String)>,
}

/// The settings of a design for `tool`.
pub(super) fn settings(tool: Tool, options: &Options) -> Vec<Setting> {
    let plain = |name, value: String| Setting { name, value, layers: Vec::new() };
    let mut all = vec![
        plain("tool", tool.title().to_owned()),
        plain("part", options.part.clone()),
        plain(
            "clock period",
            format!("{} ns, {} % uncertainty", options.clock_period, percent(options)),
        ),
        plain("interfaces", interfaces(options.io).to_owned()),
    ];
    let strategies = options.layer_strategies.iter();
    all.push(Setting {
        name: "strategy",
        value: strategy(options.strategy).to_owned(),
        layers: strategies
            .filter(|(_, own)| **own != options.strategy)
            .map(|(layer, own)| (layer.clone(), strategy(*own).to_owned()))
            .collect(),
    });
    all.push(match options.target_interval {
        Some(cycles) => plain("target interval", format!("{cycles} cycles")),
        None => plain("reuse factor", options.reuse_factor.to_string()),
    });
    let by_layer = [
        ("reuse factors", &options.layer_reuse_factors),
        ("target intervals", &options.layer_target_intervals),
        ("parallelization factors", &options.layer_parallelization_factors),
        ("recurrent reuse factors", &options.layer_recurrent_reuse_factors),
    ];
    for (name, layers) in by_layer.into_iter().filter(|(_, layers)| !layers.is_empty()) {
        let layers = layers.iter().map(|(layer, number)| (layer.clone(), number.to_string()));
        all.push(Setting { name, value: "of layers".to_owned(), layers: layers.collect() });
    }
    let tables = options.table_sizes.layers.iter();
    all.push(Setting {
        name: "largest lookup table",
        value: format!("{} entries", options.table_sizes.entries),
        layers: tables.map(|(layer, entries)| (layer.clone(), entries.to_string())).collect(),
    });
    all
}

/// The clock uncertainty in percent.
fn percent(options: &Options) -> String {
    crate::report::layers::rounded(options.clock_uncertainty * 100.0)
}

fn strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Latency => "latency",
        Strategy::Resource => "resource",
    }
}

fn interfaces(io: IoType) -> &'static str {
    match io {
        IoType::Parallel => "parallel (arrays)",
        IoType::Stream => "stream (FIFOs)",
    }
}
