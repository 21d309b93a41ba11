//! Every loop of the hardware is unrolled, or a pipeline, or holds one: a loop that is neither takes the
//! cycles of its body for each iteration.

use super::Vendor;
use super::source::{Kind, Next, Pragma, Source};

/// The execution that a pragma states for a loop or function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Execution {
    Pipeline,
    Unroll,
}

/// The execution that `pragma` states, and the scope that it is about.
fn stated(vendor: Vendor, pragma: &Pragma) -> Option<(usize, Execution)> {
    let text = pragma.text.to_ascii_lowercase();
    let (pipeline, unroll) = match vendor {
        Vendor::Vitis => ("hls pipeline", "hls unroll"),
        Vendor::Catapult => ("hls_pipeline_init_interval", "hls_unroll"),
    };
    let execution = match () {
        () if text.starts_with(pipeline) => Execution::Pipeline,
        () if text.starts_with(unroll) => Execution::Unroll,
        () => return None,
    };
    // Vitis' stand inside of what they are about, Catapult's before it.
    let scope = match (vendor, &pragma.next) {
        (Vendor::Vitis, _) => *pragma.scopes.last()?,
        (Vendor::Catapult, Next::Scope(scope)) => *scope,
        (Vendor::Catapult, Next::Declaration(_) | Next::Other) => return None,
    };
    Some((scope, execution))
}

/// Complaints about the loops of `source`, by function.
pub(super) fn complaints(vendor: Vendor, source: &Source) -> Vec<String> {
    let stated: Vec<_> = source.pragmas.iter().filter_map(|it| stated(vendor, it)).collect();
    let scopes = &source.scopes;
    let around = |scope: usize| {
        std::iter::successors(Some(scope), |scope| scopes[*scope].parent).collect::<Vec<_>>()
    };
    let is_pipeline = |scope: usize| stated.contains(&(scope, Execution::Pipeline));
    // Functions that are pipelines, or have one.
    let mut fast: Vec<&str> = Vec::new();
    for (position, _) in scopes.iter().enumerate().filter(|(at, _)| is_pipeline(*at)) {
        for scope in around(position) {
            if let Kind::Function { name, .. } = &scopes[scope].kind {
                fast.push(name);
            }
        }
    }
    let is_loop = |position: &usize| matches!(scopes[*position].kind, Kind::Loop { .. });
    let slow = (0..scopes.len()).filter(is_loop).filter(|position| {
        let is_stated = stated.iter().any(|(scope, _)| scope == position);
        let is_inside = around(*position).into_iter().any(is_pipeline);
        let has_pipeline =
            (0..scopes.len()).any(|inner| is_pipeline(inner) && around(inner).contains(position));
        let calls = fast.iter().any(|name| scopes[*position].mentions.contains(*name));
        !(is_stated || is_inside || has_pipeline || calls)
    });
    let function = |position: usize| {
        around(position).into_iter().find_map(|scope| match &scopes[scope].kind {
            Kind::Function { name, .. } => Some(name.clone()),
            Kind::Loop { .. } | Kind::Other => None,
        })
    };
    let mut found: Vec<String> = slow.filter_map(function).collect();
    found.dedup();
    found.iter().map(|name| format!("a loop of '{name}' is no pipeline and not unrolled")).collect()
}
