//! Estimates, budgets and schedules of `bitkiln inspect`.

use std::ffi::OsStr;
use std::fs;

use super::{Outcome, bitkiln, case, text};

/// The output of `inspect` on a reference case.
fn inspect(name: &str, more: &[&str]) -> Result<std::process::Output, Box<dyn std::error::Error>> {
    let model = case(name, "model.h5");
    let mut arguments = vec![OsStr::new("inspect"), model.as_os_str()];
    arguments.extend(more.iter().map(OsStr::new));
    bitkiln(&arguments)
}

#[test]
fn a_schedule_is_listed_and_drawn() -> Outcome {
    let folder = tempfile::tempdir()?;
    let drawn = |name: &str| -> Result<(String, String), Box<dyn std::error::Error>> {
        let path = folder.path().join(name);
        let file = path.to_str().ok_or("path")?;
        let output = inspect("net_resnet", &["--io", "stream", "--schedule", file])?;
        assert!(output.status.success(), "{}", text(&output));
        Ok((text(&output), fs::read_to_string(&path)?))
    };
    let (printed, svg) = drawn("first.svg")?;
    assert!(printed.contains("process first last cycles a frame"), "{printed}");
    assert!(printed.contains("FIFO bits least depth peak in reason"), "{printed}");
    assert!(printed.contains("branches of '"), "{printed}");
    assert!(svg.starts_with("<svg ") && svg.contains("Schedule of "), "{svg}");
    assert!(svg.contains("branches of &#39;"), "{svg}");
    assert_eq!(drawn("second.svg")?.1, svg);
    Ok(())
}

#[test]
fn a_pipeline_has_no_schedule_to_draw() -> Outcome {
    let output = inspect("net_mlp_softmax", &["--schedule", "never.svg"])?;
    assert_eq!(output.status.code(), Some(2));
    let printed = text(&output);
    assert!(printed.contains("--schedule: the design has no streams"), "{printed}");
    assert!(printed.contains("add --io stream"), "{printed}");
    Ok(())
}

#[test]
fn a_part_that_is_too_small_is_a_warning_and_an_unknown_one_a_note() -> Outcome {
    let small = text(&inspect("net_mlp_softmax", &["--part", "xc7s25"])?);
    assert!(small.contains(" LUT ("), "{small}");
    assert!(small.contains("of xc7s25"), "{small}");
    let inputs = ["--input-type", "fixed<48,24>", "--part", "xc7s25"];
    let full = text(&inspect("net_mlp_softmax", &inputs)?);
    for warning in ["DSP slices, xc7s25 has 80;", "LUTs, xc7s25 has 14600;"] {
        assert!(full.contains(warning), "{full}");
    }
    let unknown = text(&inspect("net_mlp_softmax", &["--part", "nangate-45nm_beh"])?);
    assert!(unknown.contains("note: the part nangate-45nm_beh is unknown"), "{unknown}");
    assert!(unknown.contains("of an unknown part"), "{unknown}");
    Ok(())
}

#[test]
fn estimates_are_data() -> Outcome {
    let output = inspect("net_mlp_softmax", &["--part", "xcvu9p", "--json"])?;
    let all: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let summary = &all["summary"];
    assert_eq!(summary["part"]["resources"]["dsp"], 6840);
    let sum = |key: &str| {
        let layers = all["layers"].as_array().into_iter().flatten();
        layers.filter_map(|layer| layer[key].as_u64()).sum::<u64>()
    };
    for key in ["dsp", "lut", "bram18"] {
        assert_eq!(summary["resources"][key].as_u64(), Some(sum(key)), "{key}");
    }
    assert!(summary["latency"].as_u64() > Some(0), "{summary}");
    assert!(all["schedule"].is_null());
    Ok(())
}

#[test]
fn a_part_is_filled_with_the_fastest_design_that_fits() -> Outcome {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("config.yml");
    // The value for the whole model is not meant for a part that is to be filled.
    fs::write(&config, "Model: {ReuseFactor: 1}")?;
    let config = config.to_str().ok_or("path")?;
    let json = |more: &[&str]| -> Result<serde_json::Value, Box<dyn std::error::Error>> {
        let output = inspect("net_cnn", &[&["--config", config, "--json"], more].concat())?;
        assert!(output.status.success(), "{}", text(&output));
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    let interval = |json: &serde_json::Value| json["summary"]["initiation_interval"].as_u64();
    let large = json(&["--fit", "xcvu13p-flga2577-2-e"])?;
    let small = json(&["--fit", "xc7z010"])?;
    let smaller = json(&["--fit", "xc7z010", "--utilization", "0.3"])?;
    assert!(interval(&large).is_some_and(|it| it > 0), "{large}");
    assert!(interval(&large) <= interval(&small) && interval(&small) < interval(&smaller));

    for (more, complaint) in [
        (["--fit", "xcnever", "--utilization", "0.5"], "the resources of the part 'xcnever'"),
        (["--fit", "xc7z021", "--utilization", "0.5"], "'xc7z020'?"),
        (["--fit", "xc7z010", "--utilization", "1.5"], "a utilization of 1.5"),
        (["--fit", "xc7z010", "--utilization", "-1"], "a utilization of -1"),
        (["--fit", "xc7z010", "--utilization", "0.001"], "no interval makes the design fit"),
    ] {
        let output = inspect("net_cnn", &more)?;
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        assert!(text(&output).contains(complaint), "{}", text(&output));
    }
    Ok(())
}
