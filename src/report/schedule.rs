//! The schedule of a streaming design: processes over clock cycles, and the occupancy of FIFOs.

use askama::Template;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::layers::narrow_style;
use crate::hls::network::{ChannelId, DepthReason};
use crate::hls::{Design, EdgeKind, Memory, Storage};

/// Frames that are drawn.
const FRAMES: usize = 3;

/// Sizes of the picture in pixels.
const LEFT: usize = 200;
const CHART: usize = 800;
const RIGHT: usize = 24;
const TOP: usize = 48;
const ROW: usize = 20;
const OCCUPANCY: usize = 160;

/// Frames, one after the other: their class in a page with a style, and their color without one.
const FILLS: [(&str, &str); FRAMES] =
    [("frame1", "#0b5fa5"), ("frame2", "#5b9bd5"), ("frame3", "#a9cbea")];

/// The first frames of a streaming design, and its FIFOs.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Schedule {
    /// Its processes, ports included, in topological order.
    pub processes: Vec<ProcessRow>,
    /// Its FIFOs.
    pub channels: Vec<ChannelRow>,
    /// Clock cycles from the first read to the end of each frame.
    pub ends: Vec<u64>,
}

/// A process over time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ProcessRow {
    /// The C++ name; that of the port for a source or sink of samples.
    pub process: String,
    /// Clock cycles for a frame, if nothing blocks it.
    pub cycles: u64,
    /// Bits of its buffers: line buffers, windows, sums, frames; 0 for a port.
    pub state_bits: u64,
    /// Its memories.
    pub memories: Vec<Memory>,
    /// Clock cycle of the first read and of the last write, by frame.
    pub spans: Vec<(u64, u64)>,
}

/// A FIFO.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ChannelRow {
    /// The C++ name.
    pub channel: String,
    /// Width of a token in bits.
    pub token_bits: u64,
    /// Least depth that cannot deadlock.
    pub least_depth: u64,
    /// Depth in the project.
    pub depth: u64,
    /// Largest number of tokens that it holds.
    pub peak: u64,
    /// Its hardware: shift registers of LUTs, or block RAMs.
    pub storage: Storage,
    /// The reason for its depth.
    pub reason: DepthReason,
}

impl ChannelRow {
    /// The reason for a depth beyond that of every FIFO.
    fn reason(&self) -> Option<String> {
        (self.depth > 2).then(|| self.reason.to_string())
    }
}

/// The schedule of `design` at its depths; `None` if it has no streams.
pub fn schedule(design: &Design) -> Option<Schedule> {
    let (network, streams) = design.network()?;
    let depths = streams.iter().map(|edge| match design[*edge].kind {
        EdgeKind::Stream(stream) => (stream.depth, stream.least_depth, stream.storage(design)),
        EdgeKind::Array(_) => (0, 0, Storage::Lut),
    });
    let depths: Vec<(u64, u64, Storage)> = depths.collect();
    let bounded: Vec<Option<u64>> = depths.iter().map(|(depth, ..)| Some(*depth)).collect();
    let run = network.run(&bounded, FRAMES).ok()?;
    let processes = network.processes().iter().zip(run.spans).map(|(process, spans)| {
        let own = design.processes.iter().find(|own| own.name == process.name);
        ProcessRow {
            process: process.name.clone(),
            cycles: process.cycles(),
            state_bits: own.map_or(0, |own| own.state_bits),
            memories: own.map_or_else(Vec::new, |own| own.memories(design)),
            spans,
        }
    });
    let channels = network.channels().iter().enumerate().map(|(position, channel)| {
        let (depth, least_depth, storage) = depths[position];
        ChannelRow {
            channel: channel.name.clone(),
            token_bits: channel.token_bits,
            least_depth,
            depth,
            peak: run.peaks[position],
            storage,
            reason: network.reason(ChannelId(position)),
        }
    });
    let (processes, channels) = (processes.collect(), channels.collect());
    Some(Schedule { processes, channels, ends: run.ends })
}

