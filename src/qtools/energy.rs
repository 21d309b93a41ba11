//! QTools' energy model: memory accesses and operations of every layer, in pJ for one sample.
//!
//! Source: `qenergy.py`, `run_qtools.py` and `settings.py` of QKeras (June 2025).

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::graph::{MATRICES, RECURRENT, base, is_quantized};
use super::operators::{Gate, Operation};
use super::process::Process;
use super::types::{LayerTypes, Operators, TypeMap};

/// Place of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// On the chip.
    Sram,
    /// Beside the chip.
    Dram,
    /// Registers or wires, which cost nothing.
    Fixed,
}

/// Memories of a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Memories {
    /// Memory of kernels, biases and parameters of batch normalization.
    #[serde(rename = "weights_on_memory")]
    pub weights: Memory,
    /// Memory of tensors between layers.
    #[serde(rename = "activations_on_memory")]
    pub activations: Memory,
    /// Least number of bits of an SRAM.
    pub min_sram_size: u64,
    /// The model's inputs and outputs are in DRAM, and tensors in DRAM pass through an SRAM.
    pub rd_wr_on_io: bool,
}

/// Energy of a layer in pJ, rounded to hundredths as QTools prints it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Costs {
    /// Reading the operands.
    pub inputs: f64,
    /// Writing the result.
    pub outputs: f64,
    /// Reading the parameters.
    pub parameters: f64,
    /// Operations.
    pub op_cost: f64,
}

/// Energy of one layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerEnergy {
    /// Name of the layer.
    #[serde(skip)]
    pub name: String,
    /// Class of the layer.
    pub class_name: String,
    /// Its costs.
    pub energy: Costs,
}

/// Energy of a model, its layers in the order of the model file.
#[derive(Clone, Debug, PartialEq)]
pub struct Energy {
    /// The layers.
    pub layers: Vec<LayerEnergy>,
    /// All costs of all layers in whole pJ: QTools' `total_cost`.
    pub total_cost: i64,
    /// Layers whose operations QTools gives no energy.
    pub uncounted: Vec<String>,
}

impl Energy {
    /// The energy of a model with these types.
    pub fn new(types: &TypeMap, memories: &Memories, process: &Process) -> Self {
        let model = Model { memories, process };
        let mut layers: Vec<&LayerTypes> = types.layers.iter().collect();
        layers.sort_by_key(|layer| layer.position);
        let mut total = 0.0;
        let (mut rows, mut uncounted) = (Vec::new(), Vec::new());
        for layer in layers {
            let exact = model.costs(layer);
            total += exact.inputs + exact.outputs + exact.parameters + exact.op_cost;
            rows.push(LayerEnergy {
                name: layer.name.clone(),
                class_name: layer.class.clone(),
                energy: exact.rounded(),
            });
            uncounted.extend((!is_counted(layer)).then(|| layer.name.clone()));
        }
        // Python's int() truncates.
        Self { layers: rows, total_cost: total as i64, uncounted }
    }

    /// The costs that QTools' `include_energy` counts for the model, in whole pJ.
    pub fn total(&self) -> i64 {
        self.layers.iter().map(LayerEnergy::total).fold(0.0, |sum, cost| sum + cost) as i64
    }

    /// QTools' energy profile.
    pub fn profile(&self) -> Profile<'_> {
        Profile(self)
    }
}

/// False for a layer with operations to which QTools gives no energy.
fn is_counted(layer: &LayerTypes) -> bool {
    let class = layer.class.as_str();
    match &layer.operators {
        Operators::None => !RECURRENT.contains(&base(class)),
        Operators::Average { .. } => !is_quantized(class),
        Operators::Matrix { is_folded, .. } => {
            !is_folded && MATRICES.contains(&base(class)) && !class.ends_with("Transpose")
        }
        Operators::Merge(_) | Operators::BatchNorm { .. } => true,
    }
}

impl Costs {
    fn rounded(self) -> Self {
        let cents = |cost: f64| format!("{cost:.2}").parse().unwrap_or(cost);
        Self {
            inputs: cents(self.inputs),
            outputs: cents(self.outputs),
            parameters: cents(self.parameters),
            op_cost: cents(self.op_cost),
        }
    }
}

impl LayerEnergy {
    /// The costs that QTools' `include_energy` counts for the class: a fused activation writes, a fused
    /// normalization reads parameters, an addition only computes; other layers read and compute.
    pub fn total(&self) -> f64 {
        let Costs { inputs, outputs, parameters, op_cost } = self.energy;
        match self.class_name.as_str() {
            "QActivation" | "QAdaptiveActivation" | "Activation" | "AdaptiveActivation" => outputs,
            "QBatchNormalization" | "BatchNormalization" => parameters,
            "Add" | "Subtract" | "MaxPooling2D" => op_cost,
            _ => inputs + parameters + op_cost,
        }
    }
}

