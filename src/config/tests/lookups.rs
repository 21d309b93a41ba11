//! Which setting holds for which layer.

use super::super::Variable::{self, Bias, Default, ExpTable, InvTable, Result, Weight};
use super::super::{Config, Pace, Shared};
use super::config;
use crate::fixed::Quantization;

fn of(text: &str) -> Option<Quantization> {
    let parsed = text.parse();
    assert!(parsed.is_ok(), "{text}");
    parsed.ok()
}

const LEVELS: &str = "
Model: {Precision: {default: 'fixed<16,6>', bias: 'fixed<17,6>', exp_table: 'ufixed<18,1>'}, ReuseFactor: 1}
LayerType:
  Dense: {Precision: {default: 'fixed<14,6>', weight: 'fixed<15,6>'}, ReuseFactor: 2}
  QDense: {Precision: {result: 'fixed<13,6>'}}
  Softmax: {TableSize: 256}
LayerName:
  a: {Precision: 'fixed<12,6>'}
  b: {Precision: {weight: 'fixed<11,6>'}, ReuseFactor: 3}
  c: {Precision: {weight: auto, default: auto}}
  sm: {Skip: true, Precision: {default: 'fixed<9,3>', inv_table: 'ufixed<17,1>'}}
";

#[test]
fn the_most_specific_level_holds() {
    let config = config(LEVELS);
    let cases: &[(&str, &str, Variable, &str)] = &[
        // LayerName, by its default.
        ("a", "Dense", Weight, "fixed<12,6>"),
        ("a", "Dense", Default, "fixed<12,6>"),
        // LayerName by the variable, then LayerType by its default: before Model's own bias.
        ("b", "Dense", Weight, "fixed<11,6>"),
        ("b", "Dense", Bias, "fixed<14,6>"),
        // auto is as good as nothing.
        ("c", "Dense", Weight, "fixed<15,6>"),
        ("c", "Dense", Result, "fixed<14,6>"),
        // LayerType.
        ("d", "Dense", Weight, "fixed<15,6>"),
        ("d", "QDense", Result, "fixed<13,6>"),
        ("d", "QDense", Weight, "fixed<15,6>"),
        // Model.
        ("d", "Activation", Bias, "fixed<17,6>"),
        ("d", "Activation", Result, "fixed<16,6>"),
        ("d", "Softmax", ExpTable, "ufixed<18,1>"),
        // Letter case does not matter, as in hls4ml.
        ("A", "dense", Weight, "fixed<12,6>"),
        ("D", "dense", Weight, "fixed<15,6>"),
    ];
    for (layer, class, variable, expected) in cases {
        let found = config.precision_of(layer, class, *variable);
        assert_eq!(found, of(expected), "{layer} {class} {variable:?}");
    }
}

#[test]
fn a_strategy_is_set_for_a_layer_a_class_or_the_model() {
    use crate::config::Strategy::{Latency, Resource};
    let config = config(
        "
Model: {Strategy: latency}
LayerType: {Dense: {Strategy: Resource}}
LayerName: {a: {Strategy: Latency}}
",
    );
    assert_eq!(config.strategy("a", "QDense"), Some(Latency));
    assert_eq!(config.strategy("b", "QDense"), Some(Resource));
    assert_eq!(config.strategy("b", "QConv2D"), Some(Latency));
    assert_eq!(super::config("Model: {}").strategy("b", "QConv2D"), None);
}

#[test]
fn the_sigmoid_is_that_of_the_model() {
    use crate::function::Sigmoid;
    assert_eq!(config(LEVELS).internal_sigmoid(), None);
    let set =
        |kind: &str| config(&format!("Model: {{InternalSigmoid: {kind}}}")).internal_sigmoid();
    assert_eq!(["hard", "Smooth", "real"].map(set), Sigmoid::ALL.map(|(_, kind)| Some(kind)));
    let message = super::error("Model: {InternalSigmoid: soft}").to_string();
    assert!(message.contains("soft"), "{message}");
}

