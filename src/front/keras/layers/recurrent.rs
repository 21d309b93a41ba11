//! Recurrent layers of Keras and QKeras: their attributes and results, and the wrappers RNN and
//! Bidirectional. [`cell`](super::cell) reads cells.

use serde_json::{Map, Value, json};

use super::cell::{CellReader, Names};
use super::{Built, Class, LayerReader, check_size};
use crate::front::error::FrontError;
use crate::front::keras::architecture::check_origin;
use crate::front::keras::attributes::{Owner, class_of, equal};
use crate::front::keras::batch_axis::BatchAxis;
use crate::front::keras::weights::{LayerWeights, Variables};
use crate::front::layer_problem::LayerProblem;
use crate::model::{Bidirectional, Cell, Directions, LayerKind, Merge, Recurrent, RecurrentResult};

/// Attribute of Keras 2: the steps are the first axis, the batch the second one.
const TIME_MAJOR: &str = "time_major";

pub(super) const CLASSES: &[Class] = &[
    ("SimpleRNN", recurrent),
    ("QSimpleRNN", recurrent),
    ("LSTM", recurrent),
    ("QLSTM", recurrent),
    ("GRU", recurrent),
    ("QGRU", recurrent),
    ("RNN", recurrent),
    ("Bidirectional", bidirectional),
    ("QBidirectional", bidirectional),
];

/// Returns true for a recurrent class, whose call takes initial states and a mask.
pub(in crate::front::keras) fn is_recurrent(class: &str) -> bool {
    CLASSES.iter().any(|(name, _)| *name == class)
}

/// Returns true if the result of a layer is a list of tensors.
pub(in crate::front::keras) fn has_several_results(
    class: &str,
    attributes: &Map<String, Value>,
) -> bool {
    let returns_state = |config: &Map<String, Value>| {
        config
            .get("return_state")
            .is_some_and(|value| !equal(value, &json!(0)) && *value != json!(false))
    };
    let inner = attributes.get("layer").and_then(|layer| layer.get("config")?.as_object());
    let is_apart = inner.is_some() && attributes.get("merge_mode").is_some_and(Value::is_null);
    is_recurrent(class) && (is_apart || returns_state(inner.unwrap_or(attributes)))
}

/// Returns true if a recurrent layer takes its steps along the first axis, before the batch.
pub(in crate::front::keras) fn is_time_major(class: &str, attributes: &Map<String, Value>) -> bool {
    let inner = attributes.get("layer").and_then(|layer| layer.get("config")?.as_object());
    let stated = inner.unwrap_or(attributes).get(TIME_MAJOR);
    is_recurrent(class) && stated.is_some_and(|value| equal(value, &json!(true)))
}

fn recurrent(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    let (inputs, result) = (layer.inputs.clone(), layer.result);
    let reader = RecurrentReader::read(layer, "cell")?;
    let names = reader.names();
    let mut variables = variables(&mut layer.weights, &names)?;
    let (mut recurrent, output) = reader.finish(layer.owner, &inputs, &mut variables)?;
    check_starts(layer, &recurrent, 1)?;
    let states = states(&recurrent);
    recurrent.result = match result.checked_sub(1) {
        None => RecurrentResult::Output,
        Some(state) => *state_at(layer, &states, state, 1)?,
    };
    let shape = shape_of(&recurrent, output);
    built(layer, LayerKind::Recurrent(recurrent), shape)
}

/// Returns a layer with a result of this shape. A result of one step has the batch first.
fn built(layer: &LayerReader<'_>, kind: LayerKind, shape: Vec<usize>) -> Result<Built, FrontError> {
    let has_steps = shape.len() > 1;
    layer.moved_batch.set(Some(if has_steps { layer.batch_axis } else { BatchAxis::First }));
    check_size(layer.owner, &shape)?;
    Ok(Built { kind, shape })
}

