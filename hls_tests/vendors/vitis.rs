//! `#pragma HLS` as AMD's UG1399 documents it.

use super::source::{Kind, Pragma, Source, Variable};
use super::{Argument, arguments, is_function};

/// The place that a pragma needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Anywhere inside of a function.
    Body,
    /// The start of a function or a loop, before its first statement.
    Start,
    /// The start of a function.
    Function,
    /// The start of a loop.
    Loop,
    /// The body of the top function.
    Top,
}

/// The value that an argument takes.
#[derive(Clone, Copy)]
enum Value {
    /// None: the word stands alone, or has the value `true` or `false`.
    Flag,
    /// An integer of at least this.
    Number(i64),
    /// One of these, in any letter case.
    Words(&'static [&'static str]),
    /// One of these, which may also stand without its key.
    Bare(&'static [&'static str]),
    /// A variable that is declared at this place.
    Variable,
    /// Arguments of the function, separated by commas, or `return`.
    Ports,
    /// Operators or functions, separated by commas.
    Instances,
    /// A name of the user's choice.
    Name,
}

struct Rule {
    name: &'static str,
    place: Place,
    /// Keys, values, and whether each must be there.
    arguments: &'static [(&'static str, Value, bool)],
}

const STORAGE: &[&str] =
    &["fifo", "ram_1p", "ram_1wnr", "ram_2p", "ram_s2p", "ram_t2p", "rom_1p", "rom_2p", "rom_np"];

const INTERFACES: &[&str] = &[
    "ap_none",
    "ap_stable",
    "ap_vld",
    "ap_ack",
    "ap_hs",
    "ap_ovld",
    "ap_memory",
    "bram",
    "ap_fifo",
    "axis",
    "m_axi",
    "s_axilite",
    "ap_ctrl_none",
    "ap_ctrl_hs",
    "ap_ctrl_chain",
];

/// Modes of an interface for scalars: an array needs to be partitioned or reshaped for them.
const WIRES: &[&str] = &["ap_none", "ap_stable", "ap_vld", "ap_ack", "ap_hs", "ap_ovld"];

const OPERATORS: &[&str] = &[
    "add", "sub", "mul", "sdiv", "udiv", "srem", "urem", "icmp", "shl", "lshr", "ashr", "and",
    "or", "xor", "select", "fadd", "fsub", "fmul", "fdiv", "fcmp", "dadd", "dsub", "dmul", "ddiv",
];

const PARTITION: &[(&str, Value, bool)] = &[
    ("variable", Value::Variable, true),
    ("type", Value::Bare(&["cyclic", "block", "complete"]), true),
    ("factor", Value::Number(1), false),
    ("dim", Value::Number(0), false),
    ("off", Value::Flag, false),
];

