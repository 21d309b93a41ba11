//! Convolutional networks of common sizes as streaming designs: `hls_tests/streams/generate.py`.

use std::fs;
use std::path::Path;

use bitkiln::back::{Headers, Manifest, Tool};
use bitkiln::config::IoType;
use bitkiln::{Compiler, CompilerOptions, Target};

use crate::vendors;

/// Most bytes of generated code, without weights.
const MOST_CODE: u64 = 1 << 20;

/// Builds the network for `target`, if given, and verifies two images, side by side as well. The
/// initiation interval of the project.
fn verified(name: &str, backend: Tool, target: Option<Target>) -> u64 {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/streams").join(name);
    let compiler = Compiler::new(CompilerOptions {
        input_types: vec!["ufixed<8,0>".parse().unwrap()],
        io_type: Some(IoType::Stream),
        backend: Some(backend),
        target,
        ..Default::default()
    });
    let network = compiler.load(&file).unwrap();
    let hardware = network.design().unwrap();
    let vectors = hardware.vectors(network.random_samples(2)).unwrap();
    let project = tempfile::tempdir().unwrap();
    hardware.emit(project.path(), &vectors, false).unwrap();
    assert_eq!(vendors::check(project.path()).unwrap(), [""; 0]);
    let text = fs::read_to_string(project.path().join("bitkiln.json")).unwrap();
    let manifest = Manifest::from_json(&text).unwrap();
    let code = manifest.files.iter().filter(|file| !file.contains("weights/"));
    let code = code.filter(|file| file.ends_with(".cpp") || file.ends_with(".h"));
    let bytes: u64 = code.map(|file| fs::metadata(project.path().join(file)).unwrap().len()).sum();
    assert!(bytes < MOST_CODE, "{bytes} bytes of code");
    let verdict = hardware.verify(project.path(), Headers::Builtin).unwrap();
    assert!(verdict.is_exact(), "{:?}", verdict.details);
    let side_by_side = verdict.network.unwrap();
    assert_eq!((side_by_side.samples, side_by_side.compared), (2, 2 * verdict.compared));
    manifest.initiation_interval
}

/// MobileNet of 13 depthwise separable blocks, for 1000 images in a second at 100 MHz.
#[test]
fn a_mobilenet_streams_at_its_target() {
    let interval = verified("mobilenet.h5", Tool::Vitis, Some(Target::Interval(100_000)));
    assert!(interval <= 100_000, "{interval}");
}

#[test]
fn a_unet_streams() {
    verified("unet.h5", Tool::Catapult, None);
}

#[test]
fn a_resnet_streams() {
    verified("resnet8.h5", Tool::Vitis, None);
}
