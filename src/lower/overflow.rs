//! Types that cannot hold a range: what a user is told of them.
//!
//! A type that wraps is warned of. A type that saturates is a decision: one note names all of them, with
//! the values that do so in some samples. Saturation at 0 before a ReLU is the ReLU.

use num_bigint::Sign;

use super::result::unlimited;
use crate::diagnostic::{Diagnostic, number};
use crate::fixed::{Format, MAX_WIDTH, Overflow, Quantization, Range, Signedness, cast_range};
use crate::model::Model;

/// The most types that the note on saturation names.
const NAMED: usize = 6;

/// A type that cannot hold the proven range of a result, or the values of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrecisionOverflow {
    /// The layer.
    pub layer: String,
    /// Its name in a configuration: that of the layer, or of an activation fused into it.
    pub entry: String,
    /// Its variable: `result`, `state`, `weight`, `bias`, `scale`.
    pub variable: &'static str,
    /// The type.
    pub precision: Quantization,
    /// Codes before the type is applied.
    pub range: Range,
    /// Fractional bits of `range`.
    pub fraction: i32,
    /// The nodes that apply the type to a result, each with the codes that do not fit: those of its
    /// operand, or the probabilities of a softmax without overflow.
    pub nodes: Vec<(String, Vec<Range>)>,
}

impl PrecisionOverflow {
    /// True if `other` is about the same result, in another step of a TimeDistributed layer.
    pub(super) fn includes(&self, other: &Self) -> bool {
        (&self.entry, self.variable) == (&other.entry, other.variable)
            && self.precision == other.precision
            && self.fraction == other.fraction
    }

    pub(super) fn add(&mut self, other: Self) {
        self.range = self.range.hull(&other.range);
        self.nodes.extend(other.nodes);
    }

    /// True if the type saturates: values beyond it become its bounds.
    pub fn saturates(&self) -> bool {
        match self.precision.overflow {
            Overflow::Sat | Overflow::SatSym => true,
            Overflow::Wrap { .. } | Overflow::SatZero => false,
        }
    }

    /// This overflow without negative values, if an unsigned type saturates them and only ReLUs take the
    /// result; `None` if no other value overflows.
    pub(super) fn without_rectified(mut self, model: &Model) -> Option<Self> {
        let mut layers = model.graph.node_indices();
        let layer = layers.find(|index| model.graph[*index].name == self.entry);
        let is_rectified = self.saturates()
            && self.variable == "result"
            && self.precision.format.signedness() == Signedness::Unsigned
            && layer.is_some_and(|layer| model.is_only_rectified(layer));
        if !is_rectified {
            return Some(self);
        }
        for (_, ranges) in &mut self.nodes {
            ranges.retain(|range| range.high().sign() != Sign::Minus);
        }
        self.nodes.retain(|(_, ranges)| !ranges.is_empty());
        let low = self.range.low().max(&0.into()).clone();
        self.range = Range::new(low, self.range.high().clone());
        (!self.nodes.is_empty()).then_some(self)
    }

    /// The warning, with the numbers of overflowing and of all values in some samples.
    pub fn diagnostic(&self, samples: Option<(usize, usize)>) -> Diagnostic {
        let Self { layer, entry, variable, precision, .. } = self;
        let is_result = ["result", "state"].contains(variable);
        let code = if is_result { "result-overflow" } else { "parameter-overflow" };
        let (low, high) = self.range.values(self.fraction);
        let (effect, limited) = match precision.overflow {
            Overflow::Wrap { .. } => ("wrap", false),
            Overflow::Sat | Overflow::SatSym => ("saturate", true),
            Overflow::SatZero => ("become 0", true),
        };
        let samples = samples.map_or_else(String::new, |(count, all)| {
            format!("; {count} of {all} values do so in these samples")
        });
        let message = format!(
            "layer '{entry}': {variable} precision {precision} cannot hold the range [{}, {}]; values \
             {effect}{samples}",
            number(low),
            number(high)
        );
        let warning = Diagnostic::warning(code, message).in_layer(layer);
        match (self.needed(), limited) {
            (Some(needed), true) => warning.with_help(format!("Use {needed}.")),
            (Some(needed), false) => {
                warning.with_help(format!("Use {needed} or set overflow SAT."))
            }
            (None, false) => warning.with_help("Set overflow SAT."),
            (None, true) => warning,
        }
    }

    /// The narrowest type with the LSB and modes of the configured one that holds the range.
    fn needed(&self) -> Option<Quantization> {
        let to = self.precision;
        let unlimited = unlimited(&to).ok()?;
        let range = cast_range(&self.range, self.fraction, &unlimited);
        let format = Format::covering(&range, to.format.fractional_bits()).ok()?;
        // At this width `unlimited` has saturated the range.
        (format.width() < MAX_WIDTH - 1)
            .then(|| Quantization::new(format, to.rounding, to.overflow))
    }
}

