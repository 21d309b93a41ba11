//! The rule that no array is registers, element by element, and read or written at an index that
//! varies while the hardware runs: each such access is a multiplexer over the whole array.

use std::collections::{BTreeMap, BTreeSet};

use super::Vendor;

/// The arrays that are registers.
pub enum Registers {
    /// Those that a pragma of Vitis partitions completely.
    Partitioned,
    /// Those with fewer elements than Catapult's threshold, but for those whose words a directive of the
    /// script states: function and name. Others have a pragma.
    Below { threshold: usize, memories: BTreeSet<(String, String)> },
}

impl Registers {
    /// The rule of a `vendor`, whose script makes these `calls`, a line each.
    pub fn of(vendor: Vendor, calls: &str) -> Self {
        if vendor == Vendor::Vitis {
            return Self::Partitioned;
        }
        let after = |text: &str| -> Option<usize> {
            calls.split_once(text)?.1.split_whitespace().next()?.parse().ok()
        };
        let threshold = after("Architectural/DefaultMemMapThreshold ").unwrap_or(0);
        let mapped = calls.lines().filter(|line| line.contains(" -WORD_WIDTH "));
        let memories = mapped.filter_map(|line| {
            let (function, array) = line.split_once("/core/")?;
            let (array, _) = array.split_once(' ')?;
            Some((function.rsplit('/').next()?.to_owned(), array.to_owned()))
        });
        Self::Below { threshold, memories: memories.collect() }
    }

    /// The array that `line` of `function` declares or partitions, if it is registers.
    fn declared(&self, function: &str, line: &str) -> Option<String> {
        match self {
            Self::Partitioned => {
                let rest = line.strip_prefix("#pragma HLS ARRAY_PARTITION variable=")?;
                Some(rest.strip_suffix(" complete dim=0")?.to_owned())
            }
            Self::Below { .. } if line.starts_with("#pragma hls_resource ") => {
                let (name, module) = line["#pragma hls_resource ".len()..].split_once(":rsc ")?;
                module.ends_with("map_to_module=\"[Register]\"").then(|| name.to_owned())
            }
            Self::Below { threshold, memories } => {
                let declaration = line.strip_suffix("];")?;
                let (head, lengths) = declaration.split_once('[')?;
                let [_, name] = head.split(' ').collect::<Vec<_>>()[..] else { return None };
                let lengths: Result<Vec<usize>, _> =
                    lengths.split("][").map(str::parse::<usize>).collect();
                let is_short = lengths.ok()?.iter().product::<usize>() < *threshold;
                let place = (function.to_owned(), name.to_owned());
                (is_short && !memories.contains(&place)).then_some(place.1)
            }
        }
    }

    /// The ports of Catapult's top function that are wires.
    fn ports(&self, text: &str) -> Vec<String> {
        let port = |line: &str| {
            let (name, rest) = line.strip_prefix("#pragma hls_resource ")?.split_once(":rsc ")?;
            rest.contains("map_to_module=\"ccs_ioport.").then(|| name.to_owned())
        };
        text.lines().filter_map(port).collect()
    }
}

/// A function of generated C++: the names of its parameters, those of them that are numbers, and its
/// lines.
struct Function<'t> {
    name: &'t str,
    parameters: Vec<&'t str>,
    numbers: Vec<&'t str>,
    lines: Vec<(usize, &'t str)>,
}

/// Complaints about generated C++: a line and an access each. An array is registers there, or in a
/// function that passes it on; the lanes of a token are.
pub fn complaints(text: &str, rule: &Registers) -> Vec<String> {
    let functions = functions(text);
    let mut registers: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for function in &functions {
        let declared = |(_, line): &(usize, &str)| rule.declared(function.name, line);
        registers.insert(function.name, function.lines.iter().filter_map(declared).collect());
    }
    if let Some(top) = functions.last() {
        registers.entry(top.name).or_default().extend(rule.ports(text));
    }
    // Callers follow the functions that they call.
    for caller in functions.iter().rev() {
        for callee in &functions {
            for (_, line) in &caller.lines {
                let Some(arguments) = arguments(line, callee.name) else { continue };
                let passed = arguments.split(',').map(str::trim).zip(&callee.parameters);
                let own = registers.get(caller.name).cloned().unwrap_or_default();
                let is_registers =
                    |argument: &str| own.contains(argument) || argument.ends_with(".lanes");
                let passed = passed.filter(|(argument, _)| is_registers(argument));
                let passed: Vec<String> = passed.map(|(_, name)| (*name).to_owned()).collect();
                registers.entry(callee.name).or_default().extend(passed);
            }
        }
    }
    functions.iter().flat_map(|function| varying(function, &registers[function.name])).collect()
}

