//! Mutated files: reading them ends soon, in bounded memory, and without a panic.
//!
//! Runs the first [`CASES`] seeds, the same on every machine, or as many as fit into
//! `BITKILN_FUZZ_SECONDS`. A failure names its seed, which alone runs again with
//! `BITKILN_FUZZ_SEED`; after a crash of the process the seed is in the file `fuzz_seed` in Cargo's
//! folder for temporary files.

mod bases;
mod memory;
mod mutate;
mod random;

use std::collections::BTreeMap;
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use bases::{Base, Files};
use bitkiln::front::{FrontError, load, read_arrays};
use random::Random;

/// Seeds of an ordinary run: 20 seconds on one core of 2026.
const CASES: u64 = 24_000;

/// Far more than any case takes.
const SLOWEST: Duration = Duration::from_secs(10);

/// Memory that one case may hold at a time. The files have at most 100 KB.
const MOST_MEMORY: usize = 256 << 20;

/// Result of a case.
struct Outcome {
    seed: u64,
    /// The kind of result, without the parts that differ from file to file.
    kind: String,
    memory: usize,
    time: Duration,
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

#[test]
fn mutated_files_are_read_within_bounds() {
    let limit = setting("BITKILN_FUZZ_SECONDS").map(Duration::from_secs);
    let only = setting("BITKILN_FUZZ_SEED");
    let (results, outcomes) = channel();
    let worker = std::thread::spawn(move || {
        let bases = bases::all();
        let folder = tempfile::tempdir().unwrap();
        let note = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz_seed");
        let mut note = std::fs::File::create(note).unwrap();
        let started = Instant::now();
        let seeds = match (only, limit) {
            (Some(seed), _) => seed..seed + 1,
            (None, Some(_)) => 0..u64::MAX,
            (None, None) => 0..CASES,
        };
        for seed in seeds.take_while(|_| limit.is_none_or(|limit| started.elapsed() < limit)) {
            results.send(Err(seed)).unwrap();
            note.rewind().unwrap();
            writeln!(note, "{seed}").unwrap();
            results.send(Ok(run(seed, &bases, folder.path()))).unwrap();
        }
    });

    let mut current = 0;
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let (mut cases, mut most, mut slowest) = (0_usize, (0, 0), (Duration::ZERO, 0));
    loop {
        match outcomes.recv_timeout(SLOWEST) {
            Ok(Err(seed)) => current = seed,
            Ok(Ok(Outcome { seed, kind, memory, time })) => {
                assert!(memory < MOST_MEMORY, "seed {seed} took {memory} bytes: {kind}");
                most = most.max((memory, seed));
                slowest = slowest.max((time, seed));
                *kinds.entry(kind).or_default() += 1;
                cases += 1;
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => panic!("seed {current} hangs"),
        }
    }
    assert!(worker.join().is_ok(), "seed {current} panics");
    for (kind, count) in &kinds {
        println!("{count:8} {kind}");
    }
    println!("{cases} cases; most memory {most:?}, longest {slowest:?} (and their seeds)");
    let caught = kinds.keys().filter(|kind| kind.contains("parser failed")).count();
    assert_eq!(caught, 0, "a parser panics");
    if only.is_none() {
        assert!(cases >= if limit.is_some() { 1000 } else { CASES as usize }, "only {cases} cases");
        // The mutations reach what they are meant to: some do no harm, and the others differ.
        assert!(kinds.keys().any(|kind| kind == "loaded") && kinds.len() >= 30);
    }
}

/// Runs the case of a seed.
fn run(seed: u64, bases: &[Base], folder: &Path) -> Outcome {
    let mut random = Random::new(seed);
    let base = &bases[random.below(bases.len())];
    let files = base.mutated(&mut random);
    let path = folder.join("file");
    let weights = folder.join("weights");
    // File systems flush a file that is cut and written again, and a new one only later.
    let write = |path: &Path, bytes: &[u8]| {
        let _ = std::fs::remove_file(path);
        std::fs::write(path, bytes).unwrap();
    };
    let result: Result<(), FrontError>;
    let started;
    let memory = match &files {
        Files::Model { model, weights: bytes } => {
            write(&path, model);
            let weights = bytes.as_ref().map(|bytes| {
                write(&weights, bytes);
                weights.as_path()
            });
            started = Instant::now();
            let (loaded, memory) = memory::peak(seed, || load(&path, weights).map(drop));
            result = loaded;
            memory
        }
        Files::Arrays(bytes) => {
            write(&path, bytes);
            started = Instant::now();
            let (read, memory) = memory::peak(seed, || read_arrays(&path).map(drop));
            result = read;
            memory
        }
    };
    let time = started.elapsed();
    let kind = match result {
        Ok(()) => "loaded".to_owned(),
        Err(error) => kind(&error),
    };
    Outcome { seed, kind, memory, time }
}

/// An error's message without its numbers, names and values.
fn kind(error: &FrontError) -> String {
    let message = error.problem.to_string();
    let message = message.split_once(": ").map_or(message.as_str(), |(_, rest)| rest);
    let mut kind = String::new();
    let mut quoted = false;
    for letter in message.chars() {
        match letter {
            '\'' | '"' => quoted = !quoted,
            _ if quoted || letter.is_ascii_digit() => {}
            letter => kind.push(letter),
        }
    }
    kind.chars().take(60).collect()
}
