//! The setting of a layer: that of `LayerName`, else of `LayerType`, else of `Model`.

use super::layers::fused_activation;
use super::section::{Section, Sections, Variable, WeightScale};
use super::{Config, Pace, Recurrence, Strategy};
use crate::fixed::Quantization;
use crate::function::Sigmoid;

/// The size of a table that hls4ml writes for every activation.
const TABLE_SIZE: usize = 1024;

/// Settings of a softmax.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SoftmaxKeys {
    /// Entries of each table, a power of two from 2 to 65536.
    pub table_size: Option<usize>,
    /// Type of the exponentials.
    pub exp_table: Option<Quantization>,
    /// Type of the reciprocals.
    pub inv_table: Option<Quantization>,
    /// Removal of softmax.
    pub skip: Option<bool>,
}

/// An entry in `LayerName` of an activation fused into a layer.
#[derive(Clone, Copy, Debug)]
pub struct FusedEntry<'a> {
    /// The activation without arguments: `relu`.
    pub activation: &'a str,
    /// The name of the entry: `fc1_relu`.
    pub entry: &'a str,
}

impl FusedEntry<'_> {
    /// True for `fc1_linear`, the entry of a layer without an activation function.
    pub fn is_linear(&self) -> bool {
        self.activation == "linear"
    }
}

impl Config {
    /// The type of `variable` in a layer of this name and Keras class.
    ///
    /// As in hls4ml (`HLSConfig.get_precision`): the key of the variable and then `default` in
    /// `LayerName`, both in `LayerType`, both in `Model`. Names and classes match in any letter
    /// case. Two differences: an entry for `Dense` holds for `QDense` if there is none for `QDense`,
    /// and `auto` counts as absent.
    pub fn precision_of(
        &self,
        layer: &str,
        class: &str,
        variable: Variable,
    ) -> Option<Quantization> {
        self.first(layer, class, |section| section.precision_of(variable))
    }

    /// As [`Config::precision_of`] without the `default` of `Model`: the type that takes precedence
    /// over the quantizers of the network.
    pub fn own_precision_of(
        &self,
        layer: &str,
        class: &str,
        variable: Variable,
    ) -> Option<Quantization> {
        let of_model = |own| self.model.precision.get(&own).copied();
        let own = variable.with_fallbacks().filter(|own| *own != Variable::Default);
        self.layer_precision_of(layer, class, variable).or_else(|| own.filter_map(of_model).next())
    }

    /// As [`Config::precision_of`] without `Model`: a type written for this layer or its class.
    pub fn layer_precision_of(
        &self,
        layer: &str,
        class: &str,
        variable: Variable,
    ) -> Option<Quantization> {
        let [name, class, float_class, _] = self.sections(layer, class);
        let own = [name, class, float_class].into_iter().flatten();
        own.filter_map(|section| section.precision_of(variable)).next()
    }

    /// True if the type of the result is `auto` for this layer or its class, and no type is written.
    pub fn infers_result(&self, layer: &str, class: &str) -> bool {
        let [name, class, float_class, _] = self.sections(layer, class);
        let own = [name, class, float_class].into_iter().flatten();
        let stated =
            own.map(|section| (section.precision_of(Variable::Result), section.infers_result));
        matches!(
            stated.into_iter().find(|(to, infers)| to.is_some() || *infers),
            Some((None, true))
        )
    }

    /// True if `LayerName` or `LayerType` have the key of `variable` itself for this layer, not just a
    /// type for all variables.
    pub fn states_precision(&self, layer: &str, class: &str, variable: Variable) -> bool {
        let [name, class, float_class, _] = self.sections(layer, class);
        let mut own = [name, class, float_class].into_iter().flatten();
        own.any(|section| section.precision.contains_key(&variable))
    }

