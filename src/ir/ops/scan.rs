//! Iteration of a body over the rows of sequences, with state from step to step.

use std::borrow::Cow;

use ndarray::{ArrayD, ArrayViewD, Axis};

use super::{Effect, Evaluate, OpError, Operand, Operation, ensure, shaped};
use crate::fixed::{Codes, Format, Range, Word};
use crate::ir::text::{Described, described};
use crate::ir::{Constant, Graph, NodeId, Tensor, validate_body};

/// `(y[t], s[t+1]) = body(x[t], s[t])` for t = 0, 1, .., T - 1: a recurrent layer.
///
/// Operands are sequences \[T, ..row\], of which the body takes a row each. The inputs of the body
/// are these rows, then the states. Its outputs are a row of the result, then the next states.
///
/// The tensor of a body's input for a state is the type of the state, an assumption. It is proven by
/// induction: it holds the initial state, and the next state for every state that it holds. Hence no
/// step overflows, however many there are.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// The initial state, a constant for each. If there are none, the states start from the last
    /// operands, as many as the body has states.
    pub initial: Vec<Constant>,
    /// The result is the row of the last step, not those of all steps.
    pub last: bool,
    /// A sample starts from the states that the sample before it ended in, the first one from
    /// `initial`.
    pub stateful: bool,
    /// The computation of a step.
    pub body: Graph,
}

described!("scan", Scan { initial, last, stateful, body });

impl Operation for Scan {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let count = OpError::Operands { operation: self.name(), found: operands.len() };
        let states = self.states();
        let starts = if self.initial.is_empty() { states } else { 0 };
        ensure(states > 0, "its body has no state")?;
        ensure(self.body.inputs.len() > states, "its body takes no row")?;
        ensure(
            self.initial.is_empty() || self.initial.len() == states,
            "its initial state is not one constant for each state of its body",
        )?;
        ensure(
            !self.stateful || !self.initial.is_empty(),
            "its states are kept from sample to sample, so that it starts from constants",
        )?;
        let (rows, assumed) = self.inputs();
        if operands.len() != rows.len() + starts {
            return Err(count);
        }
        let (sequences, starts) = operands.split_at(rows.len());
        let steps = steps_of(sequences)?;
        for (row, sequence) in rows.iter().zip(sequences) {
            let fits = row.contains(&row_of(sequence));
            fits.map_err(|rule| OpError::mismatch(format!("a row of its operand: {rule}")))?;
        }
        let constants = self.initial.iter().map(|code| initial_tensor(code).map(Cow::Owned));
        let starts = starts.iter().map(|start| Ok(Cow::Borrowed(*start)));
        for (state, start) in assumed.iter().zip(constants.chain(starts)) {
            let fits = state.contains(&*start?);
            fits.map_err(|rule| OpError::mismatch(format!("its initial state: {rule}")))?;
        }
        validate_body(&self.body)
            .map_err(|invalid| OpError::mismatch(format!("its body, {invalid}")))?;
        let [row, next @ ..] = &self.body.outputs[..] else {
            return Err(OpError::mismatch("its body has no result"));
        };
        for (state, next) in assumed.iter().zip(next) {
            let fits = state.contains(&self.body[next.node].tensor);
            fits.map_err(|rule| OpError::mismatch(format!("its next state: {rule}")))?;
        }
        let row = &self.body[row.node].tensor;
        if self.last {
            return Ok(row.clone());
        }
        let shape = std::iter::once(steps).chain(row.shape.iter().copied()).collect();
        let ranges = match row.ranges.len() {
            one_or_channels if one_or_channels <= row.channel_count() => row.ranges.clone(),
            elements => row.ranges.iter().cycle().take(elements * steps).cloned().collect(),
        };
        Ok(Tensor::new(shape, row.format, ranges))
    }

    fn effect(&self, _: usize) -> Effect {
        Effect::Computes
    }
}

impl Evaluate for Scan {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<ArrayD<W>> {
        let (rows, _) = self.inputs();
        let (sequences, starts) = operands.split_at_checked(rows.len())?;
        let sequences: Vec<&Codes> = sequences.iter().map(|sequence| sequence.codes).collect();
        let samples = *sequences.first()?.shape().first()?;
        let order = self.body.evaluation_order();
        let together = if self.stateful { samples.min(1) } else { samples };
        let mut states: Vec<Codes> = match self.initial.is_empty() {
            true => starts.iter().map(|start| start.codes.clone()).collect(),
            false => self.initial.iter().map(|code| repeated(code, together)).collect(),
        };
        if !self.stateful || samples == 0 {
            return self.steps(&order, &sequences, &mut states, result);
        }
        let mut results = Vec::with_capacity(samples);
        for sample in 0..samples {
            let own: Vec<Codes> =
                sequences.iter().map(|all| all.samples(sample..sample + 1)).collect();
            results.push(self.steps(
                &order,
                &own.iter().collect::<Vec<_>>(),
                &mut states,
                result,
            )?);
        }
        let views: Vec<ArrayViewD<'_, W>> = results.iter().map(|one| one.view()).collect();
        ndarray::concatenate(Axis(0), &views).ok()
    }

