//! Other numbers in a file of weights, which stays the same in all else.

use super::named;
use crate::front::error::Problem;
use crate::front::hdf5::{Hdf5, Place};

/// Returns the HDF5 file `bytes` with other numbers in some datasets, whose paths are those of
/// [`StoredVariable::dataset`](crate::front::StoredVariable): all else stays as it was written.
///
/// # Errors
/// If a dataset is missing, has another number of elements, is compressed, or does not hold float32
/// numbers.
pub(in crate::front) fn rewritten(
    mut bytes: Vec<u8>,
    changes: &[(String, Vec<f32>)],
) -> Result<Vec<u8>, Problem> {
    let places: Vec<(Place, Vec<u8>)> = {
        let file = Hdf5::open(bytes.clone())?;
        let root = file.root()?;
        let base = named::base(&root)?.unwrap_or(root);
        let mut places = Vec::new();
        for (dataset, values) in changes {
            let missing = || Problem::Damaged(format!("'{dataset}' is missing"));
            let place = base.place(&[dataset])?.ok_or_else(missing)?;
            if place.shape.iter().product::<usize>() != values.len() {
                let shape = &place.shape;
                let what =
                    format!("'{dataset}' has shape {shape:?}, not {} elements", values.len());
                return Err(Problem::Damaged(what));
            }
            let narrow = || Problem::Narrow { dataset: dataset.clone() };
            let encoded = place.element.encode(values).ok_or_else(narrow)?;
            places.push((place, encoded));
        }
        places
    };
    for (Place { offset, length, .. }, encoded) in places {
        let end = offset.saturating_add(length);
        let target = bytes.get_mut(offset..end).filter(|target| target.len() == encoded.len());
        let target = target.ok_or_else(|| Problem::Damaged("is cut short".to_owned()))?;
        target.copy_from_slice(&encoded);
    }
    Ok(bytes)
}
