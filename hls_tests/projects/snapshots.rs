//! Generated files as users read them.

use bitkiln::back::{File, ModelSource, Tool, files};

use crate::factors::small_factors;
use crate::forms::{small_forms, small_functions};
use crate::networks::{Network, tiny};
use crate::pooled::small_pools;
use crate::recurrences::small_recurrence;
use crate::resource::small_tiles;
use crate::streams::small_streams;

fn project(network: &Network, backend: Tool) -> Vec<File> {
    let model = ModelSource::new(format!("{}.h5", network.graph.name).as_ref(), b"");
    files(&network.design(backend), backend, &network.vectors, Some(&model)).unwrap()
}

fn snapshot(backend: Tool) {
    for file in project(&tiny(), backend) {
        let name = format!("{backend}_{}", file.path.replace('/', "-"));
        insta::assert_snapshot!(name, file.contents);
    }
}

/// Files that the forms of matrices and functions change: kernels, types and weights.
#[test]
fn forms() {
    for backend in Tool::ALL {
        let of_interest = |file: &File| {
            let kept = file.path.starts_with("firmware/weights/shifts");
            let kernels = [
                "forms.cpp",
                "functions.cpp",
                "factors.cpp",
                "blocks.cpp",
                "streams.cpp",
                "pools.cpp",
                "delayed.cpp",
                "defines.h",
            ];
            let is_kernels = |path: &str| {
                path.strip_prefix("firmware/").is_some_and(|name| kernels.contains(&name))
            };
            kept || is_kernels(&file.path)
        };
        let networks = [
            small_forms(),
            small_functions(),
            small_factors(),
            small_tiles(),
            small_streams(),
            small_pools(),
            small_recurrence(),
        ];
        for network in networks {
            for file in project(&network, backend).into_iter().filter(of_interest) {
                let name = &network.graph.name;
                let name = format!("{name}_{backend}_{}", file.path.replace('/', "-"));
                insta::assert_snapshot!(name, file.contents);
            }
        }
    }
}

#[test]
fn vitis() {
    snapshot(Tool::Vitis);
}

#[test]
fn catapult() {
    snapshot(Tool::Catapult);
}