impl Schedule {
    /// Two tables for a terminal: processes with the cycles of their first frame, and FIFOs.
    pub fn tables(&self) -> String {
        let titles = ["process", "first", "last", "cycles a frame", "state bits", "memories"];
        let mut processes = narrow(titles);
        for ProcessRow { process, cycles, state_bits, memories, spans } in &self.processes {
            let (first, last) = spans.first().copied().unwrap_or_default();
            let numbers = [first, last, *cycles, *state_bits].map(text);
            let memories: Vec<String> = memories.iter().map(Memory::to_string).collect();
            let memories = if memories.is_empty() { "-".to_owned() } else { memories.join(", ") };
            processes.add_row([process.clone()].into_iter().chain(numbers).chain([memories]));
        }
        let titles = ["FIFO", "bits", "least", "depth", "peak", "in", "reason"];
        let mut channels = narrow(titles);
        for (table, last) in [(&mut processes, 5), (&mut channels, 6)] {
            if let Some(words) = table.column_mut(last) {
                words.set_cell_alignment(CellAlignment::Left);
            }
        }
        for row in &self.channels {
            let numbers = [row.token_bits, row.least_depth, row.depth, row.peak].map(text);
            let cells = [row.channel.clone()].into_iter().chain(numbers);
            let reason = row.reason().unwrap_or_else(|| "-".to_owned());
            channels.add_row(cells.chain([row.storage.to_string(), reason]));
        }
        format!("{}\n\n{}", trimmed(&processes), trimmed(&channels))
    }

    /// A Gantt chart of the processes, and the occupancy of the FIFOs, as SVG. `title` names the
    /// design.
    ///
    /// # Errors
    /// If the template fails, which is a defect.
    pub fn svg(&self, title: &str) -> Result<String, askama::Error> {
        let end = self.ends.last().copied().unwrap_or(1).max(1);
        let x = |cycle: u64| LEFT as f64 + cycle as f64 * CHART as f64 / end as f64;
        let pixels = |at: f64| format!("{at:.2}");
        let axis = TOP + self.processes.len() * ROW + 4;
        let below = axis + 64;
        let process = |(row, process): (usize, &ProcessRow)| {
            let bar = |(frame, (first, last)): (usize, &(u64, u64))| Bar {
                x: pixels(x(*first)),
                width: pixels((x(*last) - x(*first)).max(1.0)),
                class: FILLS[frame % FRAMES].0,
                fill: FILLS[frame % FRAMES].1,
                title: format!("frame {}: cycles {first} to {last}", frame + 1),
            };
            ProcessBars {
                name: process.process.clone(),
                y: TOP + row * ROW,
                bars: process.spans.iter().enumerate().map(bar).collect(),
            }
        };
        let channel = |(row, channel): (usize, &ChannelRow)| {
            let ChannelRow { least_depth, depth, peak, token_bits, .. } = channel;
            let share = *peak as f64 / (*depth).max(1) as f64;
            ChannelBar {
                name: channel.channel.clone(),
                y: below + 8 + row * ROW,
                filled: pixels(share.min(1.0) * OCCUPANCY as f64),
                text: format!(
                    "peak {peak} of {depth}, at least {least_depth}, {token_bits} bits{}",
                    channel.reason().map_or_else(String::new, |reason| format!(": {reason}"))
                ),
            }
        };
        let distance = nice(end);
        let tick = |position: u64| Tick {
            at: pixels(x(position * distance)),
            label: (position * distance).to_string(),
        };
        let picture = Picture {
            title,
            subtitle: format!(
                "{} frames; the first ends after {} cycles",
                self.ends.len(),
                self.ends.first().copied().unwrap_or(0)
            ),
            width: LEFT + CHART + RIGHT,
            height: below + 24 + self.channels.len() * ROW,
            left: LEFT,
            middle: LEFT + CHART / 2,
            bar: OCCUPANCY,
            axis,
            below,
            ticks: (0..=end / distance).map(tick).collect(),
            processes: self.processes.iter().enumerate().map(process).collect(),
            channels: self.channels.iter().enumerate().map(channel).collect(),
        };
        Ok(picture.render()? + "\n")
    }
}

