//! Limits of the vendors' tools: what they refuse is found before anything is written.

use super::plan::UNROLL_LIMIT;
use super::{
    Body, Design, Edge, EdgeId, EdgeKind, EdgeRole, HlsError, Kernel, KernelId, Partition, Process,
    ProcessForm, TypeId,
};

/// Widest word of a memory or port in bits: Vitis HLS refuses a wider one to `ARRAY_RESHAPE`.
pub const WORD_BITS: u64 = 65_536;

/// Widest token of a stream in bits in Vitis HLS (UG1399, "AXI4-Stream Interfaces").
const TOKEN_BITS: u64 = 4096;

/// The elements of the parts of a token of `lanes` elements of `width` bits, each of which a stream takes:
/// the fewest parts, as equal as possible, the largest first.
pub(super) fn parts_of_token(lanes: usize, width: u32) -> Vec<usize> {
    let most = (TOKEN_BITS / u64::from(width.max(1))).max(1) as usize;
    let parts = lanes.div_ceil(most);
    (0..parts).map(|part| lanes / parts + usize::from(part < lanes % parts)).collect()
}

/// The most of `lanes` elements of `width` bits, in equal parts, that a stream takes at a time which is an
/// argument of the top function. Vitis HLS pads its elements to whole bytes (UG1399, "Structs in
/// AXI4-Stream Interfaces").
pub(super) fn lanes_of_port(lanes: usize, width: u32) -> usize {
    let bits = u64::from(width.next_multiple_of(8).max(8));
    equal_part(lanes, TOKEN_BITS / bits)
}

/// The most of `lanes` elements in equal parts of up to `most`; one if none are that small.
pub(super) fn equal_part(lanes: usize, most: u64) -> usize {
    let fits = |part: &usize| lanes.is_multiple_of(*part) && *part as u64 <= most;
    (1..=lanes).rev().find(fits).unwrap_or(1)
}

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
    let registers = design.processes.iter().flat_map(|process| {
        process.registers().into_iter().map(|(array, len)| {
            let name = format!("{array} of {}", process.name);
            (&process.layer, name, Partition::Complete, len as u64)
        })
    });
    let all = constants.chain(edges).chain(registers).map(|(layer, name, partition, len)| {
        let elements = match partition {
            Partition::Complete => len,
            Partition::Cyclic { factor } => factor,
            Partition::Reshape { .. } => 1,
        };
        (layer.clone(), name, elements)
    });
    all.filter(|(.., elements)| *elements > UNROLL_LIMIT).collect()
}

/// Kernels that access registers at an index that varies while the hardware runs, each of which
/// takes a multiplexer over all of them: layer, kernel.
///
/// Operands and results of a process are registers, those of a frame unless they are in memories. A
/// loop that is not unrolled indexes them; tiles of folded and accumulating kernels shift them.
pub(super) fn indexed_registers(design: &Design) -> Vec<(String, String)> {
    let is_rolled = |kernel: &Kernel| {
        !kernel.plan.loops.is_empty() && !matches!(kernel.body, Body::Accumulate(_))
    };
    let in_registers = |edge: &EdgeId| design[*edge].kind == EdgeKind::Array(Partition::Complete);
    let arrays_of =
        |kernel: &Kernel| kernel.inputs.iter().chain([&kernel.output]).any(in_registers);
    let indexes = |process: &Process| -> Vec<KernelId> {
        let is_frame = process.form == ProcessForm::Frame;
        let indexes = |id: &KernelId| match is_frame {
            true => arrays_of(&design[*id]),
            false => is_rolled(&design[*id]),
        };
        process.kernels().into_iter().filter(indexes).collect()
    };
    let kernels = design.processes.iter().flat_map(indexes).map(|id| &design[id]);
    // Outside of processes, a kernel's operands and result are arrays of the top function.
    let arrays = design
        .kernels
        .iter()
        .filter(|kernel| design.processes.is_empty() && is_rolled(kernel) && arrays_of(kernel));
    kernels.chain(arrays).map(|kernel| (kernel.layer.clone(), kernel.name.clone())).collect()
}
