//! A written project beside the design that the model gives with its options.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::back::{Manifest, ModelSource, Verdict};
use crate::hls::Design;

/// A written project.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProjectState {
    /// Its folder, as the user stated it.
    pub folder: String,
    /// Its top function.
    pub name: String,
    /// The version of Bitkiln that wrote it.
    pub version: String,
    /// The model file that it was built from.
    pub model: Option<ModelSource>,
    /// True if that is the file of this report; `None` if the project does not state it.
    pub same_model: Option<bool>,
    /// Samples of its testbench.
    pub samples: usize,
    /// Differences of its manifest from the design of this report, none for the same hardware.
    pub differences: Vec<String>,
    /// The result of its testbench.
    pub verification: Verification,
}

/// The result of a testbench.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// It was not run for this report.
    NotRun,
    /// It was compiled and run for this report.
    Run(Verdict),
}

impl ProjectState {
    /// The state of the project in `folder` with this manifest, whose model file should be `model`.
    pub fn new(
        folder: &str,
        manifest: &Manifest,
        (design, model): (&Design, Option<&ModelSource>),
        verdict: Option<Verdict>,
    ) -> Self {
        let same = manifest.model.as_ref().zip(model).map(|(a, b)| a.sha256 == b.sha256);
        Self {
            folder: folder.to_owned(),
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            model: manifest.model.clone(),
            same_model: same,
            samples: manifest.samples,
            differences: differences(manifest, design),
            verification: verdict.map_or(Verification::NotRun, Verification::Run),
        }
    }

    /// False if its testbench found a mismatch.
    pub fn is_exact(&self) -> bool {
        match &self.verification {
            Verification::NotRun => true,
            Verification::Run(verdict) => verdict.is_exact(),
        }
    }
}

/// Differences of what `manifest` states to `design`.
fn differences(manifest: &Manifest, design: &Design) -> Vec<String> {
    let estimate = design.estimate();
    let numbers = [
        ("initiation interval", manifest.initiation_interval, design.schedule.initiation_interval),
        ("multipliers", manifest.multipliers, design.schedule.multipliers),
        ("latency", manifest.latency, estimate.latency),
    ];
    let mut all: Vec<String> = numbers
        .iter()
        .filter(|(_, theirs, ours)| theirs != ours)
        .map(|(name, theirs, ours)| format!("{name}: {theirs} in the project, {ours} here"))
        .collect();
    if manifest.resources != estimate.total {
        all.push("estimated resources".to_owned());
    }
    let ours: BTreeMap<&str, String> =
        design.types.iter().map(|ty| (ty.name.as_str(), ty.quantization.to_string())).collect();
    let theirs: BTreeMap<&str, String> =
        manifest.types.iter().map(|ty| (ty.name.as_str(), ty.quantization.to_string())).collect();
    for (name, ty) in &theirs {
        match ours.get(name) {
            Some(own) if own == ty => {}
            Some(own) => all.push(format!("type {name}: {ty} in the project, {own} here")),
            None => all.push(format!("type {name}: only in the project")),
        }
    }
    let new = ours.keys().filter(|name| !theirs.contains_key(*name));
    all.extend(new.map(|name| format!("type {name}: only here")));
    all
}
