//! Layout of generated text.

/// Indents C++ by its braces, four spaces a level, and drops blank lines that follow an opening
/// brace or another blank line. Templates need not care where a piece ends up.
pub(super) fn indent(code: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    for line in code.lines().map(str::trim) {
        if line.is_empty() {
            if lines.last().is_some_and(|last| !last.is_empty() && !last.ends_with('{')) {
                lines.push(String::new());
            }
            continue;
        }
        let here = depth - usize::from(line.starts_with('}')).min(depth);
        lines.push(format!("{:width$}{line}", "", width = 4 * here));
        if !line.starts_with("//") {
            depth = (depth + line.matches('{').count()).saturating_sub(line.matches('}').count());
        }
    }
    lines.join("\n").trim_end().to_owned()
}

/// A name in a model, as text of a `//` comment: on one line, and without a backslash that would
/// take the next line in.
pub(super) fn comment(name: &str) -> String {
    name.chars().map(|c| if c.is_control() || c == '\\' { '_' } else { c }).collect()
}

/// `number` to six decimals: what is left of a decimal after arithmetic, without its noise.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

/// `items`, with a comma behind each, on as few lines of `width` characters as hold them.
pub(super) fn wrap(items: &[String], width: usize) -> Vec<String> {
    // As many items a line as the longest allow, spread evenly: no line of one item at the end.
    let longest = items.iter().map(String::len).max().unwrap_or(0) + 2;
    let most = (width / longest).max(1);
    let lines = items.len().div_ceil(most).max(1);
    let each = items.len().div_ceil(lines).max(1);
    items
        .chunks(each)
        .map(|line| line.iter().map(|item| format!("{item},")).collect::<Vec<_>>().join(" "))
        .collect()
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_indented_by_its_braces() {
        let code =
            "void f() {\n\n#pragma X\nfor (;;) {\nif (a) {\nb;\n} else {\nc;\n}\n}\n\n\nd;\n}\n";
        let expected = "void f() {\n    #pragma X\n    for (;;) {\n        if (a) {\n            b;\n        \
                        } else {\n            c;\n        }\n    }\n\n    d;\n}";
        assert_eq!(indent(code), expected);
    }

    #[test]
    fn comments_stay_on_their_line() {
        assert_eq!(comment("a\nb\\"), "a_b_");
        assert_eq!(comment("слой*/"), "слой*/");
    }

    #[test]
    fn decimals_lose_their_noise() {
        assert_eq!(rounded(0.07 * 100.0).to_string(), "7");
        assert_eq!(rounded(12.5).to_string(), "12.5");
    }

    #[test]
    fn lines_are_filled() {
        let items: Vec<String> = ["1", "22", "333"].iter().map(|s| s.to_string()).collect();
        assert_eq!(wrap(&items, 10), ["1, 22,", "333,"]);
        assert_eq!(wrap(&items, 1), ["1,", "22,", "333,"]);
    }
}