    /// Operands and constants have words of their own in each operation of the body.
    fn is_narrow(&self, _: &[Operand<'_>], result: Format) -> bool {
        result.is_narrow()
    }
}

impl Scan {
    /// The result of some samples, which start from `states`; these become those after the last step.
    fn steps<W: Word>(
        &self,
        order: &[(NodeId, Vec<NodeId>)],
        sequences: &[&Codes],
        states: &mut Vec<Codes>,
        result: &Tensor,
    ) -> Option<ArrayD<W>> {
        let [samples, steps, ..] = *sequences.first()?.shape() else { return None };
        let [row, next @ ..] = &self.body.outputs[..] else { return None };
        let mut results = Vec::with_capacity(if self.last { 1 } else { steps });
        for step in 0..steps {
            let rows = sequences.iter().map(|sequence| sequence.row(step));
            let mut values = self.body.evaluate(order, rows.chain(states.drain(..))).ok()?;
            for output in next {
                states.push(values.get(&output.node)?.clone());
            }
            if !self.last || step + 1 == steps {
                results.push(values.remove(&row.node)?);
            }
        }
        let results: Option<Vec<_>> = results.iter().map(W::view).collect();
        let results = results?;
        if self.last {
            return results.into_iter().next().map(Cow::into_owned);
        }
        let views: Vec<ArrayViewD<'_, W>> = results.iter().map(|row| row.view()).collect();
        let stacked = ndarray::stack(Axis(1), &views).ok()?;
        // `stack` may return another memory order.
        shaped(stacked.iter().cloned().collect(), samples, result)
    }

    /// Number of states.
    pub fn states(&self) -> usize {
        self.body.outputs.len().saturating_sub(1)
    }