/// The arguments of a call of the function or template `name`, if `line` is one.
fn arguments<'t>(line: &'t str, name: &str) -> Option<&'t str> {
    let rest = line.strip_prefix(name)?;
    let rest = match rest.starts_with('<') {
        true => rest.split_once('>')?.1,
        false => rest,
    };
    rest.strip_prefix('(')?.strip_suffix(");")
}

/// The functions of `text`, which begin and end at the margin.
fn functions(text: &str) -> Vec<Function<'_>> {
    let mut functions: Vec<Function<'_>> = Vec::new();
    let mut is_inside = false;
    for (number, line) in text.lines().enumerate() {
        let head = match line.starts_with("template <") {
            true => line.split_once("> ").map_or(line, |(_, rest)| rest),
            false => line,
        };
        let head = head.trim_start_matches("static ").strip_prefix("void ");
        if let Some((name, rest)) = head.and_then(|head| head.split_once('(')) {
            let list = rest.rsplit_once(')').map_or(rest, |(list, _)| list);
            let parameter = |text: &'_ str| -> Option<usize> {
                let name = text.split('[').next()?.trim_end();
                Some(name.rfind([' ', '&', '*'])? + 1)
            };
            let parameters = list.split(',').map(|text| {
                let from = parameter(text).unwrap_or(0);
                text[from..].split('[').next().unwrap_or_default().trim()
            });
            let numbers = list.split(',').filter_map(|text| text.trim().strip_prefix("const int "));
            functions.push(Function {
                name,
                parameters: parameters.collect(),
                numbers: numbers.collect(),
                lines: vec![],
            });
            is_inside = true;
        } else if line == "}" {
            is_inside = false;
        } else if let Some(function) = functions.last_mut().filter(|_| is_inside) {
            function.lines.push((number + 1, line.trim()));
        }
    }
    functions
}

/// The words of an expression.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// The accesses to `registers`, and to lanes of tokens, at an index with a number that varies: the
/// variable of a loop that is not unrolled, an argument, a counter, or what is computed from one.
fn varying(function: &Function<'_>, registers: &BTreeSet<String>) -> Vec<String> {
    // The variables of each pair of braces around a line, none for an unrolled loop.
    let mut scopes: Vec<Vec<&str>> = vec![function.numbers.clone()];
    let mut found = Vec::new();
    let lines = &function.lines;
    for (position, (number, line)) in lines.iter().enumerate() {
        if line.starts_with('}') {
            scopes.pop();
        }
        let varies = |text: &str, scopes: &[Vec<&str>]| -> Option<String> {
            let variable = words(text).find(|word| scopes.iter().flatten().any(|it| it == word));
            variable.map(str::to_owned)
        };
        for name in registers.iter().map(String::as_str).chain(["lanes"]) {
            for (at, _) in line.match_indices(&format!("{name}[")) {
                let index = line[at + name.len() + 1..].split("];").next().unwrap_or_default();
                let index = subscripts(index);
                let before = line[..at].chars().next_back();
                let is_whole = match name == "lanes" {
                    true => before == Some('.'),
                    false => !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.'),
                };
                if let Some(variable) = varies(index, &scopes).filter(|_| is_whole) {
                    found.push(format!(
                        "line {number}: '{name}' is registers, its index varies with '{variable}'"
                    ));
                }
            }
        }
        let declared = |kind: &str| line.strip_prefix(kind)?.strip_suffix(';')?.split_once(" = ");
        if let Some((name, _)) = declared("int ") {
            scopes.last_mut().expect("the function's own scope").push(name);
        }
        if let Some((name, value)) = declared("const int ")
            && varies(value, &scopes).is_some()
        {
            scopes.last_mut().expect("the function's own scope").push(name);
        }
        if line.ends_with('{') {
            let head = line.split_once("for (int ").map(|(_, rest)| rest);
            let variable = head.and_then(|rest| rest.split(' ').next());
            let is_pragma = |line: &&str| line.starts_with("#pragma");
            let inside = lines[position + 1..].iter().map(|(_, line)| *line).take_while(is_pragma);
            let before = lines[..position].iter().rev().map(|(_, line)| *line);
            let is_unrolled = inside.clone().any(|line| line == "#pragma HLS UNROLL")
                || before.take_while(is_pragma).any(|line| line == "#pragma hls_unroll yes");
            scopes.push(variable.filter(|_| !is_unrolled).into_iter().collect());
        }
    }
    found
}

/// The subscripts of an access, from behind the first bracket on.
fn subscripts(text: &str) -> &str {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 && !text[at + 1..].starts_with('[') {
            return &text[..at];
        }
    }
    text
}
