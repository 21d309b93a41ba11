//! The iterations of a process as text.
//!
//! `33 <x; 30 (1 <x; 31 <x >y; 1 >y); 32 >y` reads the channel `x` in 33 iterations, repeats the group
//! in parentheses 30 times, and writes `y` in 32. Groups may contain groups. Iterations that neither
//! read nor write are left out.

use std::fmt;

use super::{ChannelId, Process};

/// Most steps and groups that a group repeats: a few rows of an image.
const LONGEST_GROUP: usize = 32;

/// Most steps that a text may describe: far more than a frame has.
const MOST_STEPS: usize = 1 << 24;

/// Most groups around a step.
const DEEPEST: usize = 8;

/// Consecutive iterations with the same accesses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Number of iterations.
    pub iterations: u64,
    /// The accesses of each iteration: reads, then writes.
    pub accesses: Vec<Access>,
}

/// A read or a write of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Access {
    /// The kind of access.
    pub is_write: bool,
    /// The name of the channel.
    pub channel: String,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.iterations)?;
        let mut accesses = self.accesses.iter();
        accesses.try_for_each(|Access { is_write, channel }| {
            write!(f, " {}{channel}", if *is_write { '>' } else { '<' })
        })
    }
}

impl Process {
    /// The accesses of a frame, in order. `names` are those of the streams that carry a channel.
    pub fn steps(&self, names: impl Fn(ChannelId) -> Vec<String>) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for phase in &self.phases {
            let reads = phase.reads.iter().map(|channel| (false, channel));
            let writes = phase.writes.iter().map(|channel| (true, channel));
            let access = |(is_write, channel): (bool, &ChannelId)| {
                let names = names(*channel).into_iter();
                names.map(move |channel| Access { is_write, channel })
            };
            let accesses: Vec<Access> = reads.chain(writes).flat_map(access).collect();
            match steps.last_mut() {
                _ if accesses.is_empty() => {}
                Some(last) if last.accesses == accesses => last.iterations += phase.iterations,
                Some(_) | None => steps.push(Step { iterations: phase.iterations, accesses }),
            }
        }
        steps
    }
}

/// A step, or a group of items that is repeated.
#[derive(Clone, PartialEq)]
enum Item<'a> {
    Step(&'a Step),
    Group(usize, Vec<Item<'a>>),
}

impl fmt::Display for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(step) => step.fmt(f),
            Self::Group(times, items) => write!(f, "{times} ({})", listed(items)),
        }
    }
}

fn listed(items: &[Item<'_>]) -> String {
    items.iter().map(Item::to_string).collect::<Vec<_>>().join("; ")
}

/// The text of `steps`.
pub fn write(steps: &[Step]) -> String {
    let mut items: Vec<Item<'_>> = steps.iter().map(Item::Step).collect();
    // Short groups first: they repeat inside of longer ones.
    for length in 1..=LONGEST_GROUP {
        items = grouped(&items, length);
    }
    listed(&items)
}

/// `items`, with repetitions of `length` of them as groups.
fn grouped<'a>(items: &[Item<'a>], length: usize) -> Vec<Item<'a>> {
    let mut all = Vec::new();
    let mut rest = items;
    while let [first, others @ ..] = rest {
        let same = rest.chunks_exact(length).take_while(|group| *group == &rest[..length]);
        match same.count() {
            0 | 1 => {
                all.push(first.clone());
                rest = others;
            }
            times => {
                all.push(Item::Group(times, rest[..length].to_vec()));
                rest = &rest[times * length..];
            }
        }
    }
    all
}

