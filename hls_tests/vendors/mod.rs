//! The vendors' rules for generated projects: every pragma is one that the vendor documents, with
//! legal arguments, at a legal position, on variables that exist there; and `build_prj.tcl` runs.
//!
//! [`source`] finds pragmas and what surrounds them, [`vitis`] and [`catapult`] know the rules,
//! [`loops`] wants each loop of the hardware to be a pipeline or unrolled, [`ports`] a port for each access
//! to a memory ([`layouts`]) in the statements of a [`program`],
//! [`script`] runs Tcl. `hls_tests/projects/pragmas.rs` and `scripts.rs` hold text that must be
//! refused, so that each rule can fail.

#![allow(
    dead_code,
    reason = "test binaries share this module, and not each of them calls all of it"
)]

mod catapult;
mod layouts;
mod loops;
pub mod ports;
mod program;
pub mod registers;
pub mod script;
mod source;
mod vitis;

use std::error::Error;
use std::fs;
use std::path::Path;

use registers::Registers;
pub use source::Source;
use source::{Kind, Pragma, Variable};

/// The vendor whose tools a project is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vendor {
    Vitis,
    Catapult,
}

/// The text of one C++ file.
pub struct Text<'a> {
    pub path: &'a str,
    pub contents: &'a str,
}

/// Complaints about the C++ of a project, `path:line: pragma: complaint` each.
pub fn complaints(vendor: Vendor, top: &str, files: &[Text<'_>]) -> Vec<String> {
    let sources: Vec<(&Text<'_>, Source)> =
        files.iter().map(|text| (text, Source::read(text.contents))).collect();
    let globals: Vec<Variable> =
        sources.iter().flat_map(|(_, source)| source.globals.clone()).collect();
    let mut found = vec![];
    for (text, source) in &sources {
        let mut report = |pragma: &Pragma, complaint: String| {
            let Pragma { line, text: words, .. } = pragma;
            found.push(format!("{}:{line}: #pragma {words}: {complaint}", text.path));
        };
        match vendor {
            Vendor::Vitis => vitis::check(source, top, &globals, &mut report),
            Vendor::Catapult => catapult::check(source, top, &mut report),
        }
        if text.path.starts_with("firmware/") {
            let slow = loops::complaints(vendor, source);
            found.extend(slow.into_iter().map(|complaint| format!("{}: {complaint}", text.path)));
        }
    }
    let tops = sources.iter().flat_map(|(_, source)| &source.scopes);
    let tops = tops.filter(|scope| is_function(&scope.kind, top)).count();
    if tops != 1 {
        found.push(format!("{tops} functions are called '{top}', not one"));
    }
    let design = |pragma: &&Pragma| pragma.text == "hls_design top";
    let designs = sources.iter().flat_map(|(_, source)| &source.pragmas).filter(design).count();
    if vendor == Vendor::Catapult && designs != 1 {
        found.push(format!("{designs} functions are the design's top, not one"));
    }
    found
}

fn is_function(kind: &Kind, called: &str) -> bool {
    matches!(kind, Kind::Function { name, .. } if name == called)
}

/// The words of the design's warning about registers at an index that varies.
const INDEXED: &str = "indexes registers";

/// Complaints about a project on disk: its C++ and its script.
pub fn check(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let manifest = fs::read(folder.join("bitkiln.json"))?;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest)?;
    let word = |key: &str| manifest[key].as_str().ok_or("no such key").map(str::to_owned);
    let vendor = match &*word("backend")? {
        "vitis" => Vendor::Vitis,
        "catapult" => Vendor::Catapult,
        other => return Err(format!("no rules for '{other}'").into()),
    };
    let files = manifest["files"].as_array().ok_or("no files")?;
    let mut texts = vec![];
    for file in files {
        let path = file.as_str().ok_or("no path")?;
        if path.ends_with(".cpp") || path.ends_with(".h") {
            texts.push((path.to_owned(), fs::read_to_string(folder.join(path))?));
        }
    }
    let texts: Vec<Text<'_>> =
        texts.iter().map(|(path, contents)| Text { path, contents }).collect();
    let mut found = complaints(vendor, &word("name")?, &texts);
    let run = script::run(folder, &[], &[]);
    if run.code != Some(0) {
        found.push(format!("build_prj.tcl: {}", run.printed));
    }
    let contents: Vec<&str> = (texts.iter().filter(|text| text.path.starts_with("firmware/")))
        .map(|text| text.contents)
        .collect();
    found.extend(ports::complaints(vendor, &word("name")?, &contents, &run.printed));
    let rule = Registers::of(vendor, &run.printed);
    let mut indexed = vec![];
    for text in texts.iter().filter(|text| text.path.starts_with("firmware/")) {
        let lines = registers::complaints(text.contents, &rule);
        indexed.extend(lines.into_iter().map(|line| format!("{}: {line}", text.path)));
    }
    // The design knows of them, and warns.
    let warnings = manifest["warnings"].as_array().ok_or("no warnings")?;
    let is_known =
        |warning: &serde_json::Value| warning.as_str().is_some_and(|it| it.contains(INDEXED));
    match (warnings.iter().any(is_known), indexed.is_empty()) {
        (false, _) => found.extend(indexed),
        (true, false) => {}
        (true, true) => found.push("a warning of registers that no loop indexes".to_owned()),
    }
    Ok(found)
}

/// The value of a pragma's argument, `key=value`, or a word that stands alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Argument {
    pub key: Option<String>,
    pub value: String,
}

/// The words of a pragma; white space inside of quotes and around `=` and `,` separates nothing.
pub(crate) fn arguments(text: &str) -> Vec<Argument> {
    let mut joined = String::new();
    let mut quoted = false;
    for c in text.chars() {
        quoted ^= c == '"';
        let last = joined.trim_end().chars().next_back();
        match c {
            c if quoted && c.is_whitespace() => joined.push('\u{a0}'),
            c if c.is_whitespace() && matches!(last, Some('=' | ',')) => {}
            '=' | ',' => {
                joined.truncate(joined.trim_end().len());
                joined.push(c);
            }
            c => joined.push(c),
        }
    }
    let words = joined.split(|c: char| c.is_whitespace() && c != '\u{a0}');
    words
        .filter(|word| !word.is_empty())
        .map(|word| match word.split_once('=') {
            Some((key, value)) => Argument { key: Some(key.to_owned()), value: value.to_owned() },
            None => Argument { key: None, value: word.to_owned() },
        })
        .collect()
}