/// Reads Bidirectional: the backward layer is stated, or is the layer in the other direction.
fn bidirectional(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    let stated = inner(layer, "layer")?.ok_or_else(|| layer.attributes.missing("layer"))?;
    let backward = inner(layer, "backward_layer")?;
    let is_stated = backward.is_some();
    let apart = layer.attributes.get("merge_mode").is_none();
    let merge = match layer.attributes.get("merge_mode").and_then(Value::as_str) {
        Some("concat") => Directions::Concatenated,
        Some("sum") => Directions::Merged(Merge::Add),
        Some("mul") => Directions::Merged(Merge::Multiply),
        Some("ave") => Directions::Merged(Merge::Average),
        None if apart => Directions::Only(0),
        _ => {
            let modes = ["concat", "sum", "mul", "ave"].map(Value::from);
            layer.attributes.only("merge_mode", &modes)?;
            let value = layer.attributes.require("merge_mode")?;
            return Err(layer.attributes.malformed("merge_mode", value, "a mode"));
        }
    };
    let inputs = layer.inputs.clone();
    let mut forward = layer.of_wrapped(stated.0, stated.1);
    let (class, config) = backward.unwrap_or(stated);
    let mut backward = layer.of_wrapped(class, config);
    let forward_reader = RecurrentReader::read(&mut forward, "forward_layer/cell")?;
    let mut backward_reader = RecurrentReader::read(&mut backward, "backward_layer/cell")?;
    if !is_stated {
        backward_reader.go_backwards = !forward_reader.go_backwards;
    }
    forward.attributes.finish()?;
    backward.attributes.finish()?;
    let names = [forward_reader.names(), backward_reader.names()].concat();
    let mut variables = variables(&mut layer.weights, &names)?;
    let (forward, output) = forward_reader.finish(layer.owner, &inputs, &mut variables)?;
    let (backward, other) = backward_reader.finish(layer.owner, &inputs, &mut variables)?;
    check_starts(layer, &forward, 2)?;
    if forward.return_sequences != backward.return_sequences
        || output != other && !apart && merge != Directions::Concatenated
        || forward.states() != backward.states() && (layer.inputs.len() > 1 || layer.result > 0)
    {
        let shapes = format!("{output:?} and {other:?}");
        return Err(layer.owner.wrong(LayerProblem::Shapes { shapes }));
    }
    let outputs = if apart { 2 } else { 1 };
    let mut directions = [forward, backward];
    let (result, mut shape) = match layer.result.checked_sub(outputs) {
        None if apart => {
            let only = usize::from(layer.result == 1);
            let shape = if only == 0 { &output } else { &other };
            (Directions::Only(only), shape_of(&directions[only], shape.clone()))
        }
        None => (merge, shape_of(&directions[0], output.clone())),
        Some(state) => {
            let of_one = directions[0].states() as u64;
            let only = usize::from(state >= of_one);
            let all = states(&directions[only]);
            let state = if only == 1 { state - of_one } else { state };
            directions[only].result =
                *state_at(layer, &all, state, outputs + only as u64 * of_one)?;
            let shape = shape_of(&directions[only], output.clone());
            (Directions::Only(only), shape)
        }
    };
    if let (Directions::Concatenated, Some(last), Some(more)) =
        (result, shape.last_mut(), other.last())
    {
        *last += more;
    }
    let both = Bidirectional { directions, result };
    built(layer, LayerKind::Bidirectional(Box::new(both)), shape)
}

/// A layer in a wrapper: its class and attributes.
type Inner<'a> = (&'a str, &'a Map<String, Value>);

/// Reads the layer in the attribute `name`; `None` if there is none.
fn inner<'a>(
    layer: &mut LayerReader<'a>,
    name: &'static str,
) -> Result<Option<Inner<'a>>, FrontError> {
    let Some(value) = layer.attributes.get(name) else { return Ok(None) };
    let (Some(class), Some(Value::Object(config))) = (class_of(value), value.get("config")) else {
        return Err(layer.attributes.malformed(name, value, "a layer"));
    };
    let owner = Owner { class, ..layer.owner };
    check_origin(owner, value)?;
    if !is_recurrent(class) || class.ends_with("Bidirectional") {
        let help =
            "put a SimpleRNN, LSTM, GRU, RNN or one of their QKeras classes into it".to_owned();
        return Err(layer.attributes.unsupported(name, &json!(class), help));
    }
    Ok(Some((class, config)))
}

fn variables<'a>(
    weights: &mut LayerWeights<'a>,
    names: &Names,
) -> Result<Variables<'a>, FrontError> {
    let names: Vec<_> = names.iter().map(|(place, name)| (place.as_str(), *name)).collect();
    weights.variables_at(&names)
}

/// Every state of a layer, as a result.
fn states(recurrent: &Recurrent) -> Vec<RecurrentResult> {
    let of_cell = |(cell, own): (usize, &Cell)| {
        let states = own.kind.states().len();
        (0..states).map(move |state| RecurrentResult::State { cell, state })
    };
    recurrent.cells.iter().enumerate().flat_map(of_cell).collect()
}

