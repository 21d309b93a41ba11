//! Conversion to other types.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use super::{Evaluate, OpError, Operand, Operation, shaped, single};
use crate::fixed::{Caster, Format, Quantization, Range, Word, cast_range};
use crate::ir::Tensor;
use crate::ir::text::{Described, described};

/// Converts each element of x to its type, with the type's rounding and overflow modes.
///
/// The type is the same for all elements, or differs by channel or element: `to` is broadcast to
/// the shape of x as in NumPy. If types differ, the result has the narrowest format that holds all
/// of them, with the finest LSB; its ranges are those of the types.
#[derive(Clone, Debug, PartialEq)]
pub struct Cast {
    /// Types, of a shape that broadcasts to that of x.
    pub to: ArrayD<Quantization>,
}

described!("cast", Cast { to });

impl Operation for Cast {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        let types = self.types(&x.shape)?;
        let format = self.format()?;
        let count = if types.len() == 1 { 1 } else { self.period(x) };
        let ranges = (0..count.max(x.ranges.len())).zip(types.iter().cycle()).map(|(at, to)| {
            let shift = format.fractional_bits().abs_diff(to.format.fractional_bits());
            cast_range(x.range_at(at), x.format.fractional_bits(), to).refined(shift)
        });
        Ok(Tensor::new(x.shape.clone(), format, ranges.collect()))
    }

    fn is_uniform(&self) -> bool {
        self.uniform().is_some()
    }
}

impl Evaluate for Cast {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<ArrayD<W>> {
        let x = operands.first()?;
        let codes = W::view(x.codes)?;
        let caster = |to: &Quantization| {
            let shift =
                u32::try_from(result.format.fractional_bits() - to.format.fractional_bits())
                    .ok()?;
            Some((Caster::<W>::new(x.tensor.format.fractional_bits(), to)?, shift))
        };
        let types = self.types(&x.tensor.shape).ok()?;
        let casters = types.iter().map(caster).collect::<Option<Vec<_>>>()?;
        if let [(caster, 0)] = &casters[..] {
            return Some(codes.map(|code| caster.apply(code)));
        }
        let samples = *codes.shape().first()?;
        let each = codes.iter().zip(casters.iter().cycle());
        let y = each.map(|(code, (caster, shift))| caster.apply(code).shifted_left(*shift));
        shaped(y.collect(), samples, result)
    }
}

impl From<Quantization> for Cast {
    /// A cast of all elements to one type.
    fn from(to: Quantization) -> Self {
        Self { to: ndarray::arr0(to).into_dyn() }
    }
}

impl Cast {
    /// A type per channel.
    pub fn by_channel(types: Vec<Quantization>) -> Self {
        Self { to: ndarray::Array1::from_vec(types).into_dyn() }
    }

    /// The type of all elements; `None` if types differ.
    pub fn uniform(&self) -> Option<Quantization> {
        let first = *self.to.first()?;
        self.to.iter().all(|to| *to == first).then_some(first)
    }

    /// The types of the elements of `tensor`, row-major: one per channel, or one per element.
    ///
    /// # Errors
    /// If they do not broadcast to its shape.
    pub fn types_of(&self, tensor: &Tensor) -> Result<Vec<Quantization>, OpError> {
        let types = self.types(&tensor.shape)?;
        Ok(types.iter().copied().cycle().take(self.period(tensor)).collect())
    }

    /// The type of each element of a tensor of shape `shape`: one if all share it.
    fn types<'t>(&'t self, shape: &'t [usize]) -> Result<ArrayViewD<'t, Quantization>, OpError> {
        let unfit = "its types do not broadcast to the shape of its operand";
        let types = self.to.broadcast(IxDyn(shape)).ok_or(OpError::mismatch(unfit))?;
        Ok(if self.to.len() == 1 { self.to.view() } else { types })
    }

    /// Number of ranges for types that differ: one per channel or per element of `x`.
    fn period(&self, x: &Tensor) -> usize {
        let by_channel = self.to.shape().last() == Some(&self.to.len());
        if by_channel { x.channel_count() } else { x.len() }
    }

    /// The narrowest format that holds every type.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    fn format(&self) -> Result<Format, OpError> {
        let formats = || self.to.iter().map(|to| to.format);
        let first = formats().next().ok_or(OpError::mismatch("it has no type"))?;
        if formats().all(|format| format == first) {
            return Ok(first);
        }
        let fraction = formats().map(Format::fractional_bits).max().expect("there is a format");
        let codes =
            |format: Format| format.codes().refined(fraction.abs_diff(format.fractional_bits()));
        let all = formats().map(codes).reduce(|a: Range, b| a.hull(&b));
        let all = all.expect("there is a format");
        Format::covering(&all, fraction).map_err(OpError::format("common format of the types"))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use crate::ir::text::parse;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn types_by_channel_share_the_finest_lsb() -> Outcome {
        let graph = parse(
            "graph \"g\"
             x = input shape=[2, 2] format=fixed<6,3>
             y = cast x to=[2]{fixed<4,3,RND_CONV,SAT>, ufixed<3,0,TRN,SAT>}
             output y",
        )?;
        let y = &graph[graph.outputs[0].node].tensor;
        assert_eq!(y.format, "fixed<6,3>".parse()?);
        // [-4, 3.5] and [0, 7/8], both with the LSB 1/8.
        let ranges: Vec<String> = y.ranges.iter().map(ToString::to_string).collect();
        assert_eq!(ranges, ["[-32, 28]", "[0, 7]"]);
        let codes = crate::fixed::Codes::Narrow(array![[[31_i64, 31], [-5, -5]]].into_dyn());
        let trace = crate::sim::run(&graph, &[codes])?;
        let y = trace.outputs(&graph)[0].1.iter().map(|code| code.to_string()).collect::<Vec<_>>();
        // 31/8 saturates to 3.5 and 7/8; -5/8 rounds to -1/2, and saturates to 0.
        assert_eq!(y, ["28", "7", "-4", "0"]);
        Ok(())
    }

    #[test]
    fn types_by_element_broadcast_as_numpy_does() -> Outcome {
        let by_row = "graph \"g\"
             x = input shape=[2, 2] format=fixed<6,3>
             y = cast x to=[2, 1]{fixed<6,3>, fixed<4,1>}
             output y";
        let graph = parse(by_row)?;
        let ranges = &graph[graph.outputs[0].node].tensor.ranges;
        let ranges: Vec<String> = ranges.iter().map(ToString::to_string).collect();
        assert_eq!(ranges, ["[-32, 31]", "[-32, 31]", "[-8, 7]", "[-8, 7]"]);
        let error = parse(&by_row.replace("[2, 1]{fixed<6,3>, ", "[3]{fixed<6,3>, fixed<6,3>, "));
        let rule = "line 3: node 'y': its types do not broadcast to the shape of its operand";
        assert_eq!(error.err().map(|error| error.to_string()).as_deref(), Some(rule));
        Ok(())
    }
}