const RULES: &[Rule] = &[
    Rule {
        name: "aggregate",
        place: Place::Body,
        arguments: &[
            ("variable", Value::Variable, true),
            ("compact", Value::Words(&["bit", "byte", "none", "auto"]), false),
        ],
    },
    Rule {
        name: "allocation",
        place: Place::Body,
        arguments: &[
            ("type", Value::Bare(&["operation", "function"]), true),
            ("instances", Value::Instances, true),
            ("limit", Value::Number(1), true),
        ],
    },
    Rule { name: "array_partition", place: Place::Body, arguments: PARTITION },
    Rule { name: "array_reshape", place: Place::Body, arguments: PARTITION },
    Rule {
        name: "bind_op",
        place: Place::Body,
        arguments: &[
            ("variable", Value::Variable, true),
            ("op", Value::Words(OPERATORS), true),
            (
                "impl",
                Value::Words(&[
                    "dsp",
                    "fabric",
                    "meddsp",
                    "fulldsp",
                    "maxdsp",
                    "primitivedsp",
                    "auto",
                    "none",
                ]),
                false,
            ),
            ("latency", Value::Number(-1), false),
        ],
    },
    Rule {
        name: "bind_storage",
        place: Place::Body,
        arguments: &[
            ("variable", Value::Variable, true),
            ("type", Value::Words(STORAGE), true),
            (
                "impl",
                Value::Words(&[
                    "bram", "bram_ecc", "lutram", "uram", "uram_ecc", "srl", "memory", "auto",
                ]),
                false,
            ),
            ("latency", Value::Number(-1), false),
        ],
    },
    Rule {
        name: "dataflow",
        place: Place::Start,
        arguments: &[("disable_start_propagation", Value::Flag, false)],
    },
    Rule {
        name: "dependence",
        place: Place::Body,
        arguments: &[
            ("variable", Value::Variable, false),
            ("class", Value::Bare(&["array", "pointer"]), false),
            ("type", Value::Bare(&["inter", "intra"]), false),
            ("direction", Value::Bare(&["raw", "war", "waw"]), false),
            ("distance", Value::Number(1), false),
            ("dependent", Value::Bare(&["true", "false"]), true),
        ],
    },
    Rule {
        name: "disaggregate",
        place: Place::Body,
        arguments: &[("variable", Value::Variable, true)],
    },
    Rule {
        name: "expression_balance",
        place: Place::Start,
        arguments: &[("off", Value::Flag, false)],
    },
    Rule {
        name: "function_instantiate",
        place: Place::Body,
        arguments: &[("variable", Value::Variable, true)],
    },
    Rule {
        name: "inline",
        place: Place::Function,
        arguments: &[("off", Value::Flag, false), ("recursive", Value::Flag, false)],
    },
    Rule {
        name: "interface",
        place: Place::Top,
        arguments: &[
            ("mode", Value::Bare(INTERFACES), true),
            ("port", Value::Ports, true),
            ("bundle", Value::Name, false),
            ("depth", Value::Number(1), false),
            ("latency", Value::Number(0), false),
            ("name", Value::Name, false),
            ("offset", Value::Words(&["off", "direct", "slave"]), false),
            ("register", Value::Flag, false),
            ("register_mode", Value::Words(&["both", "forward", "reverse", "off"]), false),
            ("storage_type", Value::Words(STORAGE), false),
        ],
    },
    Rule {
        name: "latency",
        place: Place::Body,
        arguments: &[("min", Value::Number(0), false), ("max", Value::Number(0), false)],
    },
    Rule { name: "loop_flatten", place: Place::Loop, arguments: &[("off", Value::Flag, false)] },
    Rule { name: "loop_merge", place: Place::Start, arguments: &[("force", Value::Flag, false)] },
    Rule {
        name: "loop_tripcount",
        place: Place::Loop,
        arguments: &[
            ("min", Value::Number(0), false),
            ("max", Value::Number(0), true),
            ("avg", Value::Number(0), false),
        ],
    },
    Rule {
        name: "occurrence",
        place: Place::Body,
        arguments: &[("cycle", Value::Number(1), false), ("off", Value::Flag, false)],
    },
    Rule {
        name: "performance",
        place: Place::Start,
        arguments: &[
            ("target_ti", Value::Number(1), false),
            ("target_tl", Value::Number(1), false),
            ("assume_ti", Value::Number(1), false),
            ("assume_tl", Value::Number(1), false),
            ("unit", Value::Words(&["cycle", "sec"]), false),
        ],
    },
    Rule {
        name: "pipeline",
        place: Place::Start,
        arguments: &[
            ("ii", Value::Number(1), false),
            ("off", Value::Flag, false),
            ("rewind", Value::Flag, false),
            ("style", Value::Words(&["stp", "frp", "flp"]), false),
        ],
    },
    Rule {
        name: "protocol",
        place: Place::Body,
        arguments: &[("mode", Value::Bare(&["floating", "fixed"]), false)],
    },
    Rule {
        name: "reset",
        place: Place::Body,
        arguments: &[("variable", Value::Variable, true), ("off", Value::Flag, false)],
    },
    Rule { name: "stable", place: Place::Body, arguments: &[("variable", Value::Variable, true)] },
    Rule {
        name: "stream",
        place: Place::Body,
        arguments: &[
            ("variable", Value::Variable, true),
            ("type", Value::Words(&["fifo", "pipo", "shared", "unsync"]), false),
            ("depth", Value::Number(1), false),
        ],
    },
    Rule { name: "top", place: Place::Top, arguments: &[("name", Value::Name, false)] },
    Rule {
        name: "unroll",
        place: Place::Loop,
        arguments: &[
            ("factor", Value::Number(1), false),
            ("skip_exit_check", Value::Flag, false),
            ("off", Value::Flag, false),
        ],
    },
];

/// A pragma with its arguments by key, keys in lower case.
struct Read<'a> {
    pragma: &'a Pragma,
    name: &'static str,
    values: Vec<(&'static str, String)>,
}

impl Read<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str())
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.get(key)?.parse().ok()
    }
}

pub(super) fn check(
    source: &Source,
    top: &str,
    globals: &[Variable],
    report: &mut impl FnMut(&Pragma, String),
) {
    let mut all: Vec<Read<'_>> = vec![];
    for pragma in &source.pragmas {
        let place = Surroundings { source, pragma, top, globals };
        match place.read() {
            Err(complaint) => report(pragma, complaint),
            Ok(read) => {
                if let Err(complaint) = place.fits(&read, &all) {
                    report(pragma, complaint);
                }
                all.push(read);
            }
        }
    }
    for read in all.iter().filter(|read| read.name == "interface") {
        if let Err(complaint) = ports_are_wires(source, read, &all) {
            report(read.pragma, complaint);
        }
    }
}