#[test]
fn tables_do_not_take_the_default() {
    let config = config(LEVELS);
    assert_eq!(config.precision_of("x", "Softmax", InvTable), None);
    let softmax = config.softmax("sm");
    assert_eq!(softmax.inv_table, of("ufixed<17,1>"));
    assert_eq!(softmax.exp_table, of("ufixed<18,1>"));
    assert_eq!((softmax.table_size, softmax.skip), (Some(256), Some(true)));
    assert_eq!(config.softmax("other").skip, None);
}

#[test]
fn scales_do_not_take_the_default() {
    let text = "
Model: {Precision: 'fixed<16,6>'}
LayerName:
  a: {Precision: {scale: 'ufixed<12,0>'}}
  b: {Precision: 'fixed<8,1>'}
  c: {Precision: {scale_t: auto}}
";
    let config = config(text);
    for (layer, expected) in [("a", of("ufixed<12,0>")), ("b", None), ("c", None), ("d", None)] {
        assert_eq!(config.own_precision_of(layer, "QDense", Variable::Scale), expected, "{layer}");
    }
}

#[test]
fn a_layers_own_type_is_none_that_model_sets_for_everything() {
    let config = config(LEVELS);
    assert_eq!(config.default_precision(), of("fixed<16,6>"));
    assert_eq!(config.own_precision_of("d", "Activation", Weight), None);
    assert_eq!(config.own_precision_of("d", "Activation", Bias), of("fixed<17,6>"));
    assert_eq!(config.own_precision_of("a", "Activation", Weight), of("fixed<12,6>"));
    assert_eq!(config.own_precision_of("d", "QDense", Result), of("fixed<13,6>"));
    assert_eq!(config.own_precision_of("d", "QDense", Weight), of("fixed<15,6>"));
}

#[test]
fn a_softmax_inside_of_a_layer_goes_by_hls4mls_name_for_it() {
    let config = config("LayerName: {fc: {TableSize: 4}, fc_softmax: {TableSize: 8, Skip: true}}");
    assert_eq!(config.softmax("fc").table_size, Some(8));
    assert_eq!(config.softmax("fc").skip, Some(true));
}

#[test]
fn bounds_on_tables_follow_the_same_order() {
    let config = config(
        "
Model: {TableSize: 4096}
LayerType: {QActivation: {TableSize: 512}}
LayerName: {act: {TableSize: 64}, fc: {Trace: true}, 'fc_quantized_relu(6)': {TableSize: 32}}
",
    );
    assert_eq!(config.table_size("act", "QActivation"), Some(64));
    assert_eq!(config.table_size("other", "QActivation"), Some(512));
    assert_eq!(config.table_size("other", "Activation"), Some(4096));
    assert_eq!(config.table_size("fc", "Dense"), Some(32));
    assert_eq!(super::config("{}").table_size("fc", "Dense"), None);
}

#[test]
fn reuse_factors_follow_the_same_order() {
    let config = config(LEVELS);
    assert_eq!(config.pace("b", "Dense"), Some(Pace::ReuseFactor(3)));
    assert_eq!(config.pace("a", "QDense"), Some(Pace::ReuseFactor(2)));
    assert_eq!(config.pace("a", "Activation"), Some(Pace::ReuseFactor(1)));
}

#[test]
fn a_target_outranks_a_reuse_factor_of_the_same_entry() {
    let config = config(
        "Model: {TargetCycles: 1000, ReuseFactor: 2}\nLayerType: {Dense: {ReuseFactor: 4}}\n\
         LayerName: {a: {TargetCycles: 50}, b: {TargetCycles: }}",
    );
    assert_eq!(config.pace("conv", "Conv2D"), Some(Pace::Interval(1000)));
    assert_eq!(config.pace("fc", "Dense"), Some(Pace::ReuseFactor(4)));
    assert_eq!(config.pace("a", "Dense"), Some(Pace::Interval(50)));
    assert_eq!(config.pace("b", "Dense"), Some(Pace::ReuseFactor(4)));
    let command_line = config.with_model_values(Some(Pace::ReuseFactor(8)), None);
    assert_eq!(command_line.pace("conv", "Conv2D"), Some(Pace::ReuseFactor(8)));
    let command_line = config.with_model_values(Some(Pace::Interval(9)), None);
    assert_eq!(command_line.pace("conv", "Conv2D"), Some(Pace::Interval(9)));
}