/// The distance between five to ten ticks up to `end`: 1, 2 or 5 times a power of ten.
fn nice(end: u64) -> u64 {
    let mut distance = 1;
    for factor in [2, 5, 10].into_iter().cycle() {
        if end / distance <= 10 {
            break;
        }
        let decade = 10_u64.pow(distance.ilog10());
        distance = decade * factor;
    }
    distance
}

fn text(number: u64) -> String {
    number.to_string()
}

/// A table with these titles, the first column a name and the others numbers.
fn narrow<const N: usize>(titles: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(narrow_style());
    table.set_header(titles);
    for (position, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if position > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The lines of a table without trailing spaces.
fn trimmed(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[derive(Template)]
#[template(path = "schedule.svg")]
struct Picture<'a> {
    title: &'a str,
    subtitle: String,
    width: usize,
    height: usize,
    left: usize,
    middle: usize,
    /// Width of a full FIFO.
    bar: usize,
    /// The line below the processes.
    axis: usize,
    /// The title of the FIFOs.
    below: usize,
    ticks: Vec<Tick>,
    processes: Vec<ProcessBars>,
    channels: Vec<ChannelBar>,
}

struct Tick {
    at: String,
    label: String,
}

struct ProcessBars {
    name: String,
    y: usize,
    bars: Vec<Bar>,
}

struct Bar {
    x: String,
    width: String,
    class: &'static str,
    fill: &'static str,
    title: String,
}

struct ChannelBar {
    name: String,
    y: usize,
    filled: String,
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::Access;

    fn example() -> Schedule {
        let row = |process: &str, spans: &[(u64, u64)]| ProcessRow {
            state_bits: 0,
            memories: match process {
                "x" => vec![Memory::new("x_lines".into(), Access::ReadAndWrite, [2, 32, 128])],
                _ => Vec::new(),
            },
            process: process.into(),
            cycles: 64,
            spans: spans.to_vec(),
        };
        Schedule {
            processes: vec![
                row("x", &[(0, 65), (64, 129)]),
                row("conv_fork<1>", &[(1, 80), (70, 160)]),
            ],
            channels: vec![ChannelRow {
                channel: "conv_copy".into(),
                token_bits: 48,
                least_depth: 10,
                depth: 16,
                peak: 12,
                storage: Storage::Lut,
                reason: DepthReason::Reconvergence { from: "x".into(), to: "add".into() },
            }],
            ends: vec![80, 160],
        }
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!([5, 10, 11, 160, 999, 1_000_000].map(nice), [1, 1, 2, 20, 100, 100_000]);
    }

    #[test]
    fn tables_name_the_reason() {
        insta::assert_snapshot!(example().tables(), @"
        process       first  last  cycles a frame  state bits  memories
        ─────────────────────────────────────────────────────────────────────────
        x                 0    65              64           0  2 of 32 x 128 LUT
        conv_fork<1>      1    80              64           0  -

        FIFO       bits  least  depth  peak   in  reason
        ────────────────────────────────────────────────────────────────────────
        conv_copy    48     10     16    12  LUT  branches of 'x' meet at 'add'
        ");
    }

    #[test]
    fn the_picture_has_a_bar_a_frame() {
        let svg = example().svg("a & b").unwrap();
        assert_eq!(svg.matches("<rect ").count(), 1 + 4 + 2);
        assert!(svg.contains("Schedule of a &#38; b: 2 frames; the first ends after 80 cycles"));
        assert!(svg.contains("conv_fork&#60;1&#62;"), "{svg}");
        let text = "peak 12 of 16, at least 10, 48 bits: branches of &#39;x&#39; meet at \
                    &#39;add&#39;";
        assert!(svg.contains(text), "{svg}");
        // Half of the chart for half of the time.
        assert!(svg.contains("<rect x=\"205.00\" y=\"71\" width=\"395.00\""), "{svg}");
        assert!(svg.contains("width=\"120.00\""), "{svg}");
    }
}
