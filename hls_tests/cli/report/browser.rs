//! Pages in a headless Chromium.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Opens the page `html` with a script at its end that calls `check(name, value)`, and returns the values by
/// name. `width` is that of the window in pixels.
pub fn checks(html: &str, script: &str, width: u32) -> Result<Value, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let page = folder.path().join("page.html");
    let end = html.rfind("</body>").ok_or("a page has a body")?;
    let (start, end) = html.split_at(end);
    let harness = "<pre id=\"checks\"></pre><script>\
                   const results = {}; const check = (name, value) => { results[name] = value; };\
                   try {";
    let finish = "} catch (error) { check('error', String(error)); }\
                  document.getElementById('checks').textContent = JSON.stringify(results);</script>";
    fs::write(&page, format!("{start}{harness}{script}{finish}{end}"))?;
    let dom = dom(&page, folder.path(), width)?;
    let (_, rest) = dom.split_once("<pre id=\"checks\">").ok_or("the page has no checks")?;
    let (text, _) = rest.split_once("</pre>").ok_or("the page has no end of checks")?;
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&text).map_err(|error| format!("{error}: '{text}'").into())
}

/// The document of `page` after its scripts.
fn dom(page: &Path, folder: &Path, width: u32) -> Result<String, Box<dyn std::error::Error>> {
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        .arg(format!("--window-size={width},900"))
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(["--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("file://{}", page.display()))
        .output()
        .map_err(|error| format!("chromium, which the tests of reports need: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => Err(format!("chromium: {output:?}").into()),
    }
}
