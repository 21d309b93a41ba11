//! Pages of docs/ with text that the program or a test computes.

use std::path::Path;

use bitkiln::quantizer::Quantizer;
use bitkiln::report::quantizers::{catalogue, detail, markdown};

/// Checks that `text` is between two lines of a page, or writes it there if `BITKILN_WRITE_DOCS` is set.
#[track_caller]
pub fn hold(page: &str, first: &str, last: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    let found = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = found.split_once(first).unwrap();
    let (_, after) = rest.split_once(last).unwrap();
    let wanted = format!("{before}{first}\n{text}{last}{after}");
    if std::env::var_os("BITKILN_WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    } else {
        assert_eq!(found, wanted, "run with BITKILN_WRITE_DOCS=1 to write {page}");
    }
}

/// One test, since both parts are in one file.
#[test]
fn the_page_on_quantizers_is_what_the_program_prints() {
    let table = markdown(&catalogue());
    hold("quantizers.md", "<!-- table -->", "<!-- end of the table -->", &table);

    let call = "quantized_bits(3,0,alpha=1)";
    let quantizer: Quantizer = call.parse().unwrap();
    let shown = detail(&quantizer, false).unwrap().to_string();
    let shown: String = shown.lines().map(|line| format!("    {line}\n")).collect();
    hold(
        "quantizers.md",
        &format!("    $ bitkiln quantizers '{call}'"),
        "\nValues half-way",
        &shown,
    );
}
