//! `bitkiln quantizers`.

use std::fs;

use serde_json::Value;

use super::errors::refused;
use super::{Outcome, bitkiln, text};

fn printed(arguments: &[&str]) -> Result<String, Box<dyn std::error::Error>> {
    let all: Vec<&str> = ["quantizers"].iter().chain(arguments).copied().collect();
    let output = bitkiln(&all)?;
    assert!(output.status.success(), "{}", text(&output));
    Ok(String::from_utf8(output.stdout)?)
}

fn json(arguments: &[&str]) -> Result<Value, Box<dyn std::error::Error>> {
    Ok(serde_json::from_str(&printed(&[arguments, &["--json"]].concat())?)?)
}

#[test]
fn the_table_names_every_quantizer() -> Outcome {
    let table = printed(&[])?;
    let rows = json(&[])?;
    for name in bitkiln::quantizer::names() {
        assert!(table.contains(name), "{name}");
        let row = rows.as_array().and_then(|rows| rows.iter().find(|row| row["name"] == name));
        let row = row.ok_or(name)?;
        // The operand decides the result type of an exact function.
        let exact = name.starts_with("hard_") || name.starts_with("smooth_");
        let typed = row["types"]["ap_fixed"].as_str().is_some_and(|t| t.starts_with("ap_"));
        assert!(typed != exact, "{row}");
    }
    assert!(table.contains("ap_ufixed<6, 2, AP_RND_CONV, AP_SAT>"), "{table}");
    assert!(table.contains("ac_fixed<6, 2, false, AC_RND_CONV, AC_SAT>"), "{table}");
    Ok(())
}

#[test]
fn one_quantizer_with_its_values_and_boundaries() -> Outcome {
    insta::assert_snapshot!(printed(&["quantized_relu(6,2)"])?);
    insta::assert_snapshot!(printed(&["quantized_po2(3,max_value=1)"])?);
    insta::assert_snapshot!(printed(&["quantized_bits(2,0,alpha=0.5)", "--all"])?);
    Ok(())
}

#[test]
fn a_list_is_whole_only_if_asked_for() -> Outcome {
    let steps = |arguments: &[&str]| -> Result<(usize, Value), Box<dyn std::error::Error>> {
        let detail = json(arguments)?;
        Ok((detail["steps"].as_array().map_or(0, Vec::len), detail["gap_after"].clone()))
    };
    assert_eq!(steps(&["quantized_relu(6,2)"])?, (16, 8.into()));
    assert_eq!(steps(&["quantized_relu(6,2)", "--all"])?, (64, Value::Null));
    assert_eq!(steps(&["quantized_bits(4)"])?, (16, Value::Null));
    // Wide quantizers have no list, but known limits.
    let wide = json(&["quantized_bits(30)"])?;
    assert_eq!(wide["value_count"], Value::Null);
    assert_eq!(wide["steps"][0]["value"], -1.0);
    assert_eq!(wide["steps"][15]["value"], 1.0 - 0.5_f64.powi(29));
    let arguments = ["quantizers", "quantized_bits(30)", "--all"];
    refused(&arguments, &["more than 65536 steps", "remove --all"])
}

#[test]
fn intervals_say_whether_their_ends_belong_to_them() -> Outcome {
    let detail = json(&["quantized_bits(2)"])?;
    let zero = &detail["steps"][2];
    assert_eq!(zero["value"], 0.0);
    assert_eq!(
        (&zero["from"]["low"], &zero["from"]["low_included"]),
        (&(-0.25).into(), &true.into())
    );
    assert_eq!(
        (&zero["from"]["high"], &zero["from"]["high_included"]),
        (&0.25.into(), &true.into())
    );
    assert_eq!(detail["steps"][0]["from"]["low"], Value::Null);
    let powers = json(&["quantized_po2(3)"])?;
    assert_eq!(powers["steps"][0]["from"]["high_exact"], false);
    Ok(())
}

#[test]
fn a_plot_is_a_picture_by_itself() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("relu.svg");
    let file = path.to_string_lossy();
    printed(&["quantized_relu(2,1)", "--plot", &file])?;
    insta::assert_snapshot!(fs::read_to_string(&path)?);
    // Quotes are escaped, many steps become one line, and nothing is loaded from the network.
    for call in
        ["quantized_po2(4,log2_rounding='floor')", "quantized_bits(16,3)", "ternary(alpha=0)"]
    {
        printed(&[call, "--plot", &file])?;
        let picture = fs::read_to_string(&path)?;
        assert!(picture.starts_with("<svg xmlns=") && picture.ends_with("</svg>\n"), "{picture}");
        assert!(!picture.contains('\'') && picture.len() < 60_000, "{call}: {}", picture.len());
        assert!(!picture.contains("NaN") && !picture.contains("inf"), "{call}");
    }
    Ok(())
}

#[test]
fn mistakes_are_named() -> Outcome {
    let one = |call: &str, words: &[&str]| refused(&["quantizers", call], words);
    one("quantized_rel(6)", &["no quantizer 'quantized_rel'", "did you mean 'quantized_relu'?"])?;
    one("quantized_relu(6", &["cannot read 'quantized_relu(6'", "no closing bracket"])?;
    one("quantized_relu(bitss=6)", &["no attribute 'bitss'", "did you mean 'bits'?"])?;
    one("quantized_relu(0)", &["bits=0", "a whole number, 1 to 52"])?;
    one("quantized_bits(4,alpha='auto')", &["depends on all values", "set alpha to a number"])?;
    refused(&["quantizers", "--all"], &["<QUANTIZER>"])?;
    refused(&["quantizers", "--plot", "x.svg"], &["<QUANTIZER>"])?;
    let folder = tempfile::tempdir()?;
    let nowhere = folder.path().join("no/such/folder.svg");
    let nowhere = nowhere.to_string_lossy();
    let arguments = ["quantizers", "ternary", "--plot", &nowhere];
    refused(&arguments, &["folder.svg", "choose a file that can be written"])
}
