//! The files that are mutated, each with mutations that respect its format.

use std::io::{Cursor, Read, Write};
use std::path::Path;

use serde_json::Value;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::mutate;
use crate::random::Random;

/// A file, or a model with its weights.
pub enum Files {
    Model { model: Vec<u8>, weights: Option<Vec<u8>> },
    Arrays(Vec<u8>),
}

pub enum Base {
    /// An HDF5 file of a whole model.
    Hdf5(Vec<u8>),
    /// JSON and a file of weights.
    Pair {
        json: Value,
        weights: Vec<u8>,
    },
    Keras(Entries),
    Npz(Entries),
    Npy(Vec<u8>),
}

/// A zip archive, entry by entry.
pub struct Entries(Vec<(String, Vec<u8>)>);

pub fn all() -> Vec<Base> {
    let read = |path: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests").join(path);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let pair = |json: &str, weights: &str| Base::Pair {
        json: serde_json::from_slice(&read(json)).unwrap(),
        weights: read(weights),
    };
    vec![
        Base::Hdf5(read("reference/net_mlp_softmax/model.h5")),
        Base::Hdf5(read("reference/dense_bits4/model.h5")),
        Base::Hdf5(read("front/fixtures/k2_slash.h5")),
        Base::Hdf5(read("front/fixtures/long.h5")),
        pair("front/fixtures/k2_branches.json", "front/fixtures/k2_branches_weights.h5"),
        pair("front/fixtures/k3_branches.json", "front/fixtures/k3_branches.weights.h5"),
        Base::Pair { json: types(), weights: read("front/fixtures/weights_types.h5") },
        Base::Keras(Entries::read(read("reference/v3_mlp/model.keras"))),
        Base::Keras(Entries::read(read("front/fixtures/k3_inert.keras"))),
        Base::Npz(Entries::read(read("front/fixtures/types.npz"))),
        Base::Npz(Entries::read(read("reference/net_mlp_softmax/trace.npz"))),
        Base::Npy(read("front/fixtures/one.npy")),
    ]
}

/// A model with a layer for each type of weights in the fixture, some of them compressed.
fn types() -> Value {
    let input = serde_json::json!({"class_name": "InputLayer", "name": "in", "inbound_nodes": [],
        "config": {"name": "in", "batch_shape": [null, 3]}});
    let names = ["<f2", "<f8", ">f4", ">f8", "<i1", ">i2", "<i4", "<i8", "gzip"];
    let layers = names.iter().map(|name| {
        serde_json::json!({"class_name": "Dense", "name": name,
            "inbound_nodes": [[["in", 0, 0, {}]]], "config": {"name": name, "units": 2}})
    });
    let layers: Vec<Value> = std::iter::once(input).chain(layers).collect();
    serde_json::json!({"class_name": "Functional", "config": {"name": "types", "layers": layers,
        "input_layers": ["in", 0, 0], "output_layers": ["gzip", 0, 0]}})
}

impl Base {
    pub fn mutated(&self, random: &mut Random) -> Files {
        match self {
            Self::Hdf5(bytes) => {
                Files::Model { model: mutate::bytes(bytes, random), weights: None }
            }
            Self::Pair { json, weights } => {
                let text = json.to_string().into_bytes();
                let (model, weights) = match random.below(4) {
                    0 => (mutate::json(json, random), weights.clone()),
                    1 => (mutate::bytes(&text, random), weights.clone()),
                    _ => (text, mutate::bytes(weights, random)),
                };
                Files::Model { model, weights: Some(weights) }
            }
            Self::Keras(entries) => Files::Model { model: entries.mutated(random), weights: None },
            Self::Npz(entries) => Files::Arrays(entries.mutated(random)),
            Self::Npy(bytes) => Files::Arrays(mutate::bytes(bytes, random)),
        }
    }
}

impl Entries {
    fn read(bytes: Vec<u8>) -> Self {
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let entries = (0..zip.len()).map(|at| {
            let mut entry = zip.by_index(at).unwrap();
            let mut bytes = vec![];
            entry.read_to_end(&mut bytes).unwrap();
            (entry.name().unwrap().into_owned(), bytes)
        });
        Self(entries.collect())
    }

    /// Half of the mutations change the archive, and half what is in it: the checksums of a zip
    /// archive would keep everything else from the parsers of its entries.
    fn mutated(&self, random: &mut Random) -> Vec<u8> {
        if random.below(2) == 0 {
            return mutate::bytes(&self.zip(None, random), random);
        }
        let at = random.below(self.0.len());
        let (name, bytes) = &self.0[at];
        let changed = match name.ends_with(".json") && random.below(3) > 0 {
            true => mutate::json(&serde_json::from_slice(bytes).unwrap(), random),
            false => mutate::bytes(bytes, random),
        };
        self.zip(Some((at, changed)), random)
    }

    fn zip(&self, changed: Option<(usize, Vec<u8>)>, random: &mut Random) -> Vec<u8> {
        let method =
            random.one_of(&[zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated]);
        let options = SimpleFileOptions::default().compression_method(method);
        let mut zip = ZipWriter::new(Cursor::new(vec![]));
        for (at, (name, bytes)) in self.0.iter().enumerate() {
            let bytes = match &changed {
                Some((place, changed)) if *place == at => changed,
                _ => bytes,
            };
            zip.start_file(name.as_str(), options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }
}
