//! The batch normalisation in QConv2DBatchnorm and QDepthwiseConv2DBatchnorm.

use serde_json::{Value, json};

use super::Site;
use super::normalization::{EPSILON, of_channels};
use crate::front::error::FrontError;
use crate::front::keras::weights::Variables;
use crate::model::Folded;

/// What the attributes say.
pub(super) struct Stated {
    scale: bool,
    epsilon: f32,
}

impl Stated {
    pub(super) fn read(site: &mut Site<'_>) -> Result<Self, FrontError> {
        site.attributes.inert(&["ema_freeze_delay"]);
        of_channels(site)?;
        let modes = [json!("ema_stats_folding"), json!("batch_stats_folding")];
        site.attributes.only("folding_mode", &modes)?;
        // QKeras itself cannot compute without.
        site.attributes.only("center", &[Value::Bool(true)])?;
        let scale = site.attributes.yes("scale")?;
        let epsilon = match site.attributes.get("epsilon") {
            None => EPSILON,
            Some(value) => {
                let number = value.as_f64().map(|number| number as f32);
                let number = number.filter(|number| number.is_finite() && *number >= 0.0);
                let wrong = || site.attributes.malformed("epsilon", value, "a number from 0");
                number.ok_or_else(wrong)?
            }
        };
        Ok(Self { scale, epsilon })
    }

    /// The names of the variables: those of a layer `batchnorm` in this one, and the count of steps.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let gamma = self.scale.then_some("batchnorm/gamma");
        let others =
            ["batchnorm/beta", "iteration", "batchnorm/moving_mean", "batchnorm/moving_variance"];
        gamma.into_iter().chain(others)
    }

    /// Reads the variables, one element for each of `outputs`.
    pub(super) fn variables(
        &self,
        variables: &mut Variables<'_>,
        outputs: usize,
    ) -> Result<Folded, FrontError> {
        let gamma = if self.scale { Some(variables.next([outputs])?) } else { None };
        let beta = variables.next([outputs])?;
        // How many steps were trained, which matters in training alone.
        let _iteration = variables.next([])?;
        let mean = variables.next([outputs])?;
        let variance = variables.next([outputs])?;
        Ok(Folded { gamma, beta, mean, variance, epsilon: self.epsilon })
    }
}
