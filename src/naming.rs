//! Names: unique ones for what is generated, and the known one that a misspelt word means.

/// `wanted` if it is free, else `wanted_2`, `wanted_3`, and so on: the first that `is_taken` denies.
pub(crate) fn unique(wanted: &str, is_taken: impl FnMut(&str) -> bool) -> String {
    unique_from(wanted, 2, is_taken)
}

/// As [`unique`], with `number` for the first name that is not `wanted` itself.
pub(crate) fn unique_from(
    wanted: &str,
    mut number: usize,
    mut is_taken: impl FnMut(&str) -> bool,
) -> String {
    let mut name = wanted.to_owned();
    while is_taken(&name) {
        name = format!("{wanted}_{number}");
        number += 1;
    }
    name
}

/// The known word nearest to `word` in spelling; `None` if none is near.
///
/// Distances are Damerau-Levenshtein's, in any letter case; a third of the word's letters may differ.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let letters = word.chars().count();
    // A word of two letters is near to every short word unless one letter at least agrees.
    let limit = (letters / 3).max(2).min(letters.saturating_sub(1));
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&word, &known.to_lowercase()), known))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The end of a message about an unknown word: `, did you mean 'Dense'?`, or nothing.
pub(crate) fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |known| format!(", did you mean '{known}'?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_names_get_the_next_free_number() {
        let taken = ["fc", "fc_2", "act"];
        let unique = |wanted| unique(wanted, |name| taken.contains(&name));
        assert_eq!(
            (unique("out"), unique("act"), unique("fc")),
            ("out".into(), "act_2".into(), "fc_3".into())
        );
    }

    #[test]
    fn near_words_are_found_in_any_case() {
        let nearest = |word| nearest(word, ["Dense", "Conv2D", "add"]);
        assert_eq!(nearest("dnse"), Some("Dense"));
        assert_eq!(nearest("Conv1D"), Some("Conv2D"));
        assert_eq!((nearest("x"), nearest("Softmax"), nearest("")), (None, None, None));
        assert_eq!(did_you_mean(nearest("dnse")), ", did you mean 'Dense'?");
        assert_eq!(did_you_mean(None), "");
    }
}
