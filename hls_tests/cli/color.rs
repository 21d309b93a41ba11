//! Colors of messages and of help.

use assert_cmd::Command;

use super::*;

/// True if the program colors what it answers to `arguments`.
fn is_colored(arguments: &[&str], variables: &[(&str, &str)]) -> Result<bool, Box<dyn Error>> {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bitkiln"));
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    let output = command.args(arguments).envs(variables.iter().copied()).output()?;
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(!all.is_empty(), "{arguments:?}");
    Ok(all.contains(&b'\x1b'))
}

/// An error, an error of usage, help, and help of a command.
const ANSWERS: [&[&str]; 4] =
    [&["types", "none.h5"], &["types"], &["--help"], &["energy", "--help"]];

#[test]
fn what_is_piped_has_colors_on_request_only() -> Outcome {
    for answer in ANSWERS {
        let with = |more: &[&str]| is_colored(&[answer, more].concat(), &[]);
        assert!(!with(&[])?, "{answer:?}");
        assert!(!with(&["--color", "auto"])?, "{answer:?}");
        assert!(!with(&["--color=never"])?, "{answer:?}");
        assert!(is_colored(&[&["--color", "always"], answer].concat(), &[])?, "{answer:?}");
        assert!(is_colored(&[&["--color=always"], answer].concat(), &[])?, "{answer:?}");
    }
    Ok(())
}

#[test]
fn no_color_is_heeded_unless_a_choice_is_made() -> Outcome {
    let force = ("CLICOLOR_FORCE", "1");
    let none = ("NO_COLOR", "1");
    for answer in ANSWERS {
        assert!(is_colored(answer, &[force])?, "{answer:?}");
        assert!(!is_colored(answer, &[force, none])?, "{answer:?}");
        let asked = [&["--color", "always"], answer].concat();
        assert!(is_colored(&asked, &[none])?, "{answer:?}");
        let refused = [&["--color", "never"], answer].concat();
        assert!(!is_colored(&refused, &[force])?, "{answer:?}");
    }
    Ok(())
}

#[test]
fn other_colors_than_the_three_are_errors() -> Outcome {
    let output = bitkiln(&["types", "none.h5", "--color", "blue"])?;
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output);
    assert!(said.contains("invalid value 'blue' for '--color <WHEN>'"), "{said}");
    // The last one counts, as far as it is one.
    assert!(is_colored(&["--color", "always", "types", "none.h5", "--color", "blue"], &[])?);
    assert!(!is_colored(&["types", "--", "--color=always"], &[])?);
    Ok(())
}
