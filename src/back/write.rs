//! Writes projects to disk, completely or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::File;
use super::manifest::{self, Manifest, ModelSource};
use super::{BackError, Tool, Vectors, files};
use crate::hls::Design;
use crate::temporary::Scratch;

/// Options of [`write()`].
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Write into a folder that Bitkiln did not write.
    pub force: bool,
    /// The model file, for the manifest.
    pub model: Option<ModelSource>,
}

/// Writes the project of `design` to the folder `project`.
///
/// All files are written to a scratch folder beside it and then moved, so that a failure leaves an
/// older project as it was. An older project is replaced; files and folders in it that Bitkiln did
/// not write (a vendor's results, for instance) are kept.
///
/// # Errors
/// See [`BackError`].
pub fn write(
    design: &Design,
    backend: Tool,
    vectors: &Vectors,
    project: &Path,
    options: &WriteOptions,
) -> Result<(), BackError> {
    let files = files(design, backend, vectors, options.model.as_ref())?;
    let project = absolute(project)?;
    check_place(&project, options.force)?;
    let parent = project.parent().unwrap_or(&project).to_owned();
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| BackError::Io { path, source }
    };
    fs::create_dir_all(&parent).map_err(fail(&parent))?;
    let scratch = Scratch::inside(&parent).map_err(fail(&parent))?;
    let (new, old) = (scratch.path().join("new"), scratch.path().join("old"));
    let held = scratch.held();
    for file in &files {
        let path = new.join(&file.path);
        let folder = path.parent().unwrap_or(&new);
        fs::create_dir_all(folder).map_err(fail(folder))?;
        fs::write(&path, &file.contents).map_err(fail(&path))?;
    }

    let existed = project.exists();
    if existed {
        fs::rename(&project, &old).map_err(fail(&project))?;
    }
    if let Err(source) = fs::rename(&new, &project) {
        if existed && fs::rename(&old, &project).is_err() {
            // The older project must not be deleted with the scratch folder.
            held.keep();
        }
        return Err(BackError::Io { path: project, source });
    }
    if existed && let Err(source) = keep_foreign(&old, &project, &files) {
        let kept = held.keep().join("old");
        return Err(BackError::Io { path: kept, source });
    }
    Ok(())
}

/// `path` from the root on; the last component need not exist.
fn absolute(path: &Path) -> Result<PathBuf, BackError> {
    let path = path.canonicalize().or_else(|_| std::path::absolute(path));
    path.map_err(|source| BackError::Io { path: PathBuf::new(), source })
}

/// Refuses a folder `project` that must not be replaced.
fn check_place(project: &Path, force: bool) -> Result<(), BackError> {
    let entries = match fs::read_dir(project) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(_) if project.exists() && !project.is_dir() => {
            return Err(BackError::NotAFolder(project.to_owned()));
        }
        Err(source) => return Err(BackError::Io { path: project.to_owned(), source }),
        Ok(entries) => entries,
    };
    // The folder is replaced by a new one; the user's shell would stay in the old one.
    if std::env::current_dir().is_ok_and(|current| current.starts_with(project)) {
        return Err(BackError::WorkingDirectory(project.to_owned()));
    }
    let is_empty = entries.count() == 0;
    if is_empty || force || read_manifest(project).is_some() {
        return Ok(());
    }
    Err(BackError::NotOurs(project.to_owned()))
}

fn read_manifest(project: &Path) -> Option<Manifest> {
    let text = fs::read_to_string(project.join(manifest::NAME)).ok()?;
    Manifest::from_json(&text).ok()
}

/// Moves from `old` to `new` the files that belong to neither project.
fn keep_foreign(old: &Path, new: &Path, files: &[File]) -> io::Result<()> {
    let first = |path: &str| path.split('/').next().unwrap_or(path).to_owned();
    let mut ours: Vec<String> = files.iter().map(|file| first(&file.path)).collect();
    if let Some(manifest) = read_manifest(old) {
        ours.extend(manifest.files.iter().map(|path| first(path)));
    }
    for entry in fs::read_dir(old)? {
        let name = entry?.file_name();
        if !ours.iter().any(|ours| name.to_str() == Some(ours.as_str())) {
            fs::rename(old.join(&name), new.join(&name))?;
        }
    }
    Ok(())
}
