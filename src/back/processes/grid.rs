//! Parts that processes share which step through an image, row by row.

use super::Scope;
use super::conditions::{Condition, Remainder};

/// The remainders that variables count: those of `conditions`, and `more`, each once.
pub(super) fn counted<'c>(
    conditions: impl IntoIterator<Item = &'c Condition>,
    more: impl IntoIterator<Item = Remainder>,
) -> Vec<Remainder> {
    let compared = conditions.into_iter().flat_map(Condition::remainders);
    let mut remainders: Vec<Remainder> = Vec::new();
    for remainder in compared.chain(more) {
        if remainder.is_counted() && !remainders.contains(&remainder) {
            remainders.push(remainder);
        }
    }
    remainders
}

impl Scope<'_> {
    /// The array of what a process keeps of a row until the next.
    pub(super) fn lines(&self) -> String {
        self.process.lines_array()
    }

    /// The declaration of that array, of `sizes` words, lines and lanes: memories, or registers. The lines
    /// of an address are together, as a word may hold them. From a write of a word of a memory to its next
    /// read are `distance` iterations at least.
    pub(super) fn declare_lines(
        &self,
        element: &str,
        sizes: [usize; 3],
        distance: usize,
    ) -> String {
        let name = self.lines();
        let Some(memory) = self.process.line_memory(self.design) else {
            return self.dialect.declare_registers(element, &name, &sizes);
        };
        let mut pragmas = self.dialect.at_lines(&memory, distance);
        pragmas.extend(self.dialect.at_memory(&memory));
        self.dialect.declare_array(element, &name, &sizes, pragmas)
    }
}
