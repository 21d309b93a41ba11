//! Arrays in NumPy's files.

use std::path::Path;

use bitkiln::front::{Arrays, Problem, read_arrays, write_npz};
use ndarray::{ArrayD, IxDyn, arr1, arr2};

use crate::{fixture, project};

fn named(path: &Path) -> Vec<(String, ArrayD<f64>)> {
    match read_arrays(path).unwrap() {
        Arrays::Named(arrays) => arrays,
        Arrays::One(_) => panic!("{} holds one array", path.display()),
    }
}

#[test]
fn inputs_of_a_reference_case() {
    // The numbers are what numpy.load gives.
    let inputs = named(&project("hls_tests/reference/net_mlp_softmax/inputs.npz"));
    let [(name, array)] = inputs.as_slice() else { panic!("{} arrays", inputs.len()) };
    assert_eq!((name.as_str(), array.shape()), ("input_1", &[16, 16][..]));
    assert_eq!((array[[0, 0]], array[[15, 15]], array.sum()), INPUTS);
}

const INPUTS: (f64, f64, f64) = (-0.7421875, -1.0, 3.8515625);

/// numpy.savez_compressed of an array of each type, and numpy.save of one.
#[test]
fn every_type_that_numpy_writes() {
    let arrays = named(&fixture("types.npz"));
    let names: Vec<&str> = arrays.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1", "big", "fortran"]
    );
    for (name, array) in &arrays {
        let expected = match name.as_str() {
            "f2" | "f4" | "f8" | "big" => arr2(&[[0.5, -1.25], [0.0, 3.0]]).into_dyn(),
            "fortran" => arr2(&[[0., 1., 2.], [3., 4., 5.]]).into_dyn(),
            "b1" => arr2(&[[1., 0.], [0., 1.]]).into_dyn(),
            unsigned if unsigned.starts_with('u') => arr2(&[[0., 1.], [2., 250.]]).into_dyn(),
            _ => arr2(&[[0., 1.], [-2., 100.]]).into_dyn(),
        };
        assert_eq!(*array, expected, "{name}");
    }
    let one = read_arrays(&fixture("one.npy")).unwrap();
    assert_eq!(one, Arrays::One(arr1(&[1.5, -2.0, 0.25]).into_dyn()));
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.npz");
    let values = arr2(&[[0.1, -0.0], [f64::MIN_POSITIVE, 1e300]]).into_dyn();
    let empty = ArrayD::zeros(IxDyn(&[0, 3]));
    std::fs::write(&path, "an older file").unwrap();
    write_npz(&path, &[("a/b", values.clone()), ("relu 1", empty.clone())]).unwrap();
    assert_eq!(named(&path), [("a/b".to_owned(), values), ("relu 1".to_owned(), empty)]);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "temporary files are left");
}

#[test]
fn a_failed_write_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let error = write_npz::<f64>(&folder.path().join("none/out.npz"), &[]).unwrap_err();
    assert!(matches!(*error.problem, Problem::Unwritable(_)), "{error}");
    assert!(error.to_string().contains("none/out.npz: cannot be written"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn other_files_are_refused() {
    let error = read_arrays(&project("hls_tests/reference/net_mlp_softmax/model.h5")).unwrap_err();
    assert!(
        error.to_string().ends_with("model.h5: not a recognised array file (an HDF5 file)"),
        "{error}"
    );
    let archive = project("hls_tests/reference/v3_mlp/model.keras");
    let error = read_arrays(&archive).unwrap_err();
    let text = "entry 'metadata.json': is damaged: the array has no NumPy header";
    assert!(error.to_string().ends_with(text), "{error}");
}