    /// The body's inputs: rows of sequences, and states.
    fn inputs(&self) -> (Vec<&Tensor>, Vec<&Tensor>) {
        let inputs = self.body.inputs.iter().map(|input| &self.body[*input].tensor);
        let mut rows: Vec<&Tensor> = inputs.collect();
        let states = rows.split_off(rows.len().saturating_sub(self.states()));
        (rows, states)
    }
}

/// Length of all `sequences`.
fn steps_of(sequences: &[&Tensor]) -> Result<usize, OpError> {
    let mut lengths = sequences.iter().map(|sequence| sequence.shape.first());
    match lengths.next() {
        Some(Some(steps)) if lengths.all(|other| other == Some(steps)) => Ok(*steps),
        _ => Err(OpError::mismatch("its sequences differ in their lengths")),
    }
}

/// A row of `sequence`, which holds the row of every step. The sequence has an axis of steps.
pub(crate) fn row_of(sequence: &Tensor) -> Tensor {
    let shape = sequence.shape[1..].to_vec();
    let row: usize = shape.iter().product();
    let own = sequence.ranges.len();
    let ranges: Vec<Range> = match own <= sequence.channel_count() && !shape.is_empty() {
        true => sequence.ranges.clone(),
        false => (0..row.min(own))
            .map(|element| {
                let steps = sequence.ranges.iter().skip(element).step_by(row.max(1));
                let all = steps.cloned().reduce(|one, other| one.hull(&other));
                all.expect("a range per element")
            })
            .collect(),
    };
    Tensor::new(shape, sequence.format, ranges)
}

/// The tensor that holds a constant and nothing else.
fn initial_tensor(constant: &Constant) -> Result<Tensor, OpError> {
    let ranges = constant.codes.iter().map(Range::point).collect();
    let fraction = constant.format.fractional_bits();
    Tensor::covering(constant.codes.shape().to_vec(), fraction, ranges)
        .map_err(OpError::format("initial state"))
}

/// A constant for each sample.
fn repeated(constant: &Constant, samples: usize) -> Codes {
    constant.codes.repeated(samples)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use crate::fixed::Codes;
    use crate::ir::text::parse;
    use crate::ir::validate;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    /// `s' = min(s + x, 7)`, and the result 2 · s + x, of steps of two elements.
    const SUMS: &str = "
        x = input shape=[3, 2] format=fixed<4,4>
        y = scan x initial=(fixed<4,4>[2]{1, -2}) body=(
            row = input shape=[2] format=fixed<4,4>
            state = input shape=[2] format=fixed<4,4> : [2] fixed<4,4> [-8, 7]
            double = scale state power=1
            shown = add double row
            sum = add state row
            next = cast sum to=fixed<4,4,TRN,SAT>
            output shown
            output next
        )
        output y";

    fn run(text: &str) -> Result<Vec<String>, Box<dyn std::error::Error>> {
        let graph = parse(text)?;
        validate(&graph)?;
        let x = Codes::Narrow(array![[[1_i64, -1], [7, 2], [-3, 4]]].into_dyn());
        let trace = crate::sim::run(&graph, &[x])?;
        assert!(trace.out_of_range(&graph).is_none());
        let (_, codes) = &trace.outputs(&graph)[0];
        Ok(codes.iter().map(|code| code.to_string()).collect())
    }

    #[test]
    fn the_state_goes_from_step_to_step() -> Outcome {
        // States 1, 2, 7 (9 saturates) and -2, -3, -1; the results are 2 · s + x.
        assert_eq!(run(SUMS)?, ["3", "-5", "11", "-4", "11", "2"]);
        let last = SUMS.replace("body=", "last=true body=");
        assert_eq!(run(&last)?, ["11", "2"]);
        Ok(())
    }

    #[test]
    fn a_state_may_start_from_an_operand() -> Outcome {
        let text = SUMS.replace("scan x initial=(fixed<4,4>[2]{1, -2})", "scan x first");
        let first = "first = gather x shape=[2] indices=[0, 1]\n        y = scan";
        assert_eq!(run(&text.replace("y = scan", first))?, ["3", "-3", "11", "-2", "11", "4"]);
        Ok(())
    }

    /// The second sample starts from the states that the first one ends in.
    #[test]
    fn a_state_may_outlive_a_sample() -> Outcome {
        let graph = parse(&SUMS.replace("body=", "stateful=true body="))?;
        validate(&graph)?;
        let samples = array![[[1_i64, -1], [7, 2], [-3, 4]], [[-2, 0], [0, 1], [1, 1]]];
        let outputs = |samples: Codes| -> Result<Vec<String>, Box<dyn std::error::Error>> {
            let trace = crate::sim::run(&graph, &[samples])?;
            Ok(trace.outputs(&graph)[0].1.iter().map(|code| code.to_string()).collect())
        };
        // The first sample ends in the states 4 and 3.
        let expected =
            ["3", "-5", "11", "-4", "11", "2", "6", "6", "4", "7", "5", "9"].map(String::from);
        assert_eq!(outputs(Codes::Narrow(samples.clone().into_dyn()))?, expected);
        let none = samples.slice(ndarray::s![..0, .., ..]).to_owned().into_dyn();
        assert_eq!(outputs(Codes::Narrow(none))?, [""; 0]);
        // All samples are one batch, whatever its size.
        let inputs = [Codes::Narrow(samples.into_dyn())];
        let output = graph.outputs[0].node;
        let executor = crate::sim::Executor::default();
        let all = executor.run_in_batches(&graph, &inputs, &[output], &[], |_| ())?;
        let all = all.of(output).ok_or("no output")?;
        assert_eq!(all.iter().map(|code| code.to_string()).collect::<Vec<_>>(), expected);
        Ok(())
    }

    #[test]
    fn the_type_of_the_state_is_proven_by_induction() {
        let state = "state = input shape=[2] format=fixed<4,4> : [2] fixed<4,4> [-8, 7]";
        for (from, to, rule) in [
            ("SAT", "WRAP", ""),
            ("{1, -2}", "{1, 20}", "a constant exceeds its format"),
            (
                "fixed<4,4>[2]{1, -2}",
                "fixed<8,4>[2]{1, -2}",
                "its initial state: its fractional bits differ from the inferred ones",
            ),
            (state, "", "its body takes no row"),
            ("            output next\n", "", "its body has no state"),
            (
                "output next",
                "output sum",
                "its next state: its format is narrower than the inferred one",
            ),
            (
                "fixed<4,4> [-8, 7]",
                "fixed<4,4> [-7, 7]",
                "its next state: its range does not contain the inferred one",
            ),
            (
                "row = input shape=[2] format=fixed<4,4>",
                "row = input shape=[2] format=fixed<3,3>",
                "a row of its operand: its format is narrower than the inferred one",
            ),
            ("initial=(fixed<4,4>[2]{1, -2})", "", "scan does not take 1 operands"),
            (
                "initial=(fixed<4,4>[2]{1, -2})",
                "stateful=true",
                "its states are kept from sample to sample, so that it starts from constants",
            ),
            (
                "{1, -2})",
                "{1, -2}, fixed<4,4>[2]{1, -2})",
                "its initial state is not one constant for each state of its body",
            ),
        ] {
            assert!(SUMS.contains(from), "{from}");
            let mut text = SUMS.replace(from, to);
            if from == state {
                text = text.replace("state", "row");
            }
            let found = parse(&text).err().map(|error| error.to_string()).unwrap_or_default();
            let rule = if rule.is_empty() { "" } else { &format!("line 3: node 'y': {rule}") };
            assert_eq!(found, rule, "{from} -> {to}");
        }
    }
}
