//! The memories that pragmas and directives make of arrays, and their ports.

use std::collections::{BTreeMap, BTreeSet};

use super::program::{Function, Program, Statement, Variable, variable};
use super::{Vendor, arguments};

/// The words of a memory that can be accessed in a clock cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ports {
    pub reads: u64,
    pub writes: u64,
    pub all: u64,
}

impl Ports {
    const fn new(reads: u64, writes: u64, all: u64) -> Self {
        Self { reads, writes, all }
    }

    /// The ports of a memory of Vitis HLS of this `type` (UG1399, "pragma HLS bind_storage").
    fn of_vitis(kind: &str) -> Option<Self> {
        Some(match kind {
            "rom_1p" => Self::new(1, 0, 1),
            "rom_2p" => Self::new(2, 0, 2),
            // A copy for each reader.
            "rom_np" => Self::new(u32::MAX.into(), 0, u32::MAX.into()),
            "ram_1p" => Self::new(1, 1, 1),
            "ram_s2p" => Self::new(1, 1, 2),
            "ram_2p" => Self::new(2, 1, 2),
            "ram_t2p" => Self::TRUE_DUAL,
            _ => return None,
        })
    }

    /// A block RAM whose ports both read and write, which a tool may choose.
    const TRUE_DUAL: Self = Self::new(2, 2, 2);

    /// `BLOCK_1R1W_RBW` of Catapult's library.
    const READER_AND_WRITER: Self = Self::new(1, 1, 2);
}

/// The place of an axis of an array in its memories.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Axis {
    /// Each index is a word.
    Words,
    /// Each index is a memory.
    Banks,
    /// Index n is in memory n mod this.
    Interleaved(u64),
    /// So many consecutive indices are parts of a word.
    Parts(u64),
}

/// The memories of an array.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    places: Places,
    pub ports: Ports,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Places {
    /// By axis.
    Axes(Vec<Axis>),
    /// Row-major elements of an array of these `sizes`: `elements` in a word, and word n in memory n mod
    /// `interleaved`.
    Flat { sizes: Vec<u64>, elements: u64, interleaved: u64 },
}

/// An element's place: its memory, its word there, and its place in the word.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    pub bank: Vec<u64>,
    pub word: Vec<u64>,
    pub part: Vec<u64>,
}

impl Layout {
    /// Tells whether every element is a register.
    fn is_registers(&self) -> bool {
        matches!(&self.places, Places::Axes(axes) if axes.iter().all(|axis| *axis == Axis::Banks))
    }

    /// Elements of a word.
    pub fn elements(&self) -> u64 {
        match &self.places {
            Places::Flat { elements, .. } => *elements,
            Places::Axes(axes) => {
                let parts = axes.iter().map(|axis| match axis {
                    Axis::Parts(parts) => *parts,
                    Axis::Words | Axis::Banks | Axis::Interleaved(_) => 1,
                });
                parts.product()
            }
        }
    }

    /// The place of the element at `index`.
    pub fn place(&self, index: &[u64]) -> Place {
        let mut place = Place { bank: vec![], word: vec![], part: vec![] };
        match &self.places {
            Places::Axes(axes) => {
                for (axis, at) in axes.iter().zip(index) {
                    match axis {
                        Axis::Words => place.word.push(*at),
                        Axis::Banks => place.bank.push(*at),
                        Axis::Interleaved(banks) => {
                            place.bank.push(at % banks);
                            place.word.push(at / banks);
                        }
                        Axis::Parts(parts) => {
                            place.word.push(at / parts);
                            place.part.push(at % parts);
                        }
                    }
                }
            }
            Places::Flat { sizes, elements, interleaved } => {
                let at = sizes.iter().zip(index).fold(0, |sum, (size, at)| sum * size + at);
                let word = at / elements;
                place.bank = vec![word % interleaved];
                place.word = vec![word / interleaved];
                place.part = vec![at % elements];
            }
        }
        place
    }
}