/// A pragma and what it may refer to.
struct Surroundings<'a> {
    source: &'a Source,
    pragma: &'a Pragma,
    top: &'a str,
    globals: &'a [Variable],
}

impl<'a> Surroundings<'a> {
    /// The arguments, if each is known and has a legal value.
    fn read(&self) -> Result<Read<'a>, String> {
        let words = self.pragma.text.split_once(char::is_whitespace);
        let Some((_, words)) = words.filter(|(vendor, _)| *vendor == "HLS") else {
            return Err("no pragma of Vitis HLS".into());
        };
        let mut words = arguments(words).into_iter();
        let name = words.next().map_or(String::new(), |word| word.value.to_lowercase());
        let rule = RULES.iter().find(|rule| rule.name == name);
        let rule = rule.ok_or_else(|| format!("no pragma is called '{name}'"))?;
        self.stands(rule.place)?;
        let mut values: Vec<(&'static str, String)> = vec![];
        for Argument { key, value } in words {
            let key = key.map(|key| key.to_lowercase());
            let known = rule.arguments.iter().find(|(known, kind, _)| match (&key, kind) {
                (Some(key), _) => key == known,
                (None, Value::Flag) => value == *known,
                (None, Value::Bare(words)) => words.contains(&&*value.to_lowercase()),
                (None, _) => false,
            });
            let Some((known, kind, _)) = known else {
                return Err(format!("no argument '{}'", key.unwrap_or(value)));
            };
            if values.iter().any(|(other, _)| other == known) {
                return Err(format!("'{known}' twice"));
            }
            self.is_legal(known, *kind, key.is_some(), &value)?;
            values.push((known, value));
        }
        for (key, _, _) in rule.arguments.iter().filter(|(_, _, required)| *required) {
            if !values.iter().any(|(known, _)| known == key) {
                return Err(format!("'{key}' is missing"));
            }
        }
        Ok(Read { pragma: self.pragma, name: rule.name, values })
    }

    fn stands(&self, place: Place) -> Result<(), String> {
        let Some(function) = self.source.function(&self.pragma.scopes) else {
            return Err("outside of every function".into());
        };
        let inner = self.pragma.scopes.last().map(|scope| &self.source.scopes[*scope].kind);
        let in_loop = matches!(inner, Some(Kind::Loop { .. }));
        let in_function = matches!(inner, Some(Kind::Function { .. }));
        let in_top = is_function(&self.source.scopes[function].kind, self.top);
        let leads = self.pragma.leads;
        match place {
            Place::Body => Ok(()),
            Place::Start if leads && (in_loop || in_function) => Ok(()),
            Place::Start => Err("not at the start of a function or a loop".into()),
            Place::Function if leads && in_function => Ok(()),
            Place::Function => Err("not at the start of a function".into()),
            Place::Loop if leads && in_loop => Ok(()),
            Place::Loop => Err("not at the start of a loop".into()),
            Place::Top if in_top && in_function => Ok(()),
            Place::Top => Err("not in the top function".into()),
        }
    }

    fn is_legal(&self, key: &str, kind: Value, keyed: bool, value: &str) -> Result<(), String> {
        let good = match kind {
            Value::Flag => !keyed || ["true", "false"].contains(&value),
            Value::Number(least) => value.parse::<i64>().is_ok_and(|number| number >= least),
            Value::Words(words) | Value::Bare(words) => words.contains(&&*value.to_lowercase()),
            Value::Variable => {
                self.variable(value)?;
                true
            }
            Value::Ports => {
                for port in value.split(',').filter(|port| *port != "return") {
                    if !self.variable(port)?.is_parameter {
                        return Err(format!("'{port}' is no argument of the top function"));
                    }
                }
                true
            }
            Value::Instances => value.split(',').all(|instance| {
                let function = |scope: &super::source::Scope| is_function(&scope.kind, instance);
                OPERATORS.contains(&instance) || self.source.scopes.iter().any(function)
            }),
            Value::Name => !value.is_empty(),
        };
        if good { Ok(()) } else { Err(format!("'{key}' cannot be '{value}'")) }
    }

