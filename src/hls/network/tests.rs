use proptest::prelude::*;

use super::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Builds a network process by process.
#[derive(Default)]
struct Draft {
    processes: Vec<Process>,
    channels: Vec<Channel>,
}

impl Draft {
    fn channel(&mut self, name: &str, token_bits: u64) -> ChannelId {
        self.channels.push(Channel { name: name.into(), token_bits, slots: Slots::Words });
        ChannelId(self.channels.len() - 1)
    }

    fn process(&mut self, name: &str, latency: u64, phases: Vec<Phase>) {
        self.processes.push(Process { name: name.into(), phases, latency });
    }

    /// A process that reads and writes a token of each channel in each of `tokens` iterations.
    fn pointwise(&mut self, name: &str, tokens: u64, reads: &[ChannelId], writes: &[ChannelId]) {
        self.process(name, 1, vec![phase(tokens, reads, writes)]);
    }

    /// A 3x3 convolution with padding of an image of `width` x `height` pixels: an iteration per
    /// pixel and one more per row and column, for the padding behind.
    fn convolution(&mut self, (width, height): (u64, u64), from: ChannelId, to: ChannelId) {
        let mut phases = vec![phase(width, &[from], &[]), phase(1, &[], &[])];
        for _ in 1..height {
            phases.push(phase(1, &[from], &[]));
            phases.push(phase(width - 1, &[from], &[to]));
            phases.push(phase(1, &[], &[to]));
        }
        phases.push(phase(1, &[], &[]));
        phases.push(phase(width, &[], &[to]));
        self.process("conv", 5, phases);
    }

    fn network(self) -> Result<Network, NetworkError> {
        Network::new(self.processes, self.channels)
    }
}

fn phase(iterations: u64, reads: &[ChannelId], writes: &[ChannelId]) -> Phase {
    Phase { iterations, interval: 1, reads: reads.to_vec(), writes: writes.to_vec() }
}

/// A residual block of one convolution; the third channel is the skip connection.
fn residual(width: u64, height: u64) -> Result<Network, NetworkError> {
    let tokens = width * height;
    let mut draft = Draft::default();
    let [x, inner, skip, sums, y] =
        ["x", "inner", "skip", "sums", "y"].map(|name| draft.channel(name, 8));
    draft.pointwise("source", tokens, &[], &[x]);
    draft.pointwise("fork", tokens, &[x], &[inner, skip]);
    draft.convolution((width, height), inner, sums);
    draft.pointwise("add", tokens, &[sums, skip], &[y]);
    draft.pointwise("sink", tokens, &[y], &[]);
    draft.network()
}

fn bounded(depths: &[u64]) -> Vec<Option<u64>> {
    depths.iter().copied().map(Some).collect()
}

#[test]
fn a_skip_connection_holds_what_the_convolution_keeps() -> Outcome {
    for (width, latency) in [(4, 8), (8, 8), (16, 9)] {
        let network = residual(width, width)?;
        let least = network.least_depths()?;
        // The convolution reads a row and two pixels before it writes.
        assert_eq!(least, [1, 1, width + 2, 1, 1]);
        let full = network.full_rate_depths(&least)?;
        // Its latency, and the registers of the fork and of the channels, are on top of that.
        assert_eq!(full, [2, 2, width + latency, 2, 2]);
        let run = network.steady(&bounded(&full))?;
        assert_eq!(run.interval(), (width + 1) * (width + 1));
        let slower = network.steady(&bounded(&least))?;
        assert!(slower.interval() > run.interval());
    }
    Ok(())
}

#[test]
fn one_slot_less_is_a_deadlock_that_is_named() -> Outcome {
    let network = residual(8, 8)?;
    let mut depths = network.least_depths()?;
    depths[2] -= 1;
    let deadlock = network.run(&bounded(&depths), 1).unwrap_err();
    assert_eq!(
        deadlock.to_string(),
        "deadlock: 'fork' waits for a slot of 'skip', 'add' waits for a token of 'sums', 'conv' \
         waits for a token of 'inner'"
    );
    Ok(())
}

#[test]
fn processes_that_wait_for_one_another_have_no_depths() -> Outcome {
    let mut draft = Draft::default();
    let [a, b] = ["a", "b"].map(|name| draft.channel(name, 8));
    draft.pointwise("first", 4, &[a], &[b]);
    draft.pointwise("second", 4, &[b], &[a]);
    let deadlock = draft.network()?.least_depths().unwrap_err();
    assert_eq!(
        deadlock.to_string(),
        "deadlock: 'first' waits for a token of 'a', 'second' waits for a token of 'b'"
    );
    Ok(())
}

