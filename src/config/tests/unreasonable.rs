//! Files that are no configuration, and files that are made to hurt.

use proptest::prelude::*;

use super::super::{Config, ConfigError, Pace};
use super::{config, error};

/// The error is one of syntax and says this.
fn is_syntax(text: &str, says: &str) {
    match error(text) {
        ConfigError::Syntax(message) => assert!(message.contains(says), "{message}"),
        other => panic!("{other}"),
    }
}

#[test]
fn a_key_stands_once() {
    is_syntax("Model: {}\nModel: {}", "duplicate mapping key `Model`");
    is_syntax(r#"{"Backend": "Vitis", "Backend": "Catapult"}"#, "duplicate mapping key `Backend`");
}

#[test]
fn text_that_is_no_yaml_is_refused() {
    is_syntax("Model: {ReuseFactor: 1", "");
    is_syntax("a: b: c", "");
    is_syntax("Model: {}\n---\nModel: {}", "only single YAML document expected");
}

#[test]
fn aliases_work_in_moderation() {
    let text =
        "LayerName:\n  a: &common {ReuseFactor: 4}\n  b: *common\n  c: {<<: *common, Skip: true}";
    let config = config(text);
    assert_eq!(config.pace("b", "Dense"), Some(Pace::ReuseFactor(4)));
    assert_eq!(config.pace("c", "Dense"), Some(Pace::ReuseFactor(4)));
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let uses = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{uses}]\n");
    }
    is_syntax(&bomb, "too large or too complex: total_replayed_events");
}

#[test]
fn deep_nesting_is_refused() {
    is_syntax(&format!("Model: {}1{}", "[".repeat(10_000), "]".repeat(10_000)), "");
    is_syntax(&format!("Model: {}1{}", "{a: ".repeat(100), "}".repeat(100)), "");
}

#[test]
fn a_huge_file_is_not_even_parsed() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("cfg.yml");
    std::fs::write(&file, vec![b'#'; (1 << 20) + 1])?;
    let Err(error) = Config::load(&file) else { panic!("accepted") };
    assert_eq!(error.to_string(), format!("{}: larger than 1048576 bytes", file.display()));
    std::fs::write(&file, [0xff, 0xfe, 0x00])?;
    let Err(error) = Config::load(&file) else { panic!("accepted") };
    assert!(matches!(error, ConfigError::Read { .. }), "{error}");
    Ok(())
}

proptest! {
    /// Whatever stands in the file, there is an answer and no panic.
    #[test]
    fn any_text_is_answered(text in "[A-Za-z:{}\\[\\],<> &*!|'\"\n#0-9-]{0,80}") {
        let _ = Config::parse(&text);
    }

    /// Any value at any place that is read is answered as well.
    #[test]
    fn any_value_is_answered(
        place in prop::sample::select(vec![
            "Backend", "Part", "ClockPeriod", "ClockUncertainty", "IOType", "ProjectName",
            "Model", "LayerType", "LayerName", "HLSConfig", "WriterConfig", "FIFO",
        ]),
        value in prop::sample::select(vec![
            "1", "-1", "1e400", ".nan", "[]", "{}", "null", "''", "{a: }", "{a: {Precision: }}",
            "{Precision: {default: }}", "99999999999999999999999", "true", "'fixed<1,1>'",
        ]),
    ) {
        let _ = Config::parse(&format!("{place}: {value}"));
    }
}
