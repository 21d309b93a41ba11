//! A table with a row for each index.

use std::collections::HashMap;

use ndarray::{ArrayD, Axis};
use num_traits::{Signed, ToPrimitive};

use super::{Evaluate, OpError, Operand, Operation, ensure, shaped, single};
use crate::fixed::{Range, Word};
use crate::ir::text::{Described, described};
use crate::ir::{Constant, Tensor};

/// `y[.., c] = table[x[..], c]`: each element of x is the index of a row. The result has the axes of
/// x and one for the columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    /// \[rows, columns\], codes of the result's format.
    pub table: Constant,
}

described!("lookup", Lookup { table });

impl Operation for Lookup {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        let [rows, columns] = *self.table.codes.shape() else {
            return Err(OpError::mismatch("its table is not a matrix"));
        };
        ensure(rows > 0 && columns > 0, "its table is empty")?;
        ensure(x.format.fractional_bits() == 0, "its operand is not an integer")?;
        // The columns' ranges over the rows that an index reaches. Indices often share a range.
        let mut reached: HashMap<(usize, usize), Vec<Range>> = HashMap::new();
        let mut ranges = Vec::with_capacity(x.ranges.len() * columns);
        for indices in &x.ranges {
            let ends = (!indices.low().is_negative())
                .then(|| indices.low().to_usize().zip(indices.high().to_usize()))
                .flatten()
                .filter(|(_, last)| *last < rows);
            let Some((first, last)) = ends else {
                return Err(OpError::mismatch("an index may exceed its table"));
            };
            let of_columns = || {
                let of_column = |column: usize| {
                    let code = |row: usize| self.table.code_at(row * columns + column);
                    let first_range = Range::point(code(first));
                    (first + 1..=last)
                        .fold(first_range, |all, row| all.hull(&Range::point(code(row))))
                };
                (0..columns).map(of_column).collect()
            };
            ranges.extend(reached.entry((first, last)).or_insert_with(of_columns).iter().cloned());
        }
        let shape = x.shape.iter().copied().chain([columns]).collect();
        // One range of x gives one per column; one per channel of x, or per element, gives one per
        // element of the result.
        let repeats = match x.ranges.len() {
            1 => 1,
            count => x.len() / count,
        };
        let ranges: Vec<Range> = (0..repeats).flat_map(|_| ranges.iter().cloned()).collect();
        Ok(Tensor::new(shape, self.table.format, ranges))
    }
}

impl Evaluate for Lookup {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<ArrayD<W>> {
        let x = operands.first()?;
        let table = W::view(&self.table.codes)?;
        let rows: Vec<Vec<W>> =
            table.axis_iter(Axis(0)).map(|row| row.iter().cloned().collect()).collect();
        let indices = W::view(x.codes)?;
        let samples = *indices.shape().first()?;
        let mut y = Vec::with_capacity(indices.len() * rows.first()?.len());
        for index in indices.iter() {
            let row: usize = index.to_big().to_usize()?;
            y.extend(rows.get(row)?.iter().cloned());
        }
        shaped(y, samples, result)
    }
}