#[test]
fn arrays_are_double_buffered_for_the_full_rate() -> Outcome {
    let mut draft = Draft::default();
    let [x, y] = ["x", "y"].map(|name| draft.channel(name, 8));
    for channel in &mut draft.channels {
        channel.slots = Slots::Arrays;
    }
    for (name, interval, reads, writes) in
        [("slow", 900, &[][..], &[x][..]), ("middle", 200, &[x], &[y]), ("last", 500, &[y], &[])]
    {
        let phases = vec![Phase { interval, ..phase(1, reads, writes) }];
        draft.processes.push(Process { name: name.into(), phases, latency: interval });
    }
    let network = draft.network()?;
    let least = network.least_depths()?;
    assert_eq!(least, [1, 1]);
    assert_eq!(network.full_rate_depths(&least)?, [2, 1]);
    let single = network.steady(&bounded(&[1, 1]))?;
    assert_eq!(single.interval(), 900 + 200 + 1);
    let double = network.steady(&bounded(&[2, 2]))?;
    assert_eq!((double.interval(), double.latency()), (900, 900 + 200 + 500 + 3));
    Ok(())
}

/// A branch holds the tokens of all frames that are on their way through the other one.
#[test]
fn frames_that_overlap_are_held() -> Outcome {
    let mut draft = Draft::default();
    let [x, skip, long, late, y] =
        ["x", "skip", "long", "late", "y"].map(|name| draft.channel(name, 8));
    draft.pointwise("source", 4, &[], &[x]);
    draft.pointwise("fork", 4, &[x], &[skip, long]);
    draft.process("deep", 41, vec![phase(4, &[long], &[late])]);
    draft.pointwise("join", 4, &[skip, late], &[y]);
    draft.pointwise("sink", 4, &[y], &[]);
    let network = draft.network()?;
    let least = network.least_depths()?;
    let full = network.full_rate_depths(&least)?;
    // A token of each cycle from the write of the fork to the read of the join: 42 in the long branch.
    assert_eq!((least, full.clone()), (vec![1; 5], vec![2, 44, 2, 2, 2]));
    let run = network.run(&bounded(&full), 40)?;
    assert!(run.ends.windows(2).all(|ends| ends[1] - ends[0] == 4), "{:?}", run.ends);
    let run = network.run(&bounded(&[2, 43, 2, 2, 2]), 40)?;
    assert!(run.ends.windows(2).any(|ends| ends[1] - ends[0] > 4), "{:?}", run.ends);
    Ok(())
}

#[test]
fn networks_that_break_a_rule_are_refused() {
    let message = |draft: Draft| draft.network().unwrap_err().to_string();
    let mut draft = Draft::default();
    let x = draft.channel("x", 8);
    draft.pointwise("source", 4, &[], &[x]);
    assert_eq!(message(draft), "channel 'x' has 0 readers instead of one");

    let mut draft = Draft::default();
    let x = draft.channel("x", 8);
    draft.pointwise("a", 4, &[], &[x]);
    draft.pointwise("b", 4, &[], &[x]);
    assert_eq!(message(draft), "channel 'x' has 2 writers instead of one");

    let mut draft = Draft::default();
    let x = draft.channel("x", 8);
    draft.pointwise("source", 4, &[], &[x]);
    draft.pointwise("sink", 3, &[x], &[]);
    assert_eq!(message(draft), "channel 'x': 4 tokens of a frame are written, 3 are read");

    let mut draft = Draft::default();
    draft.process("idle", 1, vec![phase(0, &[], &[])]);
    assert_eq!(message(draft), "process 'idle' has no iterations, or an initiation interval of 0");

    let mut draft = Draft::default();
    let x = draft.channel("x", 8);
    draft.pointwise("twice", 4, &[x, x], &[]);
    assert_eq!(message(draft), "process 'twice' passes two tokens of one channel in an iteration");

    let mut draft = Draft::default();
    draft.pointwise("lost", 4, &[ChannelId(3)], &[]);
    assert_eq!(message(draft), "process 'lost' uses a channel that does not exist");
}

