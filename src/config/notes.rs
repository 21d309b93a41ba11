//! Keys that change nothing, and values that mean another one: each is noted once for all its places.

use super::tree::PlacedValue;

/// The kind of a [`Note`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoteKind {
    /// A key without effect.
    WithoutEffect,
    /// A value that is taken as another one.
    TakenAs,
}

/// A key or value of hls4ml that is accepted and has no meaning of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Its kind.
    pub kind: NoteKind,
    /// The key, with the value if only that is noted.
    pub what: String,
    /// The mappings with this key; empty for the file itself.
    pub places: Vec<String>,
    /// The reason, or the value that it is taken as.
    pub reason: &'static str,
}

impl std::fmt::Display for Note {
    /// `Stamp (a project has no stamp)`, `Compression of LayerName.fc1 and 3 more (...)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        if let Some((first, more)) = self.places.split_first() {
            write!(f, " of {first}")?;
            if !more.is_empty() {
                write!(f, " and {} more", more.len())?;
            }
        }
        match self.kind {
            NoteKind::WithoutEffect => write!(f, " ({})", self.reason),
            NoteKind::TakenAs => write!(f, " is taken as {}", self.reason),
        }
    }
}

/// The notes on a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notes(pub Vec<Note>);

impl Notes {
    /// Adds a note on `what` in `mapping`.
    pub fn add(
        &mut self,
        kind: NoteKind,
        what: &str,
        mapping: &PlacedValue<'_>,
        reason: &'static str,
    ) {
        let place = Some(&mapping.place).filter(|place| !place.is_empty()).cloned();
        let known =
            |note: &&mut Note| (note.kind, note.what.as_str(), note.reason) == (kind, what, reason);
        match self.0.iter_mut().find(known) {
            Some(note) => note.places.extend(place),
            None => {
                let places = Vec::from_iter(place);
                self.0.push(Note { kind, what: what.to_owned(), places, reason });
            }
        }
    }
}