    /// True if a type of the result is written for this layer, its class, or `fc1_linear` of layer
    /// `fc1`.
    pub fn has_own_result(&self, layer: &str, class: &str) -> bool {
        let has_result =
            |name, class| self.layer_precision_of(name, class, Variable::Result).is_some();
        let mut linear = self.fused(layer).filter(FusedEntry::is_linear);
        has_result(layer, class) || linear.any(|it| has_result(it.entry, "Activation"))
    }

    /// The type under `Model` for every variable without one of its own.
    pub fn default_precision(&self) -> Option<Quantization> {
        self.model.precision_of(Variable::Default)
    }

    /// The argument of QKeras' `set_internal_sigmoid` before training.
    pub fn internal_sigmoid(&self) -> Option<Sigmoid> {
        self.model.internal_sigmoid
    }

    /// The same configuration with these values for the whole model, where they are set.
    #[must_use]
    pub fn with_model_values(&self, pace: Option<Pace>, strategy: Option<Strategy>) -> Self {
        let mut config = self.clone();
        let model = &mut config.model;
        match pace {
            Some(Pace::ReuseFactor(factor)) => {
                (model.reuse_factor, model.target_cycles) = (Some(factor), None);
            }
            Some(Pace::Interval(interval)) => model.target_cycles = Some(interval),
            None => {}
        }
        config.model.strategy = strategy.or(config.model.strategy);
        config
    }

    /// The same configuration without a time for the whole model.
    #[must_use]
    pub fn without_model_pace(&self) -> Self {
        let mut config = self.clone();
        (config.model.reuse_factor, config.model.target_cycles) = (None, None);
        config
    }

    /// The time for the arithmetic of layers without an entry of their own.
    pub fn model_pace(&self) -> Option<Pace> {
        self.model.pace()
    }

    /// The time for the arithmetic of a layer, in the entry that is most specific.
    pub fn pace(&self, layer: &str, class: &str) -> Option<Pace> {
        self.first(layer, class, Section::pace)
    }

    /// Positions of the result of a layer to be computed at a time, from 1 on.
    pub fn parallelization_factor(&self, layer: &str, class: &str) -> Option<u64> {
        self.first(layer, class, |section| section.parallelization)
    }

    /// Uses of one multiplier for the products with the state of a recurrent layer; without one,
    /// [`Config::pace`] is that of all of its products.
    pub fn recurrent_reuse_factor(&self, layer: &str, class: &str) -> Option<u64> {
        self.first(layer, class, |section| section.recurrent_reuse_factor)
    }

    /// Hardware of the steps of a recurrent layer.
    pub fn recurrence(&self, layer: &str, class: &str) -> Option<Recurrence> {
        self.first(layer, class, |section| section.recurrence)
    }

    /// The strategy of a layer.
    pub fn strategy(&self, layer: &str, class: &str) -> Option<Strategy> {
        self.first(layer, class, |section| section.strategy)
    }

    /// The maximum number of entries of the function tables of a layer: a power of two from 2 to
    /// 65536.
    pub fn table_size(&self, layer: &str, class: &str) -> Option<usize> {
        let fused = self.fused(layer).filter(|it| it.activation != "softmax");
        let fused = fused.filter_map(|it| find(&self.layer_names, it.entry)?.table_size).next();
        fused.or_else(|| self.first(layer, class, |section| section.table_size))
    }

    /// The type of the result of the activation fused into `layer`: the `result` of `fc1_relu` for
    /// layer `fc1`, as hls4ml names it; that of `fc1_linear` if the layer `is_linear`.
    pub fn activation_precision_of(&self, layer: &str, is_linear: bool) -> Option<Quantization> {
        self.fused(layer)
            .filter(|it| it.is_linear() == is_linear)
            .find_map(|it| self.own_precision_of(it.entry, "Activation", Variable::Result))
    }

    /// The scale of weights without a quantizer.
    pub fn weight_scale(&self, layer: &str, class: &str) -> Option<WeightScale> {
        self.first(layer, class, |section| section.weight_scale)
    }

