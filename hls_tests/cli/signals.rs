//! No temporary folder and no process outlives a signal that ends the program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Outcome, build, case, text};

/// The tools of a test: folders, and a compiler that never ends.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> std::io::Result<Self> {
        let place = Self { folder: tempfile::tempdir()? };
        fs::create_dir(place.at("tmp"))?;
        // As g++ does, it starts a process of its own.
        fs::write(
            place.at("cxx"),
            format!(
                "#!/bin/sh\nsleep 100 &\necho $! > '{pid}.new'\nmv '{pid}.new' '{pid}'\nwait\n",
                pid = place.at("pid").display()
            ),
        )?;
        fs::set_permissions(place.at("cxx"), fs::Permissions::from_mode(0o755))?;
        Ok(place)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts `bitkiln` and waits until it compiles.
    fn compiling(&self, start: &str, arguments: &[&Path]) -> Result<Child, std::io::Error> {
        let _ = fs::remove_file(self.at("pid"));
        let child = Command::new("sh")
            .args(["-c", &format!("{start} exec \"$0\" \"$@\"")])
            .arg(assert_cmd::cargo::cargo_bin!("bitkiln"))
            .args(arguments)
            .env("TMPDIR", self.at("tmp"))
            .env("CXX", self.at("cxx"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        assert!(becomes(|| self.at("pid").exists()), "it does not compile");
        Ok(child)
    }

    /// Nothing is left in the folder for temporary files, and the compiler's process is gone.
    fn is_clean(&self) -> std::io::Result<bool> {
        let pid = fs::read_to_string(self.at("pid"))?;
        let stat = format!("/proc/{}/stat", pid.trim());
        // A zombie is gone.
        let is_gone = || fs::read_to_string(&stat).map_or(true, |text| text.contains(") Z"));
        Ok(becomes(is_gone) && fs::read_dir(self.at("tmp"))?.next().is_none())
    }
}

fn becomes(condition: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if condition() {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}

fn signal(child: &Child, name: &str) -> std::io::Result<()> {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status()?.success());
    Ok(())
}

#[test]
#[cfg(target_os = "linux")]
fn signals_end_verify_and_build_without_a_trace() -> Outcome {
    let place = Place::new()?;
    let (project, other) = (place.at("prj"), place.at("other"));
    let built = build("act_bits", "model.h5", &project, &[])?;
    assert!(built.status.success(), "{}", text(&built));
    let model = case("act_bits", "model.h5");
    let verify = ["verify".as_ref(), project.as_path()];
    let build = ["build".as_ref(), model.as_path(), "-o".as_ref(), &other, "--verify".as_ref()];
    for arguments in [&verify[..], &build] {
        for (name, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
            let mut child = place.compiling("", arguments)?;
            assert_ne!(fs::read_dir(place.at("tmp"))?.count(), 0);
            signal(&child, name)?;
            assert_eq!(child.wait()?.signal(), Some(number), "{arguments:?}");
            assert!(place.is_clean()?, "{arguments:?}, {name}");
        }
    }
    // The project that was written is whole, and nothing lies beside it.
    assert!(other.join("bitkiln.json").exists());
    let mut names: Vec<_> = fs::read_dir(place.folder.path())?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<std::io::Result<_>>()?;
    names.sort();
    assert_eq!(names, ["cxx", "other", "pid", "prj", "tmp"]);
    Ok(())
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_is_ignored_ends_nothing() -> Outcome {
    let place = Place::new()?;
    let project = place.at("prj");
    assert!(build("act_bits", "model.h5", &project, &[])?.status.success());
    let mut child = place.compiling("trap '' HUP INT;", &["verify".as_ref(), &project])?;
    signal(&child, "HUP")?;
    signal(&child, "INT")?;
    thread::sleep(Duration::from_millis(200));
    assert_eq!(child.try_wait()?, None);
    signal(&child, "TERM")?;
    assert_eq!(child.wait()?.signal(), Some(15));
    assert!(place.is_clean()?);
    Ok(())
}