/// The note on types that saturate, each with the numbers of saturating and of all values in some
/// samples; `None` if there are none.
pub fn saturation_note<'a>(
    overflows: impl IntoIterator<Item = (&'a PrecisionOverflow, Option<(usize, usize)>)>,
) -> Option<Diagnostic> {
    let saturating: Vec<_> = overflows.into_iter().filter(|(it, _)| it.saturates()).collect();
    let name = |it: &PrecisionOverflow| format!("{} of '{}'", it.variable, it.entry);
    let listed = |items: Vec<String>| {
        let more = items.len().saturating_sub(NAMED);
        let named = items.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
        if more == 0 { named } else { format!("{named} and {more} more") }
    };
    let names: Vec<String> = saturating.iter().map(|(it, _)| name(it)).collect();
    let fact = match names.len() {
        0 => return None,
        1 => "configured type saturates, because the range of its value is larger",
        _ => "configured types saturate, because the ranges of their values are larger",
    };
    let mut message = format!("{} {fact}: {}", names.len(), listed(names));
    let counted: Vec<_> =
        saturating.iter().filter_map(|(it, count)| Some((it, (*count)?))).collect();
    if !counted.is_empty() {
        let found = counted.iter().filter(|(_, (values, _))| *values > 0);
        let found = found.map(|(it, (values, all))| format!("{values} of {all} ({})", name(it)));
        let found: Vec<String> = found.collect();
        message.push_str(&match found.is_empty() {
            true => "; no result does in these samples".to_owned(),
            false => format!("; values that do in these samples: {}", listed(found)),
        });
    }
    Some(Diagnostic::note(SATURATES, message))
}

/// The code of the note on saturation.
pub const SATURATES: &str = "result-saturates";

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::super::tests::{Outcome, chain, dense, plain_relu as relu};
    use super::super::{LayerSettings, LowerWarning, Settings, lower};
    use super::*;
    use crate::function::Function;
    use crate::model::{Activation, LayerKind};

    /// The overflows of 'fc', of inputs in [-1, 1), with the result type `to` before `next`.
    fn overflows(
        to: &str,
        next: Activation,
    ) -> Result<Vec<PrecisionOverflow>, Box<dyn std::error::Error>> {
        let layer =
            LayerKind::Dense(dense(array![[1.0]], None, ["quantized_bits(3,1,1,alpha=1)", ""]));
        let next = LayerKind::Activation(next);
        let model = chain(1, vec![("fc", layer), ("next", next)]);
        let own = LayerSettings { result: Some(to.parse()?), ..LayerSettings::default() };
        let layers = [("fc".to_owned(), own)].into();
        let settings = Settings { input: "fixed<6,1>".parse()?, layers, ..Settings::default() };
        let warnings = lower(&model, &settings)?.warnings;
        Ok(warnings.iter().filter_map(LowerWarning::overflow).cloned().collect())
    }

    #[test]
    fn saturation_at_0_before_a_relu_is_the_relu() -> Outcome {
        assert!(overflows("ufixed<6,1,RND,SAT>", relu())?.is_empty());
        // Its upper end is not.
        let above = overflows("ufixed<6,-1,RND,SAT>", relu())?;
        assert_eq!(above.len(), 1);
        assert_eq!(above[0].range.low(), &0.into());
        assert!(above[0].nodes.iter().flat_map(|it| &it.1).all(|it| it.low() > &0.into()));
        // Nor are negative values of a signed type, that wrap, or that another function takes.
        for (to, next) in [
            ("fixed<6,-1,RND,SAT>", relu()),
            ("ufixed<6,1>", relu()),
            ("ufixed<6,1,RND,SAT>", Activation::Function(Function::HardTanh)),
        ] {
            let found = overflows(to, next)?;
            assert_eq!(found.len(), 1, "{to}");
            assert!(found[0].range.low() < &0.into(), "{to}");
        }
        Ok(())
    }

    #[test]
    fn one_note_names_all_types_that_saturate() -> Outcome {
        let one = overflows("ufixed<6,-1,RND,SAT>", relu())?.remove(0);
        let note = |counts: &[Option<(usize, usize)>]| {
            let all = counts.iter().map(|count| (&one, *count));
            saturation_note(all).map(|it| it.to_string())
        };
        assert_eq!(note(&[]), None);
        let start = "note: 2 configured types saturate, because the ranges of their values are \
                     larger: result of 'fc', result of 'fc'";
        assert_eq!(note(&[None, None]).as_deref(), Some(start));
        let found = note(&[Some((0, 9)), Some((3, 9))]).ok_or("no note")?;
        let counted = "; values that do in these samples: 3 of 9 (result of 'fc')";
        assert_eq!(found, format!("{start}{counted}"));
        let none = note(&[Some((0, 9)), None]).ok_or("no note")?;
        assert_eq!(none, format!("{start}; no result does in these samples"));
        assert!(note(&[None; 8]).is_some_and(|it| it.ends_with("result of 'fc' and 2 more")));
        let wraps = overflows("ufixed<6,1>", relu())?.remove(0);
        assert!(saturation_note([(&wraps, None)]).is_none());
        Ok(())
    }
}