    /// Numbers that are added to the biases of `layer`, one per output channel.
    pub fn bias_correction(&self, layer: &str) -> Option<&[f32]> {
        find(&self.layer_names, layer)?.bias_correction.as_deref()
    }

    /// The entries in `LayerName` of activations fused into `layer`.
    pub fn fused<'a>(&'a self, layer: &'a str) -> impl Iterator<Item = FusedEntry<'a>> {
        let names = self.layer_names.iter().map(|(name, _)| name.as_str());
        names.filter_map(move |entry| {
            let (_, activation) = fused_activation(entry, &[layer])?;
            Some(FusedEntry { activation, entry })
        })
    }

    /// The keys in the entry of `layer` under `LayerName`, without those that have the value that
    /// hls4ml writes for every layer.
    pub fn keys_of(&self, layer: &str) -> Vec<LayerKey> {
        find(&self.layer_names, layer).map_or_else(Vec::new, Section::keys)
    }

    /// The settings of the softmax that layer `layer` is, or that is fused into it. In hls4ml every
    /// softmax has the class `Softmax`, and one fused into `fc1` the name `fc1_softmax`.
    pub fn softmax(&self, layer: &str) -> SoftmaxKeys {
        let class = "Softmax";
        let fused = format!("{layer}_softmax");
        let is_fused = find(&self.layer_names, &fused).is_some();
        let layer = if is_fused { fused.as_str() } else { layer };
        SoftmaxKeys {
            table_size: self.first(layer, class, |section| section.table_size),
            exp_table: self.precision_of(layer, class, Variable::ExpTable),
            inv_table: self.precision_of(layer, class, Variable::InvTable),
            skip: self.first(layer, class, |section| section.skip),
        }
    }

    /// The first answer of the sections of a layer, the most specific one first.
    fn first<T>(&self, layer: &str, class: &str, ask: impl Fn(&Section) -> Option<T>) -> Option<T> {
        self.sections(layer, class).into_iter().flatten().find_map(ask)
    }

    /// The sections of a layer, the most specific one first.
    fn sections(&self, layer: &str, class: &str) -> [Option<&Section>; 4] {
        [
            find(&self.layer_names, layer),
            find(&self.layer_types, class),
            find(&self.layer_types, float_class(class)),
            Some(&self.model),
        ]
    }
}

/// A key of an entry for a layer that only some layers have a use for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LayerKey {
    /// `weight` under `Precision`, as those that follow.
    Weight,
    /// `bias`.
    Bias,
    /// `recurrent_weight`.
    RecurrentWeight,
    /// `recurrent_bias`.
    RecurrentBias,
    /// `state`.
    State,
    /// `forward_weight`, or another type of one direction.
    Directed(&'static str),
    /// `depthwise`.
    Depthwise,
    /// `pointwise`.
    Pointwise,
    /// `scale`.
    Scale,
    /// `exp_table`.
    ExpTable,
    /// `inv_table`.
    InvTable,
    /// `table`.
    Table,
    /// `TableSize`.
    TableSize,
    /// `Skip`.
    Skip,
    /// `ReuseFactor`.
    ReuseFactor,
    /// `RecurrentReuseFactor`.
    RecurrentReuseFactor,
    /// `Recurrence`.
    Recurrence,
    /// `TargetCycles`.
    TargetCycles,
    /// `Strategy`.
    Strategy,
    /// `ParallelizationFactor`.
    ParallelizationFactor,
    /// `WeightScale`.
    WeightScale,
}