#[test]
fn the_name_spelled_the_same_goes_before_the_one_in_another_case() {
    let config = config("LayerName: {FC: {ReuseFactor: 2}, fc: {ReuseFactor: 3}}");
    assert_eq!(config.pace("fc", "Dense"), Some(Pace::ReuseFactor(3)));
    assert_eq!(config.pace("FC", "Dense"), Some(Pace::ReuseFactor(2)));
}

#[test]
fn hls4mls_name_of_the_input_layer_holds() {
    let config = config("LayerType: {Input: {Precision: {result: 'ufixed<4,0>'}}}");
    assert_eq!(config.precision_of("x", "InputLayer", Result), of("ufixed<4,0>"));
}

#[test]
fn all_spellings_of_types_are_read() {
    let config = config(
        "LayerName:
  a: {Precision: {weight_t: 'ap_fixed<16, 6, AP_RND, AP_SAT>', bias: 'ap_ufixed<8,0>', result: 'ap_int<5>'}}
  s: {Precision: {exp_table_t: 'ufixed<9,1>'}, inv_table_t: 'ufixed<10,1,RND,SAT>'}",
    );
    assert_eq!(config.precision_of("a", "", Weight), of("fixed<16,6,RND,SAT>"));
    assert_eq!(config.precision_of("a", "", Bias), of("ufixed<8,0>"));
    assert_eq!(config.precision_of("a", "", Result), of("fixed<5,5>"));
    assert_eq!(config.softmax("s").exp_table, of("ufixed<9,1>"));
    assert_eq!(config.softmax("s").inv_table, of("ufixed<10,1,RND,SAT>"));
}

/// As in part 4 of hls4ml's tutorial, which sets the attribute beside the types that hls4ml wrote.
#[test]
fn an_attribute_of_a_layer_outranks_the_type_under_precision() {
    for text in [
        "s: {Precision: {exp_table: 'fixed<18,8,RND,SAT,0>'}, exp_table_t: 'ap_fixed<18,4>'}",
        "s: {exp_table_t: 'ap_fixed<18,4>', Precision: {exp_table: 'fixed<18,8,RND,SAT,0>'}}",
    ] {
        let config = config(&format!("LayerName: {{{text}}}"));
        assert_eq!(config.softmax("s").exp_table, of("fixed<18,4>"), "{text}");
    }
    let config = config("LayerName: {s: {Precision: {exp_table: 'int<4>'}, exp_table_t: auto}}");
    assert_eq!(config.softmax("s").exp_table, of("int<4>"));
}

const LAYERS: &[(&str, &str)] = &[("x", "InputLayer"), ("fc1", "QDense"), ("sm", "Activation")];

#[test]
fn names_and_classes_that_exist_pass_the_check() {
    let config = config("LayerType: {QDense: , dense: , Conv2D: }\nLayerName: {FC1: , sm: }");
    assert!(config.check_layers(LAYERS).is_ok());
}

#[test]
fn entries_for_the_same_layer_in_two_letter_cases_are_an_error() {
    let check = |text: &str, layers: &[(&str, &str)]| {
        config(text).check_layers(layers).map_err(|error| error.to_string())
    };
    let names = "LayerName: {fc1: {ReuseFactor: 2}, FC1: {ReuseFactor: 4}}";
    let message = "LayerName.fc1 and LayerName.FC1 are the same setting";
    assert_eq!(check(names, LAYERS), Err(message.to_owned()));
    // A model may have both.
    assert_eq!(check(names, &[("fc1", "Dense"), ("FC1", "Dense")]), Ok(()));
    let message = "LayerType.QDense and LayerType.qdense are the same setting";
    assert_eq!(check("LayerType: {QDense: , qdense: }", LAYERS), Err(message.to_owned()));
}