/// The steps that `text` describes, with groups repeated.
///
/// # Errors
/// A sentence that says what is wrong with the text.
pub fn parse(text: &str) -> Result<Vec<Step>, String> {
    // The steps of the groups that are open, each with its number of repetitions.
    let mut open: Vec<(u64, Vec<Step>)> = vec![(1, Vec::new())];
    for part in text.split_inclusive(['(', ')', ';']) {
        let body = part.trim_end_matches(['(', ')', ';']).trim();
        let is_open = part.ends_with('(');
        if !body.is_empty() && !is_open {
            let steps = &mut open.last_mut().ok_or("a ')' closes nothing")?.1;
            steps.push(step(body)?);
        }
        if is_open {
            if open.len() > DEEPEST {
                return Err(format!("there are more than {DEEPEST} groups around a step"));
            }
            open.push((number(body)?, Vec::new()));
        } else if part.ends_with(')') {
            let (times, group) = open.pop().unwrap_or_default();
            let steps = &mut open.last_mut().ok_or("a ')' closes nothing")?.1;
            let total = (times as usize).checked_mul(group.len());
            if total.is_none_or(|total| total > MOST_STEPS - steps.len()) {
                return Err(format!("there are more than {MOST_STEPS} steps"));
            }
            (0..times).for_each(|_| steps.extend(group.iter().cloned()));
        }
    }
    match <[_; 1]>::try_from(open) {
        Ok([(_, steps)]) if !steps.is_empty() => Ok(steps),
        Ok(_) => Err("there are no steps".to_owned()),
        Err(_) => Err("a '(' is not closed".to_owned()),
    }
}

fn step(text: &str) -> Result<Step, String> {
    let mut words = text.split_whitespace();
    let iterations = number(words.next().unwrap_or_default())?;
    let access = |word: &str| {
        let read = word.strip_prefix('<').map(|channel| (false, channel));
        let found = read.or_else(|| word.strip_prefix('>').map(|channel| (true, channel)));
        let (is_write, channel) = found.ok_or_else(|| format!("'{word}' is no access"))?;
        Ok(Access { is_write, channel: channel.to_owned() })
    };
    let accesses: Vec<Access> = words.map(access).collect::<Result<_, String>>()?;
    match accesses.is_empty() {
        true => Err(format!("'{text}' has no access")),
        false => Ok(Step { iterations, accesses }),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("'{text}' is no number of iterations"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn access(word: &str) -> Access {
        Access { is_write: word.starts_with('>'), channel: word[1..].to_owned() }
    }

    fn steps(list: &[(u64, &str)]) -> Vec<Step> {
        let step = |(iterations, words): &(u64, &str)| Step {
            iterations: *iterations,
            accesses: words.split(' ').map(access).collect(),
        };
        list.iter().map(step).collect()
    }

    #[test]
    fn rows_are_one_group() -> Result<(), String> {
        let row = [(1, "<x"), (7, "<x >y"), (1, ">y")];
        let strided = [(9, "<x"), (1, "<x >y"), (1, "<x"), (1, "<x >y"), (1, "<x"), (1, "<x >y")];
        for (row, expected) in [
            (&row[..], "10 <x; 6 (1 <x; 7 <x >y; 1 >y); 8 >y"),
            (&strided[..], "10 <x; 6 (9 <x; 2 (1 <x >y; 1 <x); 1 <x >y); 8 >y"),
        ] {
            let mut image = vec![(10, "<x")];
            (0..6).for_each(|_| image.extend(row));
            image.push((8, ">y"));
            let image = steps(&image);
            let text = write(&image);
            assert_eq!(text, expected);
            assert_eq!(parse(&text)?, image);
        }
        Ok(())
    }

    #[test]
    fn other_text_is_refused() {
        let deep = "2 (".repeat(9);
        for (text, complaint) in [
            ("", "there are no steps"),
            ("x", "'x' is no number of iterations"),
            ("0 <x", "'0' is no number of iterations"),
            ("3", "'3' has no access"),
            ("3 x", "'x' is no access"),
            ("1 <x; (1 <x)", "'' is no number of iterations"),
            ("3 (1 <x", "a '(' is not closed"),
            ("1 <x)", "a ')' closes nothing"),
            ("1 <x); 1 <x", "a ')' closes nothing"),
            (&deep, "there are more than 8 groups around a step"),
            ("99999999 (1 <x; 1 >y)", "there are more than 16777216 steps"),
        ] {
            assert_eq!(parse(text), Err(complaint.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn text_is_read_as_written(
            list in prop::collection::vec((1..4_u64, 0..3_usize), 1..60),
        ) {
            let kinds = ["<x", "<x >y", ">y"];
            let list: Vec<(u64, &str)> = list.iter().map(|(n, kind)| (*n, kinds[*kind])).collect();
            let steps = steps(&list);
            prop_assert_eq!(parse(&write(&steps)), Ok(steps));
        }
    }
}
