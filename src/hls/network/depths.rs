//! Depths of channels: the least ones without deadlock, and those for the full rate.

use super::run::{Simulation, Wait};
use super::{ChannelId, Deadlock, Network};

/// Frames of a run that decides depths: later frames repeat the order of tokens of the first two.
const FRAMES: usize = 3;

/// Most frames until the interval of a network is taken for steady.
const MOST_FRAMES: usize = 16;

impl Network {
    /// Least depths by channel with which the network does not deadlock: one slot less in any
    /// single channel, and it does. They follow from the order of tokens alone and hold for every
    /// latency.
    ///
    /// From a slot each, the run adds a slot whenever all processes are blocked, to that full
    /// channel of the cycle whose slot has the fewest bits (Parks, "Bounded scheduling of process
    /// networks", 1995, with a cost). Each channel then loses the slots that it does not need.
    ///
    /// # Errors
    /// If the network deadlocks at any depths: processes wait for tokens in a cycle.
    pub fn least_depths(&self) -> Result<Vec<u64>, Deadlock> {
        let mut depths = vec![1; self.channels.len()];
        let mut simulation = Simulation::new(self, &bounded(&depths), FRAMES);
        loop {
            simulation.advance();
            if simulation.is_finished() {
                break;
            }
            let cycle = simulation.cycle();
            let full = cycle.iter().filter(|blocked| blocked.wait == Wait::Slot);
            let cheapest = full.min_by_key(|it| self.channels[it.channel.0].token_bits);
            let Some(channel) = cheapest.map(|blocked| blocked.channel) else {
                return Err(Deadlock { cycle });
            };
            depths[channel.0] += 1;
            simulation.add_slot(channel);
        }
        self.lower(&mut depths, &vec![1; self.channels.len()], |depths| {
            self.run(&bounded(depths), FRAMES).is_ok()
        });
        Ok(depths)
    }

    /// Depths by channel with which the network has the same interval as with unbounded channels:
    /// one slot less in any single channel, and it is slower. No depth is below `least`.
    ///
    /// # Errors
    /// If the network deadlocks.
    pub fn full_rate_depths(&self, least: &[u64]) -> Result<Vec<u64>, Deadlock> {
        let unbounded = vec![None; self.channels.len()];
        let (free, frames) = self.steady(&unbounded)?;
        let interval = free.interval();
        let mut depths: Vec<u64> =
            free.peaks.iter().zip(least).map(|(peak, least)| (*peak).max(*least)).collect();
        self.lower(&mut depths, least, |depths| {
            self.run(&bounded(depths), frames).is_ok_and(|run| run.interval() == interval)
        });
        Ok(depths)
    }

    /// A run that is steady: the last three frames end at equal intervals. Also its number of
    /// frames.
    ///
    /// # Errors
    /// If the network deadlocks.
    pub fn steady(&self, depths: &[Option<u64>]) -> Result<(super::Run, usize), Deadlock> {
        let mut frames = 4;
        loop {
            let run = self.run(depths, frames)?;
            let is_steady = match run.ends[..] {
                [.., a, b, c] => b - a == c - b,
                _ => true,
            };
            if is_steady || frames >= MOST_FRAMES {
                return Ok((run, frames));
            }
            frames *= 2;
        }
    }

    /// Lowers each depth as far as `holds` and `least` allow, widest tokens first. Assumes that
    /// whatever holds for a depth holds for all larger ones.
    fn lower(&self, depths: &mut [u64], least: &[u64], holds: impl Fn(&[u64]) -> bool) {
        let mut order: Vec<ChannelId> = (0..depths.len()).map(ChannelId).collect();
        order.sort_by_key(|channel| std::cmp::Reverse(self.channels[channel.0].token_bits));
        for ChannelId(channel) in order {
            // Holds at `high`, not below `low`.
            let (mut low, mut high) = (least[channel], depths[channel]);
            while low < high {
                depths[channel] = low + (high - low) / 2;
                match holds(depths) {
                    true => high = depths[channel],
                    false => low = depths[channel] + 1,
                }
            }
            depths[channel] = high;
        }
    }
}

/// Depths of bounded channels.
fn bounded(depths: &[u64]) -> Vec<Option<u64>> {
    depths.iter().copied().map(Some).collect()
}
