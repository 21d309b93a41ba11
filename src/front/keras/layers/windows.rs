//! Windows of convolutions and pooling, and the pooling layers.

use ndarray::Array2;
use serde_json::{Value, json};

use self::Dimensions::{One, Two};
use super::{Built, Class, LayerReader};
use crate::front::error::FrontError;
use crate::front::keras::attributes::natural;
use crate::front::layer_problem::LayerProblem;
use crate::model::{
    Activation, LayerKind, Padding, Pool, PoolWindows, Reduction, Transposed, WindowSpec,
};

pub(super) const CLASSES: &[Class] = &[
    ("MaxPooling1D", |layer| pool(layer, One, PoolClass::Max)),
    ("MaxPooling2D", |layer| pool(layer, Two, PoolClass::Max)),
    ("AveragePooling1D", |layer| pool(layer, One, PoolClass::Average)),
    ("AveragePooling2D", |layer| pool(layer, Two, PoolClass::Average)),
    ("QAveragePooling2D", |layer| pool(layer, Two, PoolClass::Quantized)),
    ("GlobalMaxPooling1D", |layer| global(layer, One, PoolClass::Max)),
    ("GlobalMaxPooling2D", |layer| global(layer, Two, PoolClass::Max)),
    ("GlobalAveragePooling1D", |layer| global(layer, One, PoolClass::Average)),
    ("GlobalAveragePooling2D", |layer| global(layer, Two, PoolClass::Average)),
    ("QGlobalAveragePooling2D", |layer| global(layer, Two, PoolClass::Quantized)),
];

/// Kind of a pooling class.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PoolClass {
    Max,
    Average,
    /// An average with QKeras' attributes.
    Quantized,
}

impl PoolClass {
    fn read(self, layer: &mut LayerReader<'_>) -> Result<(Reduction, Activation), FrontError> {
        match self {
            Self::Max => Ok((Reduction::Max, Activation::Linear)),
            Self::Average => Ok((Reduction::Average, Activation::Linear)),
            Self::Quantized => {
                let quantizer = layer.attributes.quantizer("average_quantizer")?;
                let kind = quantizer.map_or(Reduction::Average, Reduction::QuantizedAverage);
                Ok((kind, layer.activation("activation")?))
            }
        }
    }
}

fn pool(
    layer: &mut LayerReader<'_>,
    dimensions: Dimensions,
    class: PoolClass,
) -> Result<Built, FrontError> {
    layer.require_channels_last()?;
    let image = layer.image(dimensions)?;
    let spec = layer.pool_windows(dimensions)?;
    layer.reject_causal(&spec)?;
    let (kind, activation) = class.read(layer)?;
    let shape = layer.windowed_shape(&spec, image, image.channels)?;
    let pool = Pool { windows: PoolWindows::Sliding(spec), kind, activation };
    Ok(Built { kind: LayerKind::Pool(pool), shape })
}

fn global(
    layer: &mut LayerReader<'_>,
    dimensions: Dimensions,
    class: PoolClass,
) -> Result<Built, FrontError> {
    layer.require_channels_last()?;
    let image = layer.image(dimensions)?;
    let keep_axes = layer.attributes.flag("keepdims", false)?;
    let (kind, activation) = class.read(layer)?;
    let shape = match keep_axes {
        true => image.result_shape([1, 1], image.channels),
        false => vec![image.channels],
    };
    let pool = Pool { windows: PoolWindows::Global { keep_axes }, kind, activation };
    Ok(Built { kind: LayerKind::Pool(pool), shape })
}

/// Number of axes along which windows slide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::front::keras) enum Dimensions {
    One,
    Two,
}

/// Input shape of a layer with windows.
#[derive(Clone, Copy, Debug)]
pub(in crate::front::keras) struct Image {
    dimensions: Dimensions,
    /// \[height, width\]; a layer of one dimension has height 1.
    pub(super) size: [usize; 2],
    pub(in crate::front::keras) channels: usize,
}

impl Image {
    /// Returns the shape of a result of this size, \[height, width\], with this many channels.
    fn result_shape(self, [height, width]: [usize; 2], channels: usize) -> Vec<usize> {
        match self.dimensions {
            One => vec![width, channels],
            Two => vec![height, width, channels],
        }
    }
}

/// Upper bound on the taps of all windows of a layer; no hardware holds more.
const MAX_TAPS: usize = 1 << 32;

