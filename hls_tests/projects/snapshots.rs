//! The files of one tiny network, as people will read them.

use bitkiln::back::{Backend, File, ModelFile, files};
use bitkiln::hls::{Design, Options};

use crate::forms::{small_forms, small_functions};
use crate::networks::{Network, tiny};

fn project(network: &Network, backend: Backend) -> Vec<File> {
    let name = network.graph.name.as_str();
    let mut options = Options::new(name, backend.default_part());
    options.table_sizes = network.table_sizes.clone();
    let design = Design::new(&network.graph, &options).unwrap();
    let model = ModelFile::new(format!("{name}.h5").as_ref(), b"");
    files(&design, backend, &network.vectors, Some(&model)).unwrap()
}

fn snapshot(backend: Backend) {
    for file in project(&tiny(), backend) {
        let name = format!("{backend}_{}", file.path.replace('/', "-"));
        insta::assert_snapshot!(name, file.contents);
    }
}

/// What the forms of matrices and functions change: kernels, types, and how weights are kept.
#[test]
fn forms() {
    for backend in Backend::ALL {
        let of_interest = |file: &File| {
            let kept = file.path.starts_with("firmware/weights/shifts");
            let kernels = ["firmware/forms.cpp", "firmware/functions.cpp", "firmware/defines.h"];
            kept || kernels.contains(&file.path.as_str())
        };
        for network in [small_forms(), small_functions()] {
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
    snapshot(Backend::Vitis);
}

#[test]
fn catapult() {
    snapshot(Backend::Catapult);
}
