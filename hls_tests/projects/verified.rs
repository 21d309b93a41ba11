//! Written projects compute what the evaluator says, with every set of headers.

use std::path::Path;

use bitkiln::back::{Backend, Headers, WriteOptions, verify, write};
use bitkiln::hls::{Design, Options};

use crate::networks::*;

/// Every set of headers: the stand-ins always, the vendors' unless the machine has none and
/// says so.
fn headers() -> Vec<Headers> {
    vec![Headers::Builtin, Headers::Vendor]
}

fn build(network: &Network, backend: Backend, options: Option<Options>, project: &Path) {
    let name = network.graph.name.clone();
    let options = options.unwrap_or_else(|| Options::new(name, backend.default_part()));
    let design = Design::new(&network.graph, &options).unwrap();
    write(&design, backend, &network.vectors, project, &WriteOptions::default()).unwrap();
}

fn assert_exact(network: &Network) {
    for backend in Backend::ALL {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("prj");
        build(network, backend, None, &project);
        for headers in headers() {
            let verdict = verify(&project, headers.clone()).unwrap_or_else(|error| {
                panic!("{} {backend} {headers:?}: {error}", network.graph.name)
            });
            assert!(
                verdict.is_exact(),
                "{} {backend} {headers:?}: {:?}",
                network.graph.name,
                verdict.details
            );
        }
    }
}

#[test]
fn dense_layers_and_casts() {
    assert_exact(&small());
}
