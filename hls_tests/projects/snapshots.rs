//! The files of one tiny network, as people will read them.

use bitkiln::back::{Backend, ModelFile, files};
use bitkiln::hls::{Design, Options};

use crate::networks::tiny;

fn snapshot(backend: Backend) {
    let network = tiny();
    let options = Options::new("tiny", backend.default_part());
    let design = Design::new(&network.graph, &options).unwrap();
    let model = ModelFile::new("tiny.h5".as_ref(), b"");
    let files = files(&design, backend, &network.vectors, Some(&model)).unwrap();
    for file in files {
        let name = format!("{backend}_{}", file.path.replace('/', "-"));
        insta::assert_snapshot!(name, file.contents);
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
