//! Conditions on the steps of a grid.

use super::super::text::wrap;

/// Longest line of a table.
const LINE: usize = 88;

/// A variable that counts the steps of a grid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counter {
    /// Steps along the height.
    Row,
    /// Steps along the width.
    Column,
}

impl Counter {
    /// The C++ variable.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Row => "y",
            Self::Column => "x",
        }
    }
}

/// The remainder of a counter by a number. By a power of two it is some of its bits; any other would
/// be a divider, so a variable counts it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Remainder {
    pub(super) counter: Counter,
    pub(super) by: usize,
}

impl Remainder {
    /// Set if a variable of its own counts it.
    pub(super) fn is_counted(self) -> bool {
        !self.by.is_power_of_two()
    }

    /// The expression, or the variable.
    pub(super) fn text(self) -> String {
        let Self { counter, by } = self;
        match self.is_counted() {
            true => format!("{}_mod_{by}", counter.name()),
            false => format!("{} % {by}", counter.name()),
        }
    }
}

/// A list of whether a condition holds for each step.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) len: usize,
    pub(super) lines: Vec<String>,
}

/// A comparison of a counter.
#[derive(Clone)]
enum Term {
    Never,
    Is(Counter, usize),
    AtLeast(Counter, usize),
    AtMost(Counter, usize),
    Remains(Remainder, usize),
    /// Steps in no order, listed in a table of this name.
    Listed(Counter, String),
}

impl Term {
    fn text(&self) -> String {
        match self {
            Self::Never => "false".to_owned(),
            Self::Is(counter, step) => format!("{} == {step}", counter.name()),
            Self::AtLeast(counter, step) => format!("{} >= {step}", counter.name()),
            Self::AtMost(counter, step) => format!("{} <= {step}", counter.name()),
            Self::Remains(remainder, step) => format!("{} == {step}", remainder.text()),
            Self::Listed(counter, table) => format!("{table}[{}]", counter.name()),
        }
    }

    fn counter(&self) -> Option<Counter> {
        match self {
            Self::Never => None,
            Self::Is(counter, _)
            | Self::AtLeast(counter, _)
            | Self::AtMost(counter, _)
            | Self::Listed(counter, _)
            | Self::Remains(Remainder { counter, .. }, _) => Some(*counter),
        }
    }
}

/// A condition on a step: all terms hold.
#[derive(Clone, Default)]
pub(super) struct Condition(Vec<Term>);

impl Condition {
    /// The condition that holds for those of `steps` that are set. Steps that are not equally far
    /// apart are listed in a table called `name`.
    pub(super) fn of(
        steps: &[bool],
        (counter, name): (Counter, &str),
        tables: &mut Vec<Table>,
    ) -> Self {
        let set: Vec<usize> = (0..steps.len()).filter(|step| steps[*step]).collect();
        let (Some(first), Some(last)) = (set.first().copied(), set.last().copied()) else {
            return Self(vec![Term::Never]);
        };
        let distance = set.get(1).map_or(1, |second| second - first);
        let is_regular = |(number, step): (usize, &usize)| *step == first + number * distance;
        if !set.iter().enumerate().all(is_regular) {
            let items: Vec<String> = steps.iter().map(|step| u8::from(*step).to_string()).collect();
            let (lines, len) = (wrap(&items, LINE), steps.len());
            let same = tables.iter().find(|table| table.lines == lines);
            let known = same.map(|table| table.name.clone());
            let name = known.unwrap_or_else(|| {
                tables.push(Table { name: name.to_owned(), len, lines });
                name.to_owned()
            });
            return Self(vec![Term::Listed(counter, name)]);
        }
        if first == last && steps.len() > 1 {
            return Self(vec![Term::Is(counter, first)]);
        }
        let terms = [
            (first >= distance).then_some(Term::AtLeast(counter, first)),
            (last + distance < steps.len()).then_some(Term::AtMost(counter, last)),
            (distance > 1)
                .then(|| Term::Remains(Remainder { counter, by: distance }, first % distance)),
        ];
        Self(terms.into_iter().flatten().collect())
    }

    pub(super) fn is_always(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(super) fn text(&self) -> String {
        match self.is_always() {
            true => "true".to_owned(),
            false => self.0.iter().map(Term::text).collect::<Vec<_>>().join(" && "),
        }
    }

    /// Tells whether it depends on `counter`.
    pub(super) fn reads(&self, counter: Counter) -> bool {
        self.0.iter().any(|term| term.counter() == Some(counter))
    }

    /// The remainders that it compares.
    pub(super) fn remainders(&self) -> impl Iterator<Item = Remainder> {
        self.0.iter().filter_map(|term| match term {
            Term::Remains(remainder, _) => Some(*remainder),
            Term::Never
            | Term::Is(..)
            | Term::AtLeast(..)
            | Term::AtMost(..)
            | Term::Listed(..) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(steps: &str) -> (String, usize) {
        let steps: Vec<bool> = steps.chars().map(|step| step == '1').collect();
        let mut tables = Vec::new();
        let condition = Condition::of(&steps, (Counter::Column, "column_is_given"), &mut tables);
        (condition.text(), tables.len())
    }

    #[test]
    fn steps_are_compared_counted_or_listed() {
        let cases = [
            ("111", "true", 0),
            ("000", "false", 0),
            ("010", "x == 1", 0),
            ("0011", "x >= 2", 0),
            ("1100", "x <= 1", 0),
            ("10101", "x % 2 == 0", 0),
            ("0010100", "x >= 2 && x <= 4 && x % 2 == 0", 0),
            ("010010010", "x_mod_3 == 1", 0),
            ("0000100100", "x >= 4 && x_mod_3 == 1", 0),
            ("10110", "column_is_given[x]", 1),
        ];
        for (steps, expected, tables) in cases {
            assert_eq!(text(steps), (expected.to_owned(), tables), "{steps}");
        }
    }

    #[test]
    fn equal_lists_are_one_table() {
        let mut tables = Vec::new();
        let steps = [true, true, false, true];
        for name in ["row_is_read", "row_is_new"] {
            let listed = Condition::of(&steps, (Counter::Row, name), &mut tables);
            assert_eq!(listed.text(), "row_is_read[y]");
            assert!(listed.reads(Counter::Row) && !listed.reads(Counter::Column));
        }
        assert_eq!(tables.len(), 1);
    }
}
