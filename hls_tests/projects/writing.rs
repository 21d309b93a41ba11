//! Projects on disk.

use std::fs;
use std::path::Path;

use bitkiln::back::{BackError, Manifest, ModelSource, Tool, Vectors, WriteOptions, files, write};
use bitkiln::fixed::{Codes, Format, Overflow, Quantization, Rounding};
use bitkiln::hls::{Design, Options};
use bitkiln::ir::Graph;

use crate::networks::*;

fn design(network: &Network) -> Design {
    let options = Options::new(network.graph.name.as_str(), "xcvu13p-flga2577-2-e");
    Design::new(&network.graph, &options).unwrap()
}

fn write_tiny(project: &Path, force: bool) -> Result<(), BackError> {
    let network = tiny();
    let options = WriteOptions { force, model: None };
    write(&design(&network), Tool::Vitis, &network.vectors, project, &options)
}

fn entries(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const OURS: [&str; 6] =
    ["README.md", "bitkiln.json", "build_prj.tcl", "firmware", "tb_data", "tiny_test.cpp"];

#[test]
fn a_project_is_complete_and_alone() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("a/b/prj");
    write_tiny(&project, false).unwrap();
    assert_eq!(entries(&project), OURS);
    assert_eq!(entries(&project.join("tb_data")), ["input_1.dat", "scores_out.dat"]);
    assert_eq!(entries(&folder.path().join("a/b")), ["prj"]);

    let text = fs::read_to_string(project.join("bitkiln.json")).unwrap();
    let manifest = Manifest::from_json(&text).unwrap();
    assert_eq!((manifest.samples, manifest.values(manifest.samples)), (32, 96));
    for file in &manifest.files {
        assert!(project.join(file).is_file(), "{file}");
    }
}

#[test]
fn an_older_project_is_replaced_and_the_vendors_results_stay() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("prj");
    let other = every_mode();
    let options = WriteOptions::default();
    write(&design(&other), Tool::Vitis, &other.vectors, &project, &options).unwrap();
    fs::create_dir(project.join("tiny_prj")).unwrap();
    fs::write(project.join("tiny_prj/report.txt"), "good").unwrap();

    write_tiny(&project, false).unwrap();
    let mut expected = OURS.to_vec();
    expected.push("tiny_prj");
    expected.sort();
    let mut found = entries(&project);
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(fs::read_to_string(project.join("tiny_prj/report.txt")).unwrap(), "good");
    assert_eq!(entries(&project.join("tb_data")), ["input_1.dat", "scores_out.dat"]);
    assert_eq!(entries(folder.path()), ["prj"]);
}

#[test]
fn a_foreign_folder_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("thesis");
    fs::create_dir(&project).unwrap();
    fs::write(project.join("thesis.tex"), "years of work").unwrap();
    let error = write_tiny(&project, false).unwrap_err();
    assert!(matches!(error, BackError::NotOurs(_)), "{error}");
    assert!(error.to_string().ends_with("thesis exists, and Bitkiln did not write it"), "{error}");
    assert_eq!(entries(&project), ["thesis.tex"]);

    // A foreign manifest does not make the folder a project.
    fs::write(project.join("bitkiln.json"), "{}").unwrap();
    assert!(matches!(write_tiny(&project, false), Err(BackError::NotOurs(_))));

    // --force adds the project and removes nothing.
    write_tiny(&project, true).unwrap();
    assert_eq!(fs::read_to_string(project.join("thesis.tex")).unwrap(), "years of work");
    assert!(project.join("firmware/tiny.cpp").is_file());
}

#[test]
fn an_empty_folder_will_do_and_a_file_will_not() {
    let folder = tempfile::tempdir().unwrap();
    write_tiny(folder.path(), false).unwrap();
    assert_eq!(entries(folder.path()), OURS);

    let file = folder.path().join("README.md");
    for force in [false, true] {
        let error = write_tiny(&file, force).unwrap_err();
        assert!(matches!(error, BackError::NotAFolder(_)), "{error}");
    }
    let below = write_tiny(&file.join("prj"), false).unwrap_err();
    assert!(below.to_string().contains("README.md"), "{below}");
    assert!(below.to_string().starts_with("cannot write "), "{below}");
}