/// The energy model of a device.
struct Model<'a> {
    memories: &'a Memories,
    process: &'a Process,
}

impl Model<'_> {
    fn costs(&self, layer: &LayerTypes) -> Costs {
        let memory = |is_of_model| match (is_of_model, self.memories.rd_wr_on_io) {
            (false, _) => self.memories.activations,
            (true, true) => Memory::Dram,
            (true, false) => Memory::Sram,
        };
        let bits =
            |shape: &[usize], bits: i64| shape.iter().product::<usize>() as f64 * bits as f64;
        let operands = layer.input_shapes.iter().zip(&layer.inputs);
        let from = memory(layer.is_input);
        let inputs = operands.map(|(shape, input)| self.access(bits(shape, input.bits), from));
        Costs {
            inputs: inputs.fold(0.0, |sum, cost| sum + cost),
            outputs: self.access(bits(&layer.shape, layer.output.bits), memory(layer.is_output)),
            parameters: self.parameters(layer),
            op_cost: self.operations(layer),
        }
    }

    /// Energy of moving `bits` bits from or to a memory.
    fn access(&self, bits: f64, memory: Memory) -> f64 {
        let sram = || self.process.sram(bits, self.memories.min_sram_size as f64);
        match memory {
            Memory::Sram => sram(),
            Memory::Dram if self.memories.rd_wr_on_io => self.process.dram(bits) + sram(),
            Memory::Dram => self.process.dram(bits),
            Memory::Fixed => 0.0,
        }
    }

    fn parameters(&self, layer: &LayerTypes) -> f64 {
        let read = |elements: usize, bits: i64| {
            self.access(elements as f64 * bits as f64, self.memories.weights)
        };
        match &layer.operators {
            Operators::None | Operators::Merge(_) | Operators::Average { .. } => 0.0,
            // QTools reads all four, whether the layer has them or not.
            Operators::BatchNorm { gamma, beta, mean, variance, channels, .. } => {
                let all = [gamma, beta, mean, variance].map(|it| read(*channels, it.bits));
                all.iter().fold(0.0, |sum, cost| sum + cost)
            }
            // QTools does not know the parameters of these layers.
            Operators::Matrix { is_folded: true, .. } => 0.0,
            Operators::Matrix { weight, weight_shape, bias, .. } => {
                let outputs = weight_shape.last().copied().unwrap_or(1);
                let kernel = read(weight_shape.iter().product(), weight.bits);
                kernel + bias.as_ref().map_or(0.0, |bias| read(outputs, bias.bits))
            }
        }
    }

    fn gate(&self, gate: &Gate) -> f64 {
        gate.factor * self.process.operation(gate.operation, &gate.output, gate.bits)
    }

    fn operations(&self, layer: &LayerTypes) -> f64 {
        let count = layer.operation_count as f64;
        let class = layer.class.as_str();
        match &layer.operators {
            _ if !is_counted(layer) => 0.0,
            Operators::None => 0.0,
            Operators::Merge(gate) if ["Add", "Multiply", "Subtract"].contains(&class) => {
                // In QTools' order of operations, which decides the last bit.
                let merges = layer.inputs.len().saturating_sub(1) as f64 * count * gate.factor;
                merges * self.process.operation(gate.operation, &gate.output, gate.bits)
            }
            Operators::Merge(_) => 0.0,
            // QTools fails for the layers of Keras.
            Operators::Average { sum, .. } => {
                count * self.process.operation(Operation::Add, sum, sum.bits as f64)
            }
            Operators::BatchNorm { operators, .. } => {
                let multiplier = operators.multiplier.as_ref().map_or(0.0, |gate| self.gate(gate));
                (self.gate(&operators.divider) + multiplier) * count
            }
            Operators::Matrix { multiplier, accumulator, .. } => {
                let bits = accumulator.bits as f64;
                let sum = self.process.operation(Operation::Add, accumulator, bits);
                count * (self.gate(multiplier) + sum)
            }
        }
    }
}

impl Serialize for Energy {
    /// The result of QTools' `pe`: the layers by name, and `total_cost`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for layer in &self.layers {
            map.serialize_entry(&layer.name, layer)?;
        }
        map.serialize_entry("total_cost", &self.total_cost)?;
        map.end()
    }
}

/// The result of QTools' `extract_energy_profile`, for serialization.
#[derive(Clone, Copy, Debug)]
pub struct Profile<'a>(&'a Energy);

impl Serialize for Profile<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row {
            energy: Costs,
            total: f64,
        }
        let rows = self.0.layers.iter();
        serializer
            .collect_map(rows.map(|it| (&it.name, Row { energy: it.energy, total: it.total() })))
    }
}