    /// The variable that a name stands for: declared before the pragma, or a constant that the
    /// function uses.
    fn variable(&self, name: &str) -> Result<&'a Variable, String> {
        let local = self.pragma.visible.iter().rev().find(|variable| variable.name == name);
        if let Some(local) = local {
            return Ok(local);
        }
        let function = self.source.function(&self.pragma.scopes);
        let used = |id: usize| self.source.scopes[id].mentions.contains(name);
        match self.globals.iter().find(|variable| variable.name == name) {
            None => Err(format!("the function declares no '{name}'")),
            Some(_) if !function.is_some_and(used) => {
                Err(format!("the function does not use '{name}'"))
            }
            Some(global) => Ok(global),
        }
    }

    /// Checks arguments against each other, and the pragma against those before it.
    fn fits(&self, read: &Read<'a>, before: &[Read<'a>]) -> Result<(), String> {
        let here = |other: &&Read<'_>| other.pragma.scopes == self.pragma.scopes;
        let same = before.iter().filter(here).find(|other| match read.name {
            "array_partition" | "array_reshape" => {
                other.name.starts_with("array_")
                    && other.get("variable") == read.get("variable")
                    && (other.get("dim") == read.get("dim")
                        || [other, &read]
                            .iter()
                            .any(|it| it.get("dim").is_none_or(|dim| dim == "0")))
            }
            "pipeline" | "unroll" | "dataflow" | "inline" | "loop_tripcount" => {
                other.name == read.name
            }
            "interface" => other.name == "interface" && other.get("port") == read.get("port"),
            _ => false,
        });
        if let Some(same) = same {
            return Err(format!("line {} says the same or the contrary", same.pragma.line));
        }
        let has = |name: &str| before.iter().filter(here).find(|other| other.name == name);
        match read.name {
            "array_partition" | "array_reshape" => self.partition_fits(read),
            "allocation" if read.values.first().is_none_or(|(key, _)| *key != "type") => {
                Err("'operation' or 'function' must come first".into())
            }
            "pipeline" if has("dataflow").is_some() => {
                Err("dataflow and pipeline of one scope".into())
            }
            "dataflow" if has("pipeline").is_some() => {
                Err("dataflow and pipeline of one scope".into())
            }
            "pipeline" if has("unroll").is_some_and(|unroll| unroll.get("factor").is_none()) => {
                Err("a loop that is unrolled fully is no pipeline".into())
            }
            "unroll" if read.get("factor").is_none() && has("pipeline").is_some() => {
                Err("a loop that is a pipeline is not unrolled fully".into())
            }
            "unroll" => {
                let scope = self.source.innermost(&self.pragma.scopes);
                let trips = scope.and_then(|scope| match self.source.scopes[scope].kind {
                    Kind::Loop { trips } => trips,
                    Kind::Function { .. } | Kind::Other => None,
                });
                match (read.number("factor"), trips) {
                    (Some(factor), Some(trips)) if factor > trips => {
                        Err(format!("the loop has {trips} iterations"))
                    }
                    _ => Ok(()),
                }
            }
            "pipeline" => {
                let outer = &self.pragma.scopes[..self.pragma.scopes.len() - 1];
                let function = self.source.function(outer);
                let inside = before.iter().find(|other| {
                    other.name == "pipeline"
                        && other.pragma.scopes.last().is_some_and(|scope| outer.contains(scope))
                        && function.is_some()
                });
                inside.map_or(Ok(()), |other| {
                    Err(format!("inside of the pipeline of line {}", other.pragma.line))
                })
            }
            _ => Ok(()),
        }
    }

    fn partition_fits(&self, read: &Read<'_>) -> Result<(), String> {
        let name = read.get("variable").expect("'variable' is required");
        let axes = &self.variable(name)?.axes;
        if axes.is_empty() {
            return Err(format!("'{name}' is no array"));
        }
        let dim = read.number("dim").unwrap_or(1);
        if dim > axes.len() as u64 {
            return Err(format!("'{name}' has {} axes", axes.len()));
        }
        let complete = read.get("type").is_some_and(|kind| kind.eq_ignore_ascii_case("complete"));
        match read.number("factor") {
            Some(_) if complete => Err("'complete' takes no factor".into()),
            None if !complete => Err("'factor' is missing".into()),
            Some(factor) => {
                let length = axes[(dim.max(1) - 1) as usize];
                if factor > length {
                    return Err(format!("'{name}' has {length} elements"));
                }
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// Every array among the ports of an interface of wires is partitioned or reshaped completely.
fn ports_are_wires(source: &Source, interface: &Read<'_>, all: &[Read<'_>]) -> Result<(), String> {
    if !interface.get("mode").is_some_and(|mode| WIRES.contains(&mode)) {
        return Ok(());
    }
    for port in interface.get("port").into_iter().flat_map(|ports| ports.split(',')) {
        let function = source.function(&interface.pragma.scopes);
        let is_array = function.is_some_and(|function| match &source.scopes[function].kind {
            Kind::Function { parameters, .. } => {
                parameters.iter().any(|it| it.name == port && !it.axes.is_empty())
            }
            Kind::Loop { .. } | Kind::Other => false,
        });
        let split = all.iter().any(|read| {
            read.name.starts_with("array_")
                && read.get("variable") == Some(port)
                && read.get("type").is_some_and(|kind| kind.eq_ignore_ascii_case("complete"))
                && source.function(&read.pragma.scopes) == function
        });
        if is_array && !split {
            return Err(format!(
                "'{port}' is an array, neither partitioned nor reshaped completely"
            ));
        }
    }
    Ok(())
}
