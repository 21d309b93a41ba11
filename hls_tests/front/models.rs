//! Every reference model and every real model loads, or has a layer or quantizer without support.

use std::path::{Path, PathBuf};

use bitkiln::front::{FrontError, LayerProblem, load};
use bitkiln::model::{Activation, LayerKind, Model};
use ndarray::Array;

use crate::{dense, digest, layer, layer_problem, names, project, relu, shared};

/// The folders of cases in a folder.
fn cases(parent: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// Loads the Keras model in a folder; `None` if it has none.
fn load_case(folder: &Path) -> Option<Result<Model, FrontError>> {
    let existing = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
    let model =
        ["model.h5", "model.keras", "model.json", "model"].into_iter().find_map(existing)?;
    Some(load(&model, existing("weights.h5").as_deref()))
}

/// Names of the traced layers: all but inputs. Where no result is that of Keras, its trace is apart.
fn traced(folder: &Path) -> Vec<String> {
    let apart = folder.join("keras.npz");
    let file = if apart.exists() { apart } else { folder.join("trace.npz") };
    let arrays = bitkiln::front::read_arrays(&file).unwrap();
    let bitkiln::front::Arrays::Named(arrays) = arrays else { panic!("no names") };
    arrays.into_iter().map(|(name, _)| name).collect()
}

/// Checks that a model has the layers of the trace, or fails because a class, a quantizer or an
/// activation is not supported.
fn check(folder: &Path) -> bool {
    let Some(result) = load_case(folder) else { return false };
    match result {
        Ok(model) => {
            let is_input =
                |layer: &&bitkiln::model::Layer| !matches!(layer.kind, LayerKind::Input { .. });
            let layers = model.graph.node_weights().filter(is_input);
            let traced = traced(folder);
            // The layers of a nested model may be traced as one.
            let is_traced = |name: &String| traced.contains(name) || !name.contains('/');
            let layers = layers.map(|layer| layer.name.clone()).filter(is_traced);
            assert_eq!(layers.collect::<Vec<_>>(), traced, "{}", folder.display());
            true
        }
        Err(error) => {
            match layer_problem(&error) {
                LayerProblem::Class { .. } => {}
                LayerProblem::Config { error: config, .. } => {
                    assert!(config.to_string().contains("not supported yet"), "{error}");
                }
                other => panic!("{}: {other}", folder.display()),
            }
            false
        }
    }
}

#[test]
fn committed_models() {
    let folders = cases(&project("hls_tests/reference"));
    let loaded = folders.iter().filter(|folder| check(folder)).count();
    assert!(loaded >= 30, "{loaded} of {} load", folders.len());
}

#[test]
fn all_reference_models() {
    let Some(reference) = shared("all_reference_models", "reference") else { return };
    let folders = cases(&reference);
    let loaded = folders.iter().filter(|folder| check(folder)).count();
    assert!(folders.len() >= 80 && loaded >= 30, "{loaded} of {} load", folders.len());
}

#[test]
fn all_real_models() {
    let Some(real) = shared("all_real_models", "real") else { return };
    let folders = cases(&real);
    let loaded = folders.iter().filter(|folder| check(folder)).count();
    assert!(loaded >= 3, "{loaded} of {} load", folders.len());
}

// The numbers below were read with h5py.

#[test]
fn a_whole_model_of_keras_2() {
    let model = load_case(&project("hls_tests/reference/net_mlp_softmax")).unwrap().unwrap();
    assert_eq!(model.name, "model");
    let expected = ["input_1", "fc1", "relu1", "fc2", "relu2", "fc3", "logits", "softmax"];
    assert_eq!(names(&model), expected);
    let nodes = |nodes: &[petgraph::graph::NodeIndex]| -> Vec<String> {
        nodes.iter().map(|&node| model.graph[node].name.clone()).collect()
    };
    assert_eq!(nodes(&model.inputs), ["input_1"]);
    assert_eq!(nodes(&model.outputs), ["softmax"]);
    assert_eq!(nodes(&model.sources(model.outputs[0])), ["logits"]);

    let fc1 = dense(&model, "fc1");
    assert_eq!(fc1.kernel.dim(), (16, 32));
    assert_eq!(digest(&fc1.kernel), (-1.0975418, -0.22287862, 11.501076551736332));
    assert_eq!(fc1.kernel[[1, 0]], -0.58969605);
    let fc3 = dense(&model, "fc3");
    assert_eq!(digest(&fc3.kernel), (0.9977845, 0.56695926, 9.42736350465566));
    let bias = fc3.bias.as_ref().unwrap();
    assert_eq!(digest(bias), (0.0038024334, -0.111741126, -0.7650344821158797));
    assert!(fc3.kernel_quantizer.is_some() && fc3.bias_quantizer.is_some());
    assert_eq!(fc3.activation, Activation::Linear);
    let softmax = LayerKind::Activation(Activation::Softmax);
    assert_eq!(format!("{:?}", layer(&model, "softmax").kind), format!("{softmax:?}"));
    assert!(matches!(&layer(&model, "input_1").kind, LayerKind::Input { shape } if *shape == [16]));
}

#[test]
fn an_archive_of_keras_3() {
    let model = load_case(&project("hls_tests/reference/v3_mlp")).unwrap().unwrap();
    assert_eq!(names(&model), ["input_1", "fc1", "relu1", "fc2", "softmax"]);
    let fc1 = dense(&model, "fc1");
    assert_eq!(digest(&fc1.kernel), (0.079183385, -0.1700124, 13.000636420445517));
    let fc2 = dense(&model, "fc2");
    assert_eq!(digest(&fc2.kernel), (-0.7138004, -0.25635883, 1.7210826223017648));
    let bias = fc2.bias.as_ref().unwrap();
    assert_eq!(digest(bias), (0.4183486, -0.18112427, -0.9995835870504379));
}

#[test]
fn a_float_model_of_keras_2_0() {
    let Some(folder) = shared("a_float_model_of_keras_2_0", "real/KERAS_3layer") else { return };
    let model = load_case(&folder).unwrap().unwrap();
    assert_eq!(model.name, "model_1");
    let first = dense(&model, "fc1_relu");
    assert_eq!(digest(&first.kernel), (0.27313474, -0.36512074, -17.441249780531507));
    assert_eq!((&first.kernel_quantizer, &first.activation), (&None, &relu()));
    assert_eq!(dense(&model, "output_softmax").activation, Activation::Softmax);
}

/// One network, saved by Keras 2 as JSON and weights and by Keras 3 as an archive.
#[test]
fn both_generations_of_one_network_agree() {
    let Some(real) = shared("both_generations_of_one_network_agree", "real") else { return };
    let old = load_case(&real.join("qkeras_3layer")).unwrap().unwrap();
    let new = load_case(&real.join("qkeras_v3_3layer")).unwrap().unwrap();
    let output = dense(&old, "output").bias.as_ref().unwrap();
    assert_eq!(digest(output), (-0.20154682, 0.06154661, -0.04235980659723282));
    assert_eq!(names(&old), names(&new));
    for (old, new) in old.graph.node_weights().zip(new.graph.node_weights()) {
        match (&old.kind, &new.kind) {
            (LayerKind::Dense(old), LayerKind::Dense(new)) => {
                assert_eq!(exact(&old.kernel), exact(&new.kernel));
                assert_eq!(old.bias.as_ref().map(exact), new.bias.as_ref().map(exact));
                assert_eq!(old.kernel_quantizer, new.kernel_quantizer);
                assert_eq!(old.bias_quantizer, new.bias_quantizer);
                assert_eq!(old.activation, new.activation);
            }
            (old, new) => assert_eq!(format!("{old:?}"), format!("{new:?}")),
        }
    }
}

fn exact<D: ndarray::Dimension>(array: &Array<f32, D>) -> Vec<u32> {
    array.iter().map(|value| value.to_bits()).collect()
}