#[test]
fn corrections_belong_to_the_layer_with_the_biases() {
    for (entry, layers) in [("fc1_relu", LAYERS), ("fc1_depthwise", &[("fc1", "SeparableConv2D")])]
    {
        let text = format!("LayerName: {{{entry}: {{BiasCorrection: [1]}}}}");
        let Err(error) = config(&text).check_layers(layers) else { panic!("{entry} passed") };
        let place = format!("LayerName.{entry}.BiasCorrection is not supported");
        assert_eq!(error.to_string(), place);
        let help = miette::Diagnostic::help(&error).map(|help| help.to_string());
        assert_eq!(help.as_deref(), Some("move it to LayerName.fc1, whose biases it corrects"));
    }
}

#[test]
fn a_layer_that_the_model_lacks_is_an_error() {
    let Err(error) = config("LayerName: {fc2: }").check_layers(LAYERS) else {
        panic!("fc2 passed");
    };
    let expected = "LayerName.fc2: the model has no such layer, did you mean 'fc1'?";
    assert_eq!(error.to_string(), expected);
    assert_eq!(
        miette::Diagnostic::help(&error).map(|h| h.to_string()).as_deref(),
        Some("its layers are: x, fc1, sm")
    );
}

#[test]
fn a_fused_activation_has_an_entry_of_its_own() {
    let config = config(
        "LayerName: {fc1_relu: {ReuseFactor: 1, Precision: {result: 'ufixed<6,0>'}}, \
         'fc1_quantized_relu(6,0)': , fc1_softmax: {Precision: {exp_table: 'int<4>'}}}",
    );
    assert!(config.check_layers(LAYERS).is_ok());
    assert_eq!(config.activation_precision_of("fc1", false), of("ufixed<6,0>"));
    assert_eq!(config.activation_precision_of("fc1", true), None);
    assert_eq!(config.activation_precision_of("sm", false), None);
    assert_eq!(config.own_precision_of("fc1", "Dense", Result), None);
    let Err(error) = super::config("LayerName: {fc1_rel: }").check_layers(LAYERS) else {
        panic!("fc1_rel passed");
    };
    assert!(error.to_string().starts_with("LayerName.fc1_rel: the model has no such layer"));
}

/// hls4ml copies the entry of a separable convolution to the two that it splits it into.
#[test]
fn entries_of_the_parts_of_a_separable_convolution_repeat_its_own() {
    let layers = [("sep", "QSeparableConv1D"), ("sep_b", "Dense")];
    let check = |parts: &str| {
        let text = format!(
            "LayerName:\n  sep: {{Precision: {{depthwise: 'int<4>', bias: 'int<5>', result: 'int<9>'}}}}\n\
             {parts}"
        );
        config(&text).check_layers(&layers).map_err(|error| error.to_string())
    };
    let same = "  sep_depthwise: {Precision: {weight: 'int<4>', accum: 'int<7>', result: auto}}\n  \
                sep_pointwise: {Precision: {weight: auto, bias: 'int<5>', result: 'int<9>'}}\n";
    assert_eq!(check(same), Ok(()));
    for (part, types) in [
        ("depthwise", "weight: 'int<5>'"),
        ("depthwise", "result: 'int<9>'"),
        ("pointwise", "weight: 'int<4>'"),
    ] {
        let found = check(&format!("  sep_{part}: {{Precision: {{{types}}}}}\n"));
        let expected = format!("LayerName.sep_{part}.Precision is not supported");
        assert_eq!(found, Err(expected), "{types}");
    }
    let missing = config("LayerName: {sep_b_depthwise: }").check_layers(&layers);
    assert!(missing.is_err());
}

