//! Temporary folders and the processes that write to them. They end with their owner, and before a
//! signal ends the program: [`clean_up`].

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Folders and processes that [`clean_up`] ends. Who changes a folder or a process holds the lock.
static LIVE: Mutex<Live> = Mutex::new(Live { folders: Vec::new(), processes: Vec::new() });

struct Live {
    folders: Vec<PathBuf>,
    /// Leaders of process groups.
    processes: Vec<u32>,
}

fn live() -> MutexGuard<'static, Live> {
    // Lists are whole whatever their last writer died of.
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A temporary folder, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A new folder in the system's folder for temporary files.
    pub fn temporary() -> io::Result<Self> {
        Self::inside(&std::env::temp_dir())
    }

    /// A new folder in `parent`, for what is moved to another place there.
    pub fn inside(parent: &Path) -> io::Result<Self> {
        let mut live = live();
        let path = tempfile::Builder::new().prefix(".bitkiln-").tempdir_in(parent)?.keep();
        live.folders.push(path.clone());
        Ok(Self { path })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps [`clean_up`] waiting while files are written and moved.
    pub fn held(&self) -> Held<'_> {
        Held { live: live(), scratch: self }
    }

    /// Starts a process that writes to the folder. It leads a group of its own, with the processes
    /// that it starts.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Process<'_>> {
        let mut live = live();
        let child = command.env("TMPDIR", &self.path).process_group(0).spawn()?;
        let group = child.id();
        live.processes.push(group);
        Ok(Process { child, group, _scratch: self })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut live = live();
        if live.folders.contains(&self.path) {
            // What cannot be removed is no failure of the work that is done.
            let _ = remove(&self.path);
        }
        live.folders.retain(|folder| *folder != self.path);
    }
}

/// Removes a folder, also one with folders that their owner may not write to: a project that was
/// protected and is replaced.
fn remove(folder: &Path) -> io::Result<()> {
    fs::remove_dir_all(folder).or_else(|_| {
        make_writable(folder)?;
        fs::remove_dir_all(folder)
    })
}

/// Lets the owner change `folder` and the folders in it. Links are left as they are.
fn make_writable(folder: &Path) -> io::Result<()> {
    let mut permissions = fs::symlink_metadata(folder)?.permissions();
    permissions.set_mode(permissions.mode() | 0o700);
    fs::set_permissions(folder, permissions)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

/// A folder that no [`clean_up`] removes as long as this lives.
pub(crate) struct Held<'a> {
    live: MutexGuard<'static, Live>,
    scratch: &'a Scratch,
}

impl Held<'_> {
    /// Leaves the folder where it is, for good.
    pub fn keep(mut self) -> PathBuf {
        self.live.folders.retain(|folder| *folder != self.scratch.path);
        self.scratch.path.clone()
    }
}

/// A process and those that it has started, killed when it is dropped.
pub(crate) struct Process<'a> {
    child: Child,
    group: u32,
    /// Outlives the process.
    _scratch: &'a Scratch,
}

impl Process<'_> {
    /// The exit status; `None` as long as the process runs.
    pub fn status(&mut self) -> io::Result<Option<ExitStatus>> {
        // With the lock, so that the number of a process that is gone is not in the list.
        let mut live = live();
        let status = self.child.try_wait()?;
        if status.is_some() {
            live.processes.retain(|group| *group != self.group);
        }
        Ok(status)
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        let mut live = live();
        if live.processes.contains(&self.group) {
            kill(self.group);
            let _ = self.child.wait();
            live.processes.retain(|group| *group != self.group);
        }
    }
}

/// Kills a process group with the shell's `kill`: the standard library kills single processes only.
fn kill(group: u32) {
    let kill = format!("kill -KILL -{group}");
    // The group may just have ended.
    let _ = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
}

/// Kills the processes that Bitkiln has started and removes its temporary folders, for a program
/// that a signal is about to end. An exchange of files that has begun is completed before. Threads
/// that need a temporary folder wait from now on.
pub fn clean_up() {
    let live = live();
    live.processes.iter().copied().for_each(kill);
    for folder in &live.folders {
        // A process that is being killed may still write.
        for _ in 0..100 {
            if remove(folder).is_ok() || !folder.exists() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    std::mem::forget(live);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_are_protected_become_writable() -> io::Result<()> {
        let parent = tempfile::tempdir()?;
        let inner = parent.path().join("old/firmware");
        fs::create_dir_all(&inner)?;
        fs::write(inner.join("a.h"), "")?;
        let mode = |path: &Path| fs::metadata(path).map(|it| it.permissions().mode() & 0o777);
        for folder in [inner.as_path(), &parent.path().join("old")] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o555))?;
        }
        make_writable(&parent.path().join("old"))?;
        assert_eq!([mode(&inner)?, mode(&parent.path().join("old"))?], [0o755, 0o755]);
        remove(&parent.path().join("old"))?;
        assert!(!parent.path().join("old").exists());
        Ok(())
    }

    #[test]
    fn a_folder_is_removed_unless_it_is_kept() -> io::Result<()> {
        let parent = tempfile::tempdir()?;
        let scratch = Scratch::inside(parent.path())?;
        fs::write(scratch.path().join("x"), "")?;
        drop(scratch);
        assert_eq!(fs::read_dir(parent.path())?.count(), 0);
        let scratch = Scratch::inside(parent.path())?;
        let kept = scratch.held().keep();
        drop(scratch);
        assert!(kept.is_dir());
        Ok(())
    }

    #[test]
    fn a_process_and_its_children_end_with_their_owner() -> io::Result<()> {
        let scratch = Scratch::temporary()?;
        let pid = scratch.path().join("pid");
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 60 & echo $! > \"$0.new\"; mv \"$0.new\" \"$0\"; wait"]).arg(&pid);
        let mut process = scratch.spawn(&mut shell)?;
        while !pid.exists() {
            assert_eq!(process.status()?, None);
            thread::sleep(Duration::from_millis(5));
        }
        let child = fs::read_to_string(&pid)?;
        drop(process);
        // A killed process is gone, or a zombie until its new parent has asked.
        let stat = PathBuf::from(format!("/proc/{}/stat", child.trim()));
        let is_alive = || fs::read_to_string(&stat).is_ok_and(|text| !text.contains(") Z"));
        let gone = (0..1000).any(|_| {
            thread::sleep(Duration::from_millis(5));
            !is_alive()
        });
        assert!(gone);
        Ok(())
    }
}