impl LayerKey {
    /// The key as a configuration spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
            Self::RecurrentWeight => "recurrent_weight",
            Self::RecurrentBias => "recurrent_bias",
            Self::State => "state",
            Self::Directed(key) => key,
            Self::Depthwise => "depthwise",
            Self::Pointwise => "pointwise",
            Self::Scale => "scale",
            Self::ExpTable => "exp_table",
            Self::InvTable => "inv_table",
            Self::Table => "table",
            Self::TableSize => "TableSize",
            Self::Skip => "Skip",
            Self::ReuseFactor => "ReuseFactor",
            Self::RecurrentReuseFactor => "RecurrentReuseFactor",
            Self::Recurrence => "Recurrence",
            Self::TargetCycles => "TargetCycles",
            Self::Strategy => "Strategy",
            Self::ParallelizationFactor => "ParallelizationFactor",
            Self::WeightScale => "WeightScale",
        }
    }
}

impl Section {
    fn keys(&self) -> Vec<LayerKey> {
        let variables = [
            (Variable::Weight, LayerKey::Weight),
            (Variable::Bias, LayerKey::Bias),
            (Variable::RecurrentWeight, LayerKey::RecurrentWeight),
            (Variable::RecurrentBias, LayerKey::RecurrentBias),
            (Variable::State, LayerKey::State),
            (Variable::ForwardWeight, LayerKey::Directed("forward_weight")),
            (Variable::ForwardBias, LayerKey::Directed("forward_bias")),
            (Variable::ForwardRecurrentWeight, LayerKey::Directed("forward_recurrent_weight")),
            (Variable::ForwardRecurrentBias, LayerKey::Directed("forward_recurrent_bias")),
            (Variable::BackwardWeight, LayerKey::Directed("backward_weight")),
            (Variable::BackwardBias, LayerKey::Directed("backward_bias")),
            (Variable::BackwardRecurrentWeight, LayerKey::Directed("backward_recurrent_weight")),
            (Variable::BackwardRecurrentBias, LayerKey::Directed("backward_recurrent_bias")),
            (Variable::Depthwise, LayerKey::Depthwise),
            (Variable::Pointwise, LayerKey::Pointwise),
            (Variable::Scale, LayerKey::Scale),
            (Variable::ExpTable, LayerKey::ExpTable),
            (Variable::InvTable, LayerKey::InvTable),
            (Variable::Table, LayerKey::Table),
        ];
        let types = variables.into_iter().filter(|(it, _)| self.precision.contains_key(it));
        let others = [
            (self.table_size.is_some_and(|size| size != TABLE_SIZE), LayerKey::TableSize),
            (self.skip == Some(true), LayerKey::Skip),
            (self.reuse_factor.is_some_and(|factor| factor != 1), LayerKey::ReuseFactor),
            (self.recurrent_reuse_factor.is_some(), LayerKey::RecurrentReuseFactor),
            (self.recurrence.is_some(), LayerKey::Recurrence),
            (self.target_cycles.is_some(), LayerKey::TargetCycles),
            (self.strategy.is_some_and(|it| it != Strategy::Latency), LayerKey::Strategy),
            (self.parallelization.is_some_and(|it| it != 1), LayerKey::ParallelizationFactor),
            (self.weight_scale == Some(WeightScale::PerChannel), LayerKey::WeightScale),
        ];
        let others = others.into_iter().filter(|(is_set, _)| *is_set);
        types.map(|(_, key)| key).chain(others.map(|(_, key)| key)).collect()
    }

    /// The type of `variable`, else that of the variables that hold for it.
    fn precision_of(&self, variable: Variable) -> Option<Quantization> {
        variable.with_fallbacks().find_map(|own| self.precision.get(&own).copied())
    }
}

/// The entry for `word`: of several that differ in letter case alone, the one spelled the same.
pub(super) fn find<'a>(sections: &'a Sections, word: &str) -> Option<&'a Section> {
    let exact = sections.iter().find(|(known, _)| known == word);
    exact
        .or_else(|| sections.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)))
        .map(|(_, section)| section)
}

/// hls4ml's class of a Keras class: `Dense` of `QDense`, `Input` of `InputLayer`.
fn float_class(class: &str) -> &str {
    if class == "InputLayer" {
        return "Input";
    }
    class
        .strip_prefix('Q')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
        .unwrap_or(class)
}