/// The source of the memories of arrays: pragmas in the text, or the calls of a script.
pub enum Layouts<'c> {
    Vitis,
    Catapult {
        /// Arrays with fewer elements are registers.
        threshold: u64,
        /// The key and the value of each directive, by function and array, the function of a
        /// constant or of a port being empty.
        directives: BTreeMap<(&'c str, &'c str), Vec<(&'c str, &'c str)>>,
    },
}

impl<'c> Layouts<'c> {
    /// The memories of a `vendor`, whose script makes these `calls`, a line each.
    pub fn of(vendor: Vendor, calls: &'c str) -> Self {
        if vendor == Vendor::Vitis {
            return Self::Vitis;
        }
        let threshold = calls.split_once("Architectural/DefaultMemMapThreshold ");
        let threshold = threshold.and_then(|(_, it)| it.split_whitespace().next()?.parse().ok());
        let mut directives: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for line in
            calls.lines().filter_map(|line| line.trim().strip_prefix("CALL directive set /"))
        {
            let [path, key, value] = line.split(' ').collect::<Vec<_>>()[..] else { continue };
            let path = path.strip_suffix(":rsc").unwrap_or(path);
            let place = match path.split_once("/core/") {
                Some((function, array)) => (function.rsplit('/').next().unwrap_or(""), array),
                None => ("", path.rsplit('/').next().unwrap_or("").trim_end_matches(".rom")),
            };
            directives.entry(place).or_default().push((key, value));
        }
        Self::Catapult { threshold: threshold.unwrap_or(0), directives }
    }

    /// The memories that `function` names, besides those of its parameters that its callers pass: its
    /// own arrays, constants, and the ports of the `top` function. Constants that nothing is said of
    /// are tables, of which each reader has a copy.
    pub fn of_function<'t>(
        &self,
        program: &Program<'t>,
        function: &Function<'t>,
        top: &str,
    ) -> BTreeMap<&'t str, Layout> {
        let mut found = Found::default();
        found.add(&function.body);
        let ports = function.parameters.iter().filter(|it| !it.axes.is_empty());
        let own = found.arrays.iter().chain(ports.filter(|_| function.name == top));
        let constants = program.constants.iter();
        let constants = constants.filter(|(name, _)| found.words.contains(*name));
        let layouts = match self {
            Self::Vitis => {
                let own = own.map(|it| (it.name, of_pragmas(it.name, &it.axes, &found.pragmas)));
                let constants = constants.filter(|(name, _)| {
                    found.pragmas.iter().any(|pragma| pragma.contains(&format!("variable={name} ")))
                });
                let constants =
                    constants.map(|(name, _)| (*name, of_pragmas(name, &[1], &found.pragmas)));
                own.chain(constants).collect::<BTreeMap<_, _>>()
            }
            Self::Catapult { threshold, directives } => {
                let said = found.pragmas.iter().chain(&function.pragmas);
                let said: Vec<&str> = said.copied().collect();
                let is_wires = |name: &str| {
                    let resource = format!("#pragma hls_resource {name}:rsc ");
                    said.iter().any(|line| line.starts_with(&resource))
                };
                let width = |ty: &str| program.widths.get(ty).copied().unwrap_or(1);
                let own = own.filter_map(|it| {
                    // Ports of the top function that are no wires are memories, however short.
                    let is_port = function.parameters.iter().any(|port| port.name == it.name);
                    let scope = if is_port { "" } else { function.name };
                    let directives = directives.get(&(scope, it.name));
                    let is_long = it.axes.iter().product::<u64>() >= *threshold;
                    let is_memory = is_port || is_long || directives.is_some();
                    let directives = directives.map_or(&[][..], |it| &it[..]);
                    let layout = || of_directives(&it.axes, width(it.ty), directives);
                    (is_memory && !is_wires(it.name)).then(|| (it.name, layout()))
                });
                let constants = constants.filter_map(|(name, ty)| {
                    let directives = directives.get(&("", *name))?;
                    let is_registers =
                        directives.iter().any(|(_, value)| value.contains("[Register]"));
                    let layout = || of_directives(&[1], width(ty), directives);
                    (!is_registers).then(|| (*name, layout()))
                });
                own.chain(constants).collect()
            }
        };
        layouts.into_iter().filter(|(_, layout)| !layout.is_registers()).collect()
    }
}