#[test]
fn a_class_that_nobody_has_is_an_error() {
    let Err(error) = config("LayerType: {Dens: }").check_layers(LAYERS) else {
        panic!("Dens passed");
    };
    let expected = "LayerType.Dens: there is no such class of layers, did you mean 'Dense'?";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn calls_and_results_of_one_layer_share_an_entry() {
    let layers = [
        ("rnn", None),
        ("rnn:1", Some(Shared::Result("rnn"))),
        ("rnn:2", Some(Shared::Result("rnn"))),
        ("fc", None),
        ("fc_1", Some(Shared::Call("fc"))),
        ("alone:1", Some(Shared::Result("alone"))),
        ("alone:2", Some(Shared::Result("alone"))),
    ];
    let names = layers.map(|(name, _)| (name, "Any"));
    let factors = |text: &str| {
        let shared = config(text).with_shared_names(&layers).map_err(|error| error.to_string())?;
        shared.check_layers(&names).map_err(|error| error.to_string())?;
        let of = |(name, class)| match shared.pace(name, class) {
            Some(Pace::ReuseFactor(factor)) => factor,
            _ => 1,
        };
        std::result::Result::<_, String>::Ok(names.map(of))
    };
    let of_calls = "LayerName: {rnn: {ReuseFactor: 2}, fc: {ReuseFactor: 4}}";
    assert_eq!(factors(of_calls), Ok([2, 2, 2, 4, 4, 1, 1]));
    let apart = "LayerName: {'rnn:2': {ReuseFactor: 2}, fc_1: {ReuseFactor: 4}}";
    assert_eq!(factors(apart), Ok([2, 2, 2, 1, 4, 1, 1]));
    assert_eq!(factors("LayerName: {alone: {ReuseFactor: 8}}"), Ok([1, 1, 1, 1, 1, 8, 8]));
    assert_eq!(factors("LayerName: {'alone:2': {ReuseFactor: 8}}"), Ok([1, 1, 1, 1, 1, 8, 8]));
    let message = "LayerName.rnn and LayerName.rnn:1 are the same setting";
    assert_eq!(factors("LayerName: {rnn: {}, 'rnn:1': {}}"), Err(message.to_owned()));
}

#[test]
fn pruned_layers_are_known_without_their_wrapper() {
    let text = "LayerName: {fc1: {ReuseFactor: 2}, fc1_relu: {Precision: 'fixed<8,3>'}, \
                inner/Fc2: {ReuseFactor: 4}, fc3: {ReuseFactor: 8}}";
    let layers = [
        "prune_low_magnitude_fc1",
        "inner/prune_low_magnitude_fc2",
        "fc3",
        "prune_low_magnitude_fc3",
    ];
    let of = |config: &Config, layer: &str| config.pace(layer, "Dense");
    let named = config(text).with_pruned_names(&layers).unwrap_or_else(|error| panic!("{error}"));
    let factors = layers.map(|layer| of(&named, layer));
    assert_eq!(factors, [Some(2), Some(4), Some(8), None].map(|it| it.map(Pace::ReuseFactor)));
    let relu = named.activation_precision_of("prune_low_magnitude_fc1", false);
    assert_eq!(relu, "fixed<8,3>".parse().ok());
    let with_classes = layers.map(|layer| (layer, "Dense"));
    assert!(named.check_layers(&with_classes).is_ok());
    assert!(config(text).check_layers(&with_classes).is_err());

    let both = config("LayerName: {fc1: {}, prune_low_magnitude_fc1: {}}");
    let error = both.with_pruned_names(&layers).map_err(|error| error.to_string());
    let message = "LayerName.fc1 and LayerName.prune_low_magnitude_fc1 are the same setting";
    assert_eq!(error.err().as_deref(), Some(message));
}
