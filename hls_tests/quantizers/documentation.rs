//! docs/quantizers.md holds what the program prints.

use std::path::Path;

use bitkiln::quantizer::Quantizer;
use bitkiln::report::quantizers::{catalogue, detail, markdown};

/// Replaces what stands between two lines of `page`.
fn between(page: &str, first: &str, last: &str, text: &str) -> String {
    let (before, rest) = page.split_once(first).unwrap();
    let (_, after) = rest.split_once(last).unwrap();
    format!("{before}{first}\n{text}{last}{after}")
}

#[test]
fn the_table_of_the_documentation_is_that_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/quantizers.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let table = markdown(&catalogue());
    let mut wanted = between(&page, "<!-- table -->", "<!-- end of the table -->", &table);
    let call = "quantized_bits(3,0,alpha=1)";
    let quantizer: Quantizer = call.parse().unwrap();
    let shown = detail(&quantizer, false).unwrap().to_string();
    let shown: String = shown.lines().map(|line| format!("    {line}\n")).collect();
    let command = format!("    $ bitkiln quantizers '{call}'");
    wanted = between(&wanted, &command, "\n## ", &shown);
    if std::env::var_os("BITKILN_WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    assert_eq!(page, wanted, "run with BITKILN_WRITE_DOCS=1 to write it");
}