/// The arrays, pragmas and words of statements.
#[derive(Default)]
struct Found<'t> {
    arrays: Vec<Variable<'t>>,
    pragmas: Vec<&'t str>,
    words: BTreeSet<&'t str>,
}

impl<'t> Found<'t> {
    fn add(&mut self, statements: &[Statement<'t>]) {
        for statement in statements {
            match statement {
                Statement::Pragma(line) => self.pragmas.push(line),
                Statement::Loop(it) => self.add(&it.body),
                Statement::Block(head, body) => {
                    self.words.extend(words(head));
                    self.add(body);
                }
                Statement::Plain(line) => {
                    self.words.extend(words(line));
                    self.arrays.extend(declared(line));
                }
            }
        }
    }
}

/// The words of an expression.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// The array that `line` declares.
pub fn declared(line: &str) -> Option<Variable<'_>> {
    let declaration = line.strip_suffix("];")?;
    let is_access = ["=", "(", "."].iter().any(|mark| declaration.contains(mark));
    variable(declaration).filter(|it| !is_access && !it.axes.is_empty())
}

/// The memories of the array `name` with these `axes` under pragmas of Vitis.
fn of_pragmas(name: &str, axes: &[u64], pragmas: &[&str]) -> Layout {
    let (mut places, mut ports) = (vec![Axis::Words; axes.len()], Ports::TRUE_DUAL);
    for pragma in pragmas {
        let words = arguments(pragma.strip_prefix("#pragma HLS ").unwrap_or_default());
        let value = |key: &str| {
            let same = |it: &&super::Argument| it.key.as_deref() == Some(key);
            words.iter().find(same).map(|it| it.value.as_str())
        };
        let number = |key: &str| value(key).and_then(|value| value.parse::<u64>().ok());
        if value("variable") != Some(name) {
            continue;
        }
        let is_complete = words.iter().any(|it| it.key.is_none() && it.value == "complete");
        let factor = number("factor").unwrap_or(1);
        let axis = |len: u64| match (words[0].value.as_str(), is_complete) {
            ("ARRAY_PARTITION", true) => Some(Axis::Banks),
            ("ARRAY_PARTITION", false) => Some(Axis::Interleaved(factor)),
            ("ARRAY_RESHAPE", true) => Some(Axis::Parts(len)),
            ("ARRAY_RESHAPE", false) => Some(Axis::Parts(factor)),
            _ => None,
        };
        if words[0].value == "BIND_STORAGE" {
            ports = value("type").and_then(Ports::of_vitis).unwrap_or(ports);
        }
        let dim = number("dim").unwrap_or(1) as usize;
        for (at, (place, len)) in places.iter_mut().zip(axes).enumerate() {
            *place = axis(*len).filter(|_| dim == 0 || dim == at + 1).unwrap_or(*place);
        }
    }
    Layout { places: Places::Axes(places), ports }
}

/// The memories of an array of these `sizes` with elements of `width` bits under directives of Catapult.
fn of_directives(sizes: &[u64], width: u64, directives: &[(&str, &str)]) -> Layout {
    let number = |key: &str| {
        let same = directives.iter().find(|(it, _)| *it == key);
        same.and_then(|(_, value)| value.parse::<u64>().ok())
    };
    let elements = number("-WORD_WIDTH").map_or(1, |bits| bits / width);
    let interleaved = number("-INTERLEAVE").unwrap_or(1);
    let places = Places::Flat { sizes: sizes.to_vec(), elements, interleaved };
    Layout { places, ports: Ports::READER_AND_WRITER }
}