impl LayerReader<'_> {
    /// Returns the shape of the only input as an image.
    pub(in crate::front::keras) fn image(
        &self,
        dimensions: Dimensions,
    ) -> Result<Image, FrontError> {
        match (dimensions, self.input()?) {
            (One, &[width, channels]) => Ok(Image { dimensions, size: [1, width], channels }),
            (Two, &[height, width, channels]) => {
                Ok(Image { dimensions, size: [height, width], channels })
            }
            (One | Two, other) => {
                let expected = if dimensions == One { 2 } else { 3 };
                let found = other.to_vec();
                Err(self.owner.wrong(LayerProblem::Axes { expected, found }))
            }
        }
    }

    /// Reads the windows of a convolution.
    pub(super) fn conv_windows(
        &mut self,
        dimensions: Dimensions,
    ) -> Result<WindowSpec, FrontError> {
        let kernel = self.pair("kernel_size", dimensions)?;
        let kernel = kernel.ok_or_else(|| self.attributes.missing("kernel_size"))?;
        let strides = self.pair("strides", dimensions)?.unwrap_or([1, 1]);
        let dilation = self.pair("dilation_rate", dimensions)?.unwrap_or([1, 1]);
        let padding = self.padding()?;
        Ok(WindowSpec { kernel, strides, dilation, padding, transposed: None })
    }

    /// Reads the windows of a pooling layer.
    fn pool_windows(&mut self, dimensions: Dimensions) -> Result<WindowSpec, FrontError> {
        let kernel = self.pair("pool_size", dimensions)?;
        let kernel = kernel.ok_or_else(|| self.attributes.missing("pool_size"))?;
        let strides = self.pair("strides", dimensions)?.unwrap_or(kernel);
        let padding = self.padding()?;
        Ok(WindowSpec { kernel, strides, dilation: [1, 1], padding, transposed: None })
    }

    /// Reads `output_padding` and makes the windows those of a transposed convolution.
    pub(super) fn transposed_windows(
        &mut self,
        window: WindowSpec,
        dimensions: Dimensions,
    ) -> Result<WindowSpec, FrontError> {
        let name = "output_padding";
        let output_padding = match self.attributes.get(name) {
            None => None,
            Some(value) => {
                let expected = "a non-negative integer per axis";
                let read = height_width(value, dimensions, 0);
                Some(read.ok_or_else(|| self.attributes.malformed(name, value, expected))?)
            }
        };
        Ok(WindowSpec { transposed: Some(Transposed { output_padding }), ..window })
    }

    /// Returns the shape of the result of windows on `image`, with this many channels.
    pub(in crate::front::keras) fn windowed_shape(
        &self,
        spec: &WindowSpec,
        image: Image,
        channels: usize,
    ) -> Result<Vec<usize>, FrontError> {
        let placement = spec.place(image.size).ok_or_else(|| {
            let shape = image.result_shape(image.size, image.channels);
            self.owner.wrong(LayerProblem::Windows { shape })
        })?;
        let taps = spec.kernel.iter().chain(&placement.output).chain([&channels]);
        let taps = taps.copied().try_fold(1_usize, usize::checked_mul);
        match taps {
            Some(taps) if taps <= MAX_TAPS => Ok(image.result_shape(placement.output, channels)),
            _ => Err(self.owner.wrong(LayerProblem::TooLarge)),
        }
    }

    /// Reads the mask of QConv2D's kernel: nested lists with a number per tap.
    pub(super) fn mask(&mut self, kernel: [usize; 2]) -> Result<Option<Array2<f32>>, FrontError> {
        let Some(value) = self.attributes.get("mask") else { return Ok(None) };
        let number = |mut value: &Value| {
            while let Some([inner]) = value.as_array().map(Vec::as_slice) {
                value = inner;
            }
            value.as_f64().map(|number| number as f32).filter(|number| number.is_finite())
        };
        let row = |row: &Value| -> Option<Vec<f32>> {
            let row = row.as_array().filter(|row| row.len() == kernel[1])?;
            row.iter().map(number).collect()
        };
        let rows: Option<Vec<Vec<f32>>> =
            value.as_array().and_then(|rows| rows.iter().map(row).collect());
        let mask = rows.and_then(|rows| Array2::from_shape_vec(kernel, rows.concat()).ok());
        let expected = "a number per element of the kernel";
        mask.map(Some).ok_or_else(|| self.attributes.malformed("mask", value, expected))
    }

    /// Rejects causal padding.
    pub(super) fn reject_causal(&self, spec: &WindowSpec) -> Result<(), FrontError> {
        if spec.padding != Padding::Causal {
            return Ok(());
        }
        let help = "supported: padding = \"valid\" or \"same\"".to_owned();
        Err(self.attributes.unsupported("padding", &json!("causal"), help))
    }

    /// Rejects any other layout than channels last.
    pub(super) fn require_channels_last(&mut self) -> Result<(), FrontError> {
        self.attributes.only("data_format", &[json!("channels_last")])
    }

    /// Reads the padding; Keras ignores the case of letters here.
    fn padding(&mut self) -> Result<Padding, FrontError> {
        let Some(value) = self.attributes.get("padding") else { return Ok(Padding::Valid) };
        match value.as_str().map(str::to_lowercase).as_deref() {
            Some("valid") => Ok(Padding::Valid),
            Some("same") => Ok(Padding::Same),
            Some("causal") => Ok(Padding::Causal),
            _ => Err(self.attributes.malformed("padding", value, "valid, same or causal")),
        }
    }

    /// Reads a positive integer per axis, or one for all.
    fn pair(
        &mut self,
        name: &'static str,
        dimensions: Dimensions,
    ) -> Result<Option<[usize; 2]>, FrontError> {
        let Some(value) = self.attributes.get(name) else { return Ok(None) };
        let expected = "a positive integer per axis";
        let pair = height_width(value, dimensions, 1);
        pair.map(Some).ok_or_else(|| self.attributes.malformed(name, value, expected))
    }
}

/// Reads integers ≥ `least`, \[along the height, along the width\]. A layer of one dimension states
/// the width only; its height is `least`.
pub(in crate::front::keras) fn height_width(
    value: &Value,
    dimensions: Dimensions,
    least: usize,
) -> Option<[usize; 2]> {
    let number = |value: &Value| natural(value).filter(|number| *number >= least);
    match (value.as_array().map(Vec::as_slice), dimensions) {
        (Some([width]), One) => Some([least, number(width)?]),
        (Some([height, width]), Two) => Some([number(height)?, number(width)?]),
        (Some(_), One | Two) => None,
        (None, One) => Some([least, number(value)?]),
        (None, Two) => Some([number(value)?; 2]),
    }
}
