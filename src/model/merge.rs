//! Layers that make one tensor of several.

use ndarray::ArrayD;

/// What becomes of the elements at one place, after all tensors are brought to one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Their sum.
    Add,
    /// The first minus the second.
    Subtract,
    /// Their product.
    Multiply,
    /// The largest.
    Maximum,
    /// The smallest.
    Minimum,
    /// Their sum divided by how many they are.
    Average,
}

/// A tensor merged with numbers that are part of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// How.
    pub merge: Merge,
    /// The numbers; their shape broadcasts to the tensor's.
    pub values: ArrayD<f32>,
    /// Whether they come before the tensor: `1 - x`.
    pub is_first: bool,
}
