//! Operations that make one element of many.

use serde_json::{Value, json};

use super::Call;
use crate::front::error::FrontError;
use crate::front::keras::layers::Built;
use crate::model::{Activation, LayerKind, Pool, PoolKind};

/// What the elements of all positions have together, for each channel: where the axes are all but the
/// batch and the channels, this is a global pooling.
pub(super) fn over_positions(call: &mut Call<'_, '_>, kind: PoolKind) -> Result<Built, FrontError> {
    let shape = call.site.input()?.to_vec();
    let value = match call.arguments.get(1) {
        Some(Some(_)) => call.value(1, "axis")?,
        _ => &Value::Null,
    };
    let axes = if value.is_null() { vec![] } else { call.axes("axis", value)? };
    let (positions, channels) = (1..shape.len(), shape.last());
    let all = axes.iter().copied().eq(0..positions.len()) && matches!(positions.len(), 1 | 2);
    let (true, Some(channels)) = (all, channels) else {
        let help = "supported are all axes but the batch and the channels, one or two, as a global \
                    pooling takes them: axis = 1 or axis = [1, 2]";
        return Err(call.site.attributes.unsupported("axis", value, help.to_owned()));
    };
    call.only(2, "keepdims", &[json!(false), json!(true)])?;
    let keep_axes = match call.arguments.get(2) {
        Some(Some(_)) => *call.value(2, "keepdims")? == json!(true),
        _ => false,
    };
    let mut result = vec![1; if keep_axes { shape.len() - 1 } else { 0 }];
    result.push(*channels);
    let pool = Pool { sliding: None, kind, keep_axes, activation: Activation::Linear };
    Ok(Built { kind: LayerKind::Pool(pool), shape: result })
}
