//! Limits of the vendors' tools: what they refuse is found before anything is written.

use super::plan::UNROLL_LIMIT;
use super::{Design, Edge, EdgeKind, EdgeRole, HlsError, Partition, ProcessForm, TypeId};

/// Widest word of a memory or port in bits: Vitis HLS refuses a wider one to `ARRAY_RESHAPE`.
pub const WORD_BITS: u64 = 65_536;

/// The contents of a token, and of a word of a line buffer.
const CHANNELS: &str = "channels of a position";

impl Design {
    /// Tells whether the array of a port is one word. A wider one is a port for each element.
    pub fn is_one_word(&self, port: &Edge) -> bool {
        port.kind == EdgeKind::Array(Partition::Complete)
            && self.word(port.element, port.len() as u64) <= WORD_BITS
    }

    /// Bits of a word of `elements`.
    fn word(&self, element: TypeId, elements: u64) -> u64 {
        elements * u64::from(self[element].quantization.format.width())
    }
}

/// Refuses a design with a word that is too wide.
pub(super) fn check_words(design: &Design) -> Result<(), HlsError> {
    let constants = design.kernels.iter().flat_map(|kernel| {
        kernel.plan.constants.iter().filter_map(|(id, partition)| match partition {
            Partition::Reshape { elements } => {
                let constant = &design[*id];
                Some((&kernel.layer, constant.holds, constant.element, *elements))
            }
            Partition::Complete | Partition::Cyclic { .. } => None,
        })
    });
    let edges = design.edges.iter().filter_map(|edge| match edge.kind {
        // A stream inside the design is no port.
        EdgeKind::Stream(_) if matches!(edge.role, EdgeRole::Internal | EdgeRole::Local(_)) => None,
        EdgeKind::Stream(stream) => {
            let token = &design[stream.token];
            Some((&edge.layer, CHANNELS, token.element, token.lanes as u64))
        }
        EdgeKind::Array(Partition::Reshape { elements }) => {
            Some((&edge.layer, "elements of an array", edge.element, elements))
        }
        EdgeKind::Array(Partition::Complete | Partition::Cyclic { .. }) => None,
    });
    let words = constants
        .chain(edges)
        .map(|(layer, holds, element, elements)| (layer, holds, design.word(element, elements)));
    match words.into_iter().find(|(.., bits)| *bits > WORD_BITS) {
        None => Ok(()),
        Some((layer, holds, bits)) => {
            Err(HlsError::TooWideWord { layer: layer.clone(), holds, bits })
        }
    }
}

/// Arrays that are partitioned into more elements than Vitis HLS accepts: layer, name, elements.
pub(super) fn partitions(design: &Design) -> Vec<(String, String, u64)> {
    let constants = design.kernels.iter().flat_map(|kernel| {
        let all = kernel.plan.constants.iter().map(|(id, partition)| {
            let constant = &design[*id];
            (&kernel.layer, constant.name.clone(), *partition, constant.codes.len() as u64)
        });
        let arrays =
            kernel.plan.arrays.iter().map(|array| {
                (&kernel.layer, array.name.to_owned(), array.partition, array.len as u64)
            });
        all.chain(arrays)
    });
    let edges = design.edges.iter().filter_map(|edge| match edge.kind {
        EdgeKind::Array(partition) => {
            Some((&edge.layer, edge.name.clone(), partition, edge.len() as u64))
        }
        EdgeKind::Stream(_) => None,
    });
    let windows = design.processes.iter().filter_map(|process| match &process.form {
        ProcessForm::Windows(lines) => {
            let name = format!("pixels of {}", process.name);
            Some((&process.layer, name, Partition::Complete, lines.registers() as u64))
        }
        ProcessForm::Repack(repack) => {
            let name = format!("elements of {}", process.name);
            Some((&process.layer, name, Partition::Complete, repack.registers() as u64))
        }
        ProcessForm::Rows { .. }
        | ProcessForm::Accumulate { .. }
        | ProcessForm::Concat { .. }
        | ProcessForm::Reduce { .. }
        | ProcessForm::Frame
        | ProcessForm::FromArray { .. }
        | ProcessForm::ToArray { .. }
        | ProcessForm::Fork { .. } => None,
    });
    let all = constants.chain(edges).chain(windows).map(|(layer, name, partition, len)| {
        let elements = match partition {
            Partition::Complete => len,
            Partition::Cyclic { factor } => factor,
            Partition::Reshape { .. } => 1,
        };
        (layer.clone(), name, elements)
    });
    all.filter(|(.., elements)| *elements > UNROLL_LIMIT).collect()
}
