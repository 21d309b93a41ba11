//! Variables of tfmot's PruneLowMagnitude wrappers.
//!
//! Beside the variables of its layer, a wrapper saves a mask and a threshold per pruned kernel, and
//! the number of training steps. At inference, as in training, each kernel is multiplied by its mask
//! (`PruneLowMagnitude.build` and `call`, `Pruning.weight_mask_op` in `sparsity/keras` of tfmot).

use std::iter;

use super::Stored;
use super::tree::VARIABLES;
use crate::front::error::Problem;
use crate::front::hdf5::Group;

const MASK: &str = "mask";
const OTHERS: [&str; 2] = ["threshold", "pruning_step"];

/// Zeros among pruned weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::front::keras) struct Sparsity {
    pub(in crate::front::keras) zeros: usize,
    /// Number of the weights.
    pub(in crate::front::keras) weights: usize,
}

impl Sparsity {
    /// Returns the sparsity of these weights and those of `kernel`.
    pub(super) fn and<'k>(self, kernel: impl ExactSizeIterator<Item = &'k f32>) -> Self {
        let weights = self.weights + kernel.len();
        Self { zeros: self.zeros + kernel.filter(|weight| **weight == 0.0).count(), weights }
    }

    /// Returns the share of zeros in percent, rounded.
    pub(in crate::front::keras) fn percent(self) -> usize {
        (100 * self.zeros + self.weights / 2) / self.weights.max(1)
    }
}

/// Separates the masks from the layer's own variables, by their names: `wrapper/mask:0`.
pub(super) fn split_named(stored: &mut Stored) {
    for dataset in std::mem::take(&mut stored.datasets) {
        let name = dataset.rsplit('/').next().unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default();
        // Keras adds a number to the second mask.
        let name = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
        match name.strip_suffix('_').unwrap_or(name) {
            MASK => stored.masks.push(dataset),
            name if OTHERS.contains(&name) => {}
            _ => stored.datasets.push(dataset),
        }
    }
}

/// Separates the masks from the layer's own variables. The wrapper's variables are the kernels,
/// which Keras saves twice, then a mask and a threshold per kernel, then the number of steps. Masks
/// and kernels have axes, the others none.
pub(super) fn split_tree(
    stored: &mut Stored,
    group: &str,
    base: &Group<'_>,
) -> Result<(), Problem> {
    let own = format!("{group}/{VARIABLES}/");
    let (mut with_axes, mut scalars) = (vec![], 0_usize);
    for dataset in std::mem::take(&mut stored.datasets) {
        if !dataset.starts_with(&own) {
            stored.datasets.push(dataset);
        } else if base.numbers(&[&dataset])?.is_some_and(|numbers| numbers.shape.is_empty()) {
            scalars += 1;
        } else {
            with_axes.push(dataset);
        }
    }
    let masks = scalars.saturating_sub(1).min(with_axes.len());
    stored.masks = with_axes.split_off(with_axes.len() - masks);
    Ok(())
}

/// Returns the mask of each variable of a layer; `None` if there are more masks than kernels.
///
/// A layer with several kernels prunes all or the last one: Keras' SeparableConv2D the pointwise one
/// (`PruneRegistry` in tfmot, `get_prunable_weights` in QKeras).
pub(super) fn assign<'m>(masks: &'m [String], names: &[&str]) -> Option<Vec<Option<&'m str>>> {
    let is_kernel = |name: &&str| name.ends_with("kernel") || *name == "embeddings";
    let kernels = names.iter().filter(|name| is_kernel(name)).count();
    let unmasked = kernels.checked_sub(masks.len())?;
    let masks = masks.iter().map(|mask| Some(mask.as_str()));
    let mut masks = iter::repeat_n(None, unmasked).chain(masks);
    Some(names.iter().map(|name| if is_kernel(name) { masks.next()? } else { None }).collect())
}
