//! Attributes of layers whose windows slide: convolutions and pooling.

use ndarray::Array2;
use serde_json::{Value, json};

use super::Site;
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::model::{Padding, Sliding, Transposed};

/// How many axes windows slide along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::front::keras) enum Dimensions {
    One,
    Two,
}

/// The samples that windows slide over.
#[derive(Clone, Copy, Debug)]
pub(in crate::front::keras) struct Positions {
    dimensions: Dimensions,
    /// Along the height and along the width.
    pub(super) lengths: [usize; 2],
    pub(in crate::front::keras) channels: usize,
}

impl Positions {
    /// A result's shape.
    pub(super) fn shape(self, [rows, columns]: [usize; 2], channels: usize) -> Vec<usize> {
        match self.dimensions {
            Dimensions::One => vec![columns, channels],
            Dimensions::Two => vec![rows, columns, channels],
        }
    }
}

/// Taps of all windows of one layer: beyond, it is no hardware.
const MOST_TAPS: usize = 1 << 32;

impl Site<'_> {
    /// The samples that the layer takes.
    pub(in crate::front::keras) fn positions(
        &self,
        dimensions: Dimensions,
    ) -> Result<Positions, FrontError> {
        let (lengths, channels) = match (dimensions, self.input()?) {
            (Dimensions::One, &[width, channels]) => ([1, width], channels),
            (Dimensions::Two, &[height, width, channels]) => ([height, width], channels),
            (_, other) => {
                let (expected, found) = (dimensions.count() + 1, other.to_vec());
                return Err(self.owner.wrong(LayerProblem::Axes { expected, found }));
            }
        };
        Ok(Positions { dimensions, lengths, channels })
    }

    /// The windows of a convolution.
    pub(super) fn sliding(&mut self, dimensions: Dimensions) -> Result<Sliding, FrontError> {
        let kernel = self.lengths("kernel_size", dimensions)?;
        let kernel = kernel.ok_or_else(|| self.attributes.missing("kernel_size"))?;
        let strides = self.lengths("strides", dimensions)?.unwrap_or([1, 1]);
        let dilation = self.lengths("dilation_rate", dimensions)?.unwrap_or([1, 1]);
        let padding = self.padding()?;
        Ok(Sliding { kernel, strides, dilation, padding, transposed: None })
    }

    /// The windows of pooling.
    pub(super) fn pool(&mut self, dimensions: Dimensions) -> Result<Sliding, FrontError> {
        let kernel = self.lengths("pool_size", dimensions)?;
        let kernel = kernel.ok_or_else(|| self.attributes.missing("pool_size"))?;
        let strides = self.lengths("strides", dimensions)?.unwrap_or(kernel);
        let padding = self.padding()?;
        Ok(Sliding { kernel, strides, dilation: [1, 1], padding, transposed: None })
    }

    /// `sliding` as a transposed convolution's. Without the attribute `output_padding`, or where
    /// QKeras ignores it, `None`.
    pub(super) fn transposed(
        &mut self,
        sliding: Sliding,
        dimensions: Dimensions,
    ) -> Result<Sliding, FrontError> {
        let name = "output_padding";
        let output_padding = match self.attributes.get(name) {
            None => None,
            Some(value) => {
                let along = numbers(value, dimensions, 0);
                let expected = "a number from 0 for each axis";
                Some(along.ok_or_else(|| self.attributes.malformed(name, value, expected))?)
            }
        };
        Ok(Sliding { transposed: Some(Transposed { output_padding }), ..sliding })
    }

    /// The shape of the result of windows on `positions` that have `channels` each.
    pub(in crate::front::keras) fn slid(
        &self,
        sliding: &Sliding,
        positions: Positions,
        channels: usize,
    ) -> Result<Vec<usize>, FrontError> {
        let placement = sliding.place(positions.lengths).ok_or_else(|| {
            let shape = self.inputs.first().cloned().unwrap_or_default();
            self.owner.wrong(LayerProblem::Windows { shape })
        })?;
        let taps = sliding.kernel.iter().chain(&placement.output).chain([&channels]);
        let taps = taps.copied().try_fold(1_usize, usize::checked_mul);
        match taps {
            Some(taps) if taps <= MOST_TAPS => Ok(positions.shape(placement.output, channels)),
            _ => Err(self.owner.wrong(LayerProblem::TooLarge)),
        }
    }

    /// What QConv2D multiplies its kernel with: nested lists, a number for each tap inside.
    pub(super) fn mask(&mut self, kernel: [usize; 2]) -> Result<Option<Array2<f32>>, FrontError> {
        let Some(value) = self.attributes.get("mask") else { return Ok(None) };
        let number = |mut value: &Value| {
            while let Some([inner]) = value.as_array().map(Vec::as_slice) {
                value = inner;
            }
            value.as_f64().map(|number| number as f32).filter(|number| number.is_finite())
        };
        let rows = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let row = |row: &Value| -> Option<Vec<f32>> {
            let row = row.as_array().filter(|row| row.len() == kernel[1])?;
            row.iter().map(number).collect()
        };
        let numbers: Option<Vec<Vec<f32>>> = rows.iter().map(row).collect();
        let mask = numbers.and_then(|rows| Array2::from_shape_vec(kernel, rows.concat()).ok());
        let expected = "a number for each tap of the kernel";
        mask.map(Some).ok_or_else(|| self.attributes.malformed("mask", value, expected))
    }

    /// Where a class has no causal windows.
    pub(super) fn refuse_causal(&self, sliding: &Sliding) -> Result<(), FrontError> {
        if sliding.padding != Padding::Causal {
            return Ok(());
        }
        let help = "supported is padding = \"valid\" or \"same\"".to_owned();
        Err(self.attributes.unsupported("padding", &json!("causal"), help))
    }

    /// Refuses tensors whose channels come first.
    pub(super) fn channels_last(&mut self) -> Result<(), FrontError> {
        self.attributes.only("data_format", &[json!("channels_last")])
    }

    /// How windows end; Keras does not tell capital letters from small ones here.
    fn padding(&mut self) -> Result<Padding, FrontError> {
        let Some(value) = self.attributes.get("padding") else { return Ok(Padding::Valid) };
        match value.as_str().map(str::to_lowercase).as_deref() {
            Some("valid") => Ok(Padding::Valid),
            Some("same") => Ok(Padding::Same),
            Some("causal") => Ok(Padding::Causal),
            _ => Err(self.attributes.malformed("padding", value, "valid, same or causal")),
        }
    }

    /// A number from 1 for each axis, or one for all.
    fn lengths(
        &mut self,
        name: &'static str,
        dimensions: Dimensions,
    ) -> Result<Option<[usize; 2]>, FrontError> {
        let Some(value) = self.attributes.get(name) else { return Ok(None) };
        let expected = "a number from 1 for each axis";
        let lengths = numbers(value, dimensions, 1);
        lengths.map(Some).ok_or_else(|| self.attributes.malformed(name, value, expected))
    }
}

impl Dimensions {
    pub(super) fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// Numbers from `least` along the height and the width, of which a layer of one dimension has the
/// latter; its rows are a single one.
pub(in crate::front::keras) fn numbers(
    value: &Value,
    dimensions: Dimensions,
    least: usize,
) -> Option<[usize; 2]> {
    let number = |value: &Value| {
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        number.filter(|number| *number >= least)
    };
    match (value.as_array().map(Vec::as_slice), dimensions) {
        (Some([columns]), Dimensions::One) => Some([least, number(columns)?]),
        (Some([rows, columns]), Dimensions::Two) => Some([number(rows)?, number(columns)?]),
        (Some(_), _) => None,
        (None, Dimensions::One) => Some([least, number(value)?]),
        (None, Dimensions::Two) => Some([number(value)?; 2]),
    }
}
