//! Zip archives, read within bounds.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::error::Problem;
use super::guard::guarded;

/// Deflate, the densest compression that is read, makes at most 1032 bytes of one.
const MOST_EXPANSION: u64 = 1032;

/// What all entries of an archive may hold together, whatever the archive's size.
const MOST_BYTES: u64 = 8 << 30;

/// An archive in memory.
pub(super) struct Archive {
    zip: ZipArchive<Cursor<Vec<u8>>>,
    /// Bytes that may still be decompressed: entries that share their data cannot multiply it.
    budget: u64,
}

impl Archive {
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, Problem> {
        let budget = (bytes.len() as u64).saturating_mul(MOST_EXPANSION).min(MOST_BYTES);
        let zip = guarded(|| ZipArchive::new(Cursor::new(bytes))).map_err(Problem::Damaged)?;
        Ok(Self { zip: zip.map_err(|error| Problem::Damaged(error.to_string()))?, budget })
    }

    /// The names of the entries, in the archive's order.
    pub(super) fn names(&self) -> Result<Vec<String>, Problem> {
        let names = self.zip.file_names().map(|name| name.map(|name| name.into_owned()));
        names.collect::<Result<_, _>>().map_err(|error| Problem::Damaged(error.to_string()))
    }

    /// The content of the entry with exactly this name.
    pub(super) fn entry(&mut self, name: &str) -> Result<Vec<u8>, Problem> {
        let zip = &mut self.zip;
        let budget = self.budget;
        let read = guarded(|| {
            let entry = zip.by_name(name)?;
            let mut bytes = Vec::new();
            // The size that the entry states is not trusted, not even as a capacity.
            entry.take(budget.saturating_add(1)).read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        let bytes = read.map_err(Problem::Damaged)?.map_err(|error| match error {
            ZipError::FileNotFound => Problem::EntryMissing { entry: name.to_owned() },
            other => Problem::Damaged(format!("entry '{name}': {other}")),
        })?;
        self.budget = budget
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| Problem::TooLarge { what: format!("entry '{name}'") })?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::CompressionMethod;
    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    /// Entries that share their data would give it again and again, as reading one entry twice does.
    #[test]
    fn entries_share_one_budget() {
        let mut zip = ZipWriter::new(Cursor::new(vec![]));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file("zeros", options).unwrap();
        zip.write_all(&[0; 1 << 20]).unwrap();
        let mut archive = Archive::open(zip.finish().unwrap().into_inner()).unwrap();
        assert_eq!(archive.names().unwrap(), ["zeros"]);
        assert_eq!(archive.entry("zeros").unwrap().len(), 1 << 20);
        let error = archive.entry("zeros").unwrap_err();
        assert_eq!(error.to_string(), "entry 'zeros' is too large");
        assert!(matches!(archive.entry("ones"), Err(Problem::EntryMissing { .. })));
    }
}
