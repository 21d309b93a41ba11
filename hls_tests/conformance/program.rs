//! C++ programs: compile, run, and cache their output.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use sha2::{Digest, Sha256};

use crate::vendor::{Headers, REPOSITORY, Vendor};

/// One translation unit and its input.
pub struct Program {
    pub vendor: Vendor,
    /// The header of `cpp/` that it includes.
    pub header: &'static str,
    /// The statements of `main`.
    pub body: String,
    pub input: String,
}

/// NDEBUG: ap_private asserts that a bit lies within the word even if it ignores the bit (a rounding
/// cast that drops more bits than the source has).
const FLAGS: [&str; 5] = ["-std=c++17", "-O0", "-DNDEBUG", "-w", "-fno-asynchronous-unwind-tables"];
const FLAGS_OF_STAND_INS: [&str; 6] =
    ["-std=c++17", "-O0", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];

impl Program {
    /// The lines that the program prints with these headers. A run with the program, headers and input
    /// of an earlier one is not repeated.
    pub fn run(&self, headers: Headers) -> Vec<String> {
        let include = self.vendor.include(headers);
        let cpp = Path::new(REPOSITORY).join("hls_tests/conformance/cpp");
        let text = format!(
            "#include \"{}\"\n#include \"{}\"\nint main() {{\n{}}}\n",
            self.vendor.prelude(),
            self.header,
            self.body
        );
        let flags = match headers {
            Headers::Real => [&FLAGS[..], &["-DVENDOR_HEADERS"]].concat(),
            Headers::StandIn => FLAGS_OF_STAND_INS.to_vec(),
        };

        let mut hash = Sha256::new();
        for part in [&text, &self.input, &flags.join(" ")] {
            hash.update(part);
            hash.update([0]);
        }
        hash_folder(&mut hash, &include);
        for header in ["common.h", "casts.h", self.vendor.prelude(), self.header] {
            hash.update(fs::read(cpp.join(header)).unwrap());
        }
        let key: String = hash.finalize().iter().take(12).map(|b| format!("{b:02x}")).collect();

        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("conformance");
        fs::create_dir_all(&cache).unwrap();
        let printed = cache.join(format!("{key}.out"));
        let printed = match fs::read_to_string(&printed) {
            Ok(text) => text,
            Err(_) => {
                let scratch = tempfile::tempdir_in(&cache).unwrap();
                let output = self.compile_and_run(&text, &flags, &[&include, &cpp], scratch.path());
                // Renamed into place, so that no other run reads half of it.
                let whole = scratch.path().join("out");
                fs::write(&whole, &output).unwrap();
                fs::rename(&whole, &printed).unwrap();
                output
            }
        };
        printed.lines().map(str::to_owned).collect()
    }

    fn compile_and_run(
        &self,
        text: &str,
        flags: &[&str],
        include: &[&Path],
        scratch: &Path,
    ) -> String {
        let (source, binary) = (scratch.join("program.cpp"), scratch.join("program"));
        fs::write(&source, text).unwrap();
        let mut compiler = Command::new("g++");
        compiler.args(flags).arg(&source).arg("-o").arg(&binary);
        for folder in include {
            compiler.arg("-I").arg(folder);
        }
        let compiled = compiler.output().expect("g++ is installed");
        let messages = String::from_utf8_lossy(&compiled.stderr);
        let messages: String = messages.lines().take(20).map(|line| format!("{line}\n")).collect();
        assert!(compiled.status.success(), "g++ rejects a {:?} program:\n{messages}", self.vendor);

        let mut child = Command::new(&binary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().unwrap();
        let input = self.input.clone();
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        assert!(output.status.success(), "a {:?} program fails: {}", self.vendor, output.status);
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Runs all programs in parallel and returns the lines of each, in order.
pub fn run_all(programs: &[Program], headers: Headers) -> Vec<Vec<String>> {
    let next = Mutex::new(0..programs.len());
    let results = Mutex::new(vec![Vec::new(); programs.len()]);
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..workers.min(programs.len()) {
            scope.spawn(|| {
                loop {
                    let Some(index) = next.lock().unwrap().next() else { return };
                    let printed = programs[index].run(headers);
                    results.lock().unwrap()[index] = printed;
                }
            });
        }
    });
    results.into_inner().unwrap()
}

fn hash_folder(hash: &mut Sha256, folder: &Path) {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for file in files {
        if file.is_dir() {
            hash_folder(hash, &file);
        } else {
            hash.update(file.file_name().unwrap().as_encoded_bytes());
            hash.update(fs::read(&file).unwrap());
        }
    }
}