/// A network of `choices`: each takes one or two open ends and forks, joins, delays or thins them.
fn random(choices: &[(u8, u8, u8)]) -> Result<Network, NetworkError> {
    let mut draft = Draft::default();
    let name = |draft: &Draft, what: &str| format!("{what}{}", draft.processes.len());
    let first = draft.channel("in", 8);
    draft.pointwise("source", 12, &[], &[first]);
    // Open channels, each with its tokens in a frame.
    let mut open = vec![(first, 12)];
    for (what, which, amount) in choices {
        let (x, tokens) = open.remove(usize::from(*which) % open.len());
        let bits = 1 + u64::from(*amount) % 5;
        let delay = u64::from(*amount) % tokens;
        let process = name(&draft, ["fork", "delay", "join", "thin"][usize::from(*what) % 4]);
        let y = draft.channel(&format!("{process}_y"), bits);
        match what % 4 {
            0 => {
                let z = draft.channel(&format!("{process}_z"), 1 + bits);
                draft.pointwise(&process, tokens, &[x], &[y, z]);
                open.extend([(y, tokens), (z, tokens)]);
            }
            1 => {
                let phases = vec![
                    phase(delay, &[x], &[]),
                    phase(tokens - delay, &[x], &[y]),
                    phase(delay, &[], &[y]),
                ];
                draft.process(&process, 3, phases);
                open.push((y, tokens));
            }
            2 => {
                let other = open.iter().position(|(_, others)| *others == tokens);
                let mut reads = vec![x];
                reads.extend(other.map(|other| open.remove(other).0));
                draft.pointwise(&process, tokens, &reads, &[y]);
                open.push((y, tokens));
            }
            _ => {
                let half = tokens.div_ceil(2);
                draft.process(
                    &process,
                    2,
                    vec![phase(tokens - half, &[x], &[]), phase(half, &[x], &[y])],
                );
                open.push((y, half));
            }
        }
    }
    for (channel, tokens) in open {
        let sink = name(&draft, "sink");
        draft.pointwise(&sink, tokens, &[channel], &[]);
    }
    draft.network()
}

/// True if `frames` frames finish at `depths`, one iteration of a process after the other in an
/// order that `seed` draws.
fn finishes(network: &Network, depths: &[u64], frames: u64, mut seed: u64) -> bool {
    let steps = |process: &Process| -> Vec<Phase> {
        let frame = process.phases.iter().flat_map(|phase| {
            std::iter::repeat_n(Phase { iterations: 1, ..phase.clone() }, phase.iterations as usize)
        });
        let frame: Vec<Phase> = frame.collect();
        (0..frames).flat_map(|_| frame.clone()).collect()
    };
    let steps: Vec<Vec<Phase>> = network.processes().iter().map(steps).collect();
    let mut next = vec![0; steps.len()];
    let mut filled = vec![0; depths.len()];
    loop {
        let can_go = |process: &usize| {
            steps[*process].get(next[*process]).is_some_and(|step| {
                step.reads.iter().all(|channel| filled[channel.0] > 0)
                    && step.writes.iter().all(|channel| filled[channel.0] < depths[channel.0])
            })
        };
        let ready: Vec<usize> = (0..steps.len()).filter(can_go).collect();
        if ready.is_empty() {
            return (0..steps.len()).all(|process| next[process] == steps[process].len());
        }
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let process = ready[(seed >> 33) as usize % ready.len()];
        let step = &steps[process][next[process]];
        step.reads.iter().for_each(|channel| filled[channel.0] -= 1);
        step.writes.iter().for_each(|channel| filled[channel.0] += 1);
        next[process] += 1;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// At the least depths every order of execution finishes, and with one slot less in any channel
    /// none does.
    #[test]
    fn least_depths_are_exact(
        choices in prop::collection::vec(any::<(u8, u8, u8)>(), 1..8),
        seed in any::<u64>(),
    ) {
        let network = random(&choices)?;
        let least = network.least_depths()?;
        prop_assert!(finishes(&network, &least, 4, seed));
        for channel in 0..least.len() {
            let mut fewer = least.clone();
            fewer[channel] -= 1;
            prop_assert!(!finishes(&network, &fewer, 4, seed), "{:?} at {channel}", least);
            prop_assert!(network.run(&bounded(&fewer), 3).is_err());
        }
    }

    /// The interval of a network at full-rate depths is that of its slowest process, whatever the
    /// order of its channels, and no depth is wasted.
    #[test]
    fn full_rate_depths_keep_the_rate(
        choices in prop::collection::vec(any::<(u8, u8, u8)>(), 1..6),
    ) {
        let network = random(&choices)?;
        let least = network.least_depths()?;
        let full = network.full_rate_depths(&least)?;
        let slowest = network.processes().iter().map(Process::cycles).max();
        let run = network.steady(&bounded(&full))?;
        prop_assert_eq!(Some(run.interval()), slowest);
        for channel in 0..full.len() {
            prop_assert!(full[channel] >= least[channel]);
            if full[channel] > least[channel] {
                let mut fewer = full.clone();
                fewer[channel] -= 1;
                let slower = network.run(&bounded(&fewer), 100)?;
                let interval = slower.ends[99] - slower.ends[0];
                prop_assert!(interval > 99 * run.interval(), "{:?} at {channel}", full);
            }
        }
    }
}
