//! Depths of channels: the least ones without deadlock, and those for the full rate.

use super::order::Order;
use super::run::Wait;
use super::{Deadlock, Network};

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
        let mut order = Order::new(self, &depths);
        while let Err(Deadlock { cycle }) = order.advance() {
            let full = cycle.iter().filter(|blocked| blocked.wait == Wait::Slot);
            let cheapest = full.min_by_key(|it| self.channels[it.channel.0].token_bits);
            let Some(channel) = cheapest.map(|blocked| blocked.channel) else {
                return Err(Deadlock { cycle });
            };
            depths[channel.0] += 1;
            order.add_slot(channel);
        }
        self.lower(&mut depths, &vec![1; self.channels.len()], |depths| {
            Order::new(self, depths).advance().is_ok()
        });
        Ok(depths)
    }

    /// Depths by channel with which the network has the same interval as with unbounded channels, in
    /// every frame: one slot less in any single channel, and it becomes slower, at once or after
    /// some frames. No depth is below `least`.
    ///
    /// # Errors
    /// If the network deadlocks.
    pub fn full_rate_depths(&self, least: &[u64]) -> Result<Vec<u64>, Deadlock> {
        let free = self.free()?;
        let mut depths: Vec<u64> =
            free.peaks.iter().zip(least).map(|(peak, least)| (*peak).max(*least)).collect();
        self.lower(&mut depths, least, |depths| {
            self.steady(&bounded(depths)).is_ok_and(|run| run.period == Some(free.interval()))
        });
        Ok(depths)
    }

    /// Lowers each depth as far as `holds` and `least` allow, widest tokens first. Assumes that
    /// whatever holds for a depth holds for all larger ones.
    fn lower(&self, depths: &mut [u64], least: &[u64], holds: impl Fn(&[u64]) -> bool) {
        let mut order: Vec<usize> = (0..depths.len()).collect();
        order.retain(|channel| depths[*channel] > least[*channel]);
        order.sort_by_key(|channel| std::cmp::Reverse(self.channels[*channel].token_bits));
        lower_group(&order, depths, least, &holds);
    }
}

/// Lowers the depths of the channels in `group`, in its order. Most channels go to their least depth,
/// so whole groups are tried first.
fn lower_group(
    group: &[usize],
    depths: &mut [u64],
    least: &[u64],
    holds: &impl Fn(&[u64]) -> bool,
) {
    let [first, others @ ..] = group else { return };
    let mut lowered = depths.to_vec();
    group.iter().for_each(|channel| lowered[*channel] = least[*channel]);
    if holds(&lowered) {
        depths.copy_from_slice(&lowered);
        return;
    }
    if !others.is_empty() {
        let (before, behind) = group.split_at(group.len() / 2);
        lower_group(before, depths, least, holds);
        lower_group(behind, depths, least, holds);
        return;
    }
    // Holds at `high`, not below `low`.
    let (mut low, mut high) = (least[*first] + 1, depths[*first]);
    while low < high {
        depths[*first] = low + (high - low) / 2;
        match holds(depths) {
            true => high = depths[*first],
            false => low = depths[*first] + 1,
        }
    }
    depths[*first] = high;
}

/// Depths of bounded channels.
fn bounded(depths: &[u64]) -> Vec<Option<u64>> {
    depths.iter().copied().map(Some).collect()
}