#[test]
fn a_failed_build_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("prj");
    write_tiny(&project, false).unwrap();
    let before = fs::read_to_string(project.join("firmware/tiny.cpp")).unwrap();

    let mut network = tiny();
    network.vectors.outputs.clear();
    let options = WriteOptions::default();
    let error = write(&design(&network), Tool::Vitis, &network.vectors, &project, &options);
    assert!(matches!(error, Err(BackError::Vectors(_))));
    assert_eq!(fs::read_to_string(project.join("firmware/tiny.cpp")).unwrap(), before);
    assert_eq!(entries(folder.path()), ["prj"]);
}

#[test]
fn vectors_that_do_not_fit_are_refused() {
    let codes = |shape: &[usize], code: i64| {
        Codes::Narrow(ndarray::ArrayD::from_elem(ndarray::IxDyn(shape), code))
    };
    let named = |name: &str, codes| vec![(name.to_owned(), codes)];
    let good = || named("scores", codes(&[2, 3], 1));
    for (inputs, outputs, complaint) in [
        (vec![], good(), "0 arrays for 1 inputs"),
        (named("input_1", codes(&[0, 6], 1)), good(), "there are no samples"),
        (
            named("input_1", codes(&[2, 5], 1)),
            good(),
            "'input_1' has the shape [2, 5], not 2 samples of [6]",
        ),
        (
            named("input_1", codes(&[3, 6], 1)),
            good(),
            "'scores' has the shape [2, 3], not 3 samples of [3]",
        ),
        (
            named("input_1", codes(&[2, 6], 128)),
            good(),
            "'input_1' has codes in [128, 128], beyond its type fixed<8,1>",
        ),
    ] {
        let vectors = Vectors { inputs, outputs };
        let folder = tempfile::tempdir().unwrap();
        let options = WriteOptions::default();
        let error = write(&design(&tiny()), Tool::Vitis, &vectors, folder.path(), &options);
        let error = error.unwrap_err().to_string();
        assert_eq!(error, format!("the test vectors do not fit the network: {complaint}"));
    }
}

#[test]
fn modes_that_a_vendor_lacks_are_refused() {
    for (backend, rounding, overflow, complaint) in [
        (
            Tool::Vitis,
            Rounding::RndConvOdd,
            Overflow::Sat,
            "layer 'y': Vitis HLS has no type that rounds and limits as \
             fixed<5,2,RND_CONV_ODD,SAT>",
        ),
        (
            Tool::Catapult,
            Rounding::Trn,
            Overflow::Wrap { saturated_bits: 1 },
            "layer 'y': Catapult has no type that rounds and limits as fixed<5,2,TRN,WRAP,1>",
        ),
    ] {
        let mut graph = Graph::new("one_cast");
        let x = graph.add_input("x", vec![2], format("fixed<9,4>"));
        let to = Quantization::new(Format::signed(5, 2).unwrap(), rounding, overflow);
        let y = add_cast_to(&mut graph, "y", x, to);
        graph.add_output("y", y);
        let network = Network::new(graph, 2, 1);
        let folder = tempfile::tempdir().unwrap();
        let options = WriteOptions::default();
        let error = write(&design(&network), backend, &network.vectors, folder.path(), &options);
        assert_eq!(error.unwrap_err().to_string(), complaint);
        assert!(entries(folder.path()).is_empty());
    }
}

/// Vitis runs kernels concurrently; in Catapult they are loops of one process.
#[test]
fn the_interval_is_that_of_the_slowest_process() {
    let mut graph = Graph::new("two");
    let x = graph.add_input("x", vec![5000, 1], Format::signed(8, 1).unwrap());
    let y = add_cast(&mut graph, "y", x, "fixed<7,1,RND,SAT>");
    let z = add_cast(&mut graph, "z", y, "fixed<6,1,RND,SAT>");
    graph.add_output("z", z);
    let network = Network::new(graph, 1, 1);
    for backend in Tool::ALL {
        let files = files(&network.design(backend), backend, &network.vectors, None).unwrap();
        let manifest = files.iter().find(|file| file.path == "bitkiln.json").unwrap();
        let manifest = Manifest::from_json(&manifest.contents).unwrap();
        assert_eq!(manifest.initiation_interval, 5000, "{backend}");
    }
}

#[test]
fn the_manifest_knows_the_model() {
    let model = ModelSource::new("some/where/model.h5".as_ref(), b"abc");
    assert_eq!(model.file, "model.h5");
    // FIPS 180-4's example.
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(model.sha256, hash);
}