/// The state `state`, before which the layer has so many results.
fn state_at<'s>(
    layer: &LayerReader<'_>,
    states: &'s [RecurrentResult],
    state: u64,
    before: u64,
) -> Result<&'s RecurrentResult, FrontError> {
    let found = usize::try_from(state).ok().and_then(|state| states.get(state));
    found.ok_or_else(|| {
        let count = states.len().saturating_add(usize::try_from(before).unwrap_or(usize::MAX));
        layer.owner.wrong(LayerProblem::Result { count, index: layer.result })
    })
}

/// The shape of a result, `output` being that of the outputs of all steps.
fn shape_of(recurrent: &Recurrent, output: Vec<usize>) -> Vec<usize> {
    match recurrent.result {
        RecurrentResult::Output if recurrent.return_sequences => output,
        RecurrentResult::Output => output[1..].to_vec(),
        RecurrentResult::State { cell, .. } => vec![recurrent.cells[cell].units()],
    }
}

/// Checks the inputs after the sequence: an initial state for each state of so many directions, or
/// none.
fn check_starts(
    layer: &LayerReader<'_>,
    recurrent: &Recurrent,
    directions: usize,
) -> Result<(), FrontError> {
    let starts = layer.inputs.get(1..).unwrap_or_default();
    let expected = recurrent.states() * directions;
    if !starts.is_empty() && starts.len() != expected {
        return Err(layer.wrong_inputs(expected + 1));
    }
    let all = recurrent.cells.iter().flat_map(|cell| cell.kind.states().iter().map(move |_| cell));
    let units: Vec<usize> = all.map(Cell::units).collect();
    match starts.iter().zip(units.iter().cycle()).all(|(start, units)| **start == [*units]) {
        true => Ok(()),
        false => Err(layer.incompatible_shapes()),
    }
}

/// A recurrent layer before its variables are read.
struct RecurrentReader {
    cells: Vec<CellReader>,
    names: Names,
    go_backwards: bool,
    return_sequences: bool,
    stateful: bool,
}

impl RecurrentReader {
    /// Reads the attributes of a layer, whose cell has its variables at `place`.
    fn read(layer: &mut LayerReader<'_>, place: &str) -> Result<Self, FrontError> {
        let attributes = &mut layer.attributes;
        let batch =
            if attributes.flag(TIME_MAJOR, false)? { BatchAxis::Second } else { BatchAxis::First };
        if batch != layer.batch_axis {
            return Err(layer
                .owner
                .wrong(LayerProblem::TimeMajor { is_set: batch == BatchAxis::Second }));
        }
        // The results in use are known by their index.
        attributes.inert(&["return_state"]);
        let go_backwards = attributes.flag("go_backwards", false)?;
        let return_sequences = attributes.flag("return_sequences", false)?;
        let stateful = is_stateful(layer)?;
        let (cells, names) = CellReader::all(layer, place)?;
        Ok(Self { cells, names, go_backwards, return_sequences, stateful })
    }

    fn names(&self) -> Names {
        self.names.clone()
    }

    /// Reads the variables. Returns the layer and the shape of the outputs of all steps.
    fn finish(
        self,
        owner: Owner<'_>,
        inputs: &[Vec<usize>],
        variables: &mut Variables<'_>,
    ) -> Result<(Recurrent, Vec<usize>), FrontError> {
        let wrong = |found: &[usize]| {
            owner.wrong(LayerProblem::Axes { expected: 2, found: found.to_vec() })
        };
        let sequence = inputs.first().map_or(&[][..], Vec::as_slice);
        let [steps, mut width] = *sequence else { return Err(wrong(sequence)) };
        let mut cells = Vec::with_capacity(self.cells.len());
        for cell in self.cells {
            let cell = cell.variables(variables, width)?;
            width = cell.units();
            cells.push(cell);
        }
        let Self { go_backwards, return_sequences, stateful, .. } = self;
        let result = RecurrentResult::Output;
        let recurrent = Recurrent { cells, go_backwards, return_sequences, stateful, result };
        Ok((recurrent, vec![steps, width]))
    }
}

/// Reads the attribute `stateful`. A state that outlives a call is that of one sample: Keras keeps a
/// state for each sample of a batch.
fn is_stateful(layer: &mut LayerReader<'_>) -> Result<bool, FrontError> {
    let stateful = layer.attributes.flag("stateful", false)?;
    if !stateful || layer.is_single {
        return Ok(stateful);
    }
    let help = "build the model again with a batch of 1, outside of TimeDistributed: hardware keeps the \
                state of one sequence. Or set stateful to false: each sample then starts from the initial \
                state";
    Err(layer.attributes.unsupported("stateful", &json!(true), help.to_owned()))
}
