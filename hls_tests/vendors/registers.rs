//! The rule that no array is registers, element by element, and read or written at an index that
//! varies while the hardware runs: each such access is a multiplexer over the whole array.

use std::collections::{BTreeMap, BTreeSet};

/// A function of generated C++: the names of its parameters and its lines.
struct Function<'t> {
    name: &'t str,
    parameters: Vec<&'t str>,
    lines: Vec<(usize, &'t str)>,
}

/// Complaints about C++ for Vitis: a line and an access each. An array is registers if a pragma
/// partitions it completely, there or in a function that passes it on.
pub fn complaints(text: &str) -> Vec<String> {
    let functions = functions(text);
    let mut registers: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for function in &functions {
        let declared = function.lines.iter().filter_map(|(_, line)| partitioned(line));
        registers.insert(function.name, declared.collect());
    }
    // Callers follow the functions that they call.
    for caller in functions.iter().rev() {
        for callee in &functions {
            for (_, line) in &caller.lines {
                let Some(rest) = line.strip_prefix(callee.name) else { continue };
                let Some(arguments) = rest.strip_prefix('(').and_then(|it| it.strip_suffix(");"))
                else {
                    continue;
                };
                let passed = arguments.split(',').map(str::trim).zip(&callee.parameters);
                let own = registers.get(caller.name).cloned().unwrap_or_default();
                let passed = passed.filter(|(argument, _)| own.contains(*argument));
                let passed: Vec<String> = passed.map(|(_, name)| (*name).to_owned()).collect();
                registers.entry(callee.name).or_default().extend(passed);
            }
        }
    }
    functions.iter().flat_map(|function| varying(function, &registers[function.name])).collect()
}

/// The array that a pragma partitions completely.
fn partitioned(line: &str) -> Option<String> {
    let rest = line.strip_prefix("#pragma HLS ARRAY_PARTITION variable=")?;
    let name = rest.strip_suffix(" complete dim=0")?;
    Some(name.to_owned())
}

/// The functions of `text`, which begin and end at the margin.
fn functions(text: &str) -> Vec<Function<'_>> {
    let mut functions: Vec<Function<'_>> = Vec::new();
    let mut is_inside = false;
    for (number, line) in text.lines().enumerate() {
        let head = line.trim_start_matches("static ").strip_prefix("void ");
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
            functions.push(Function { name, parameters: parameters.collect(), lines: vec![] });
            is_inside = true;
        } else if line == "}" {
            is_inside = false;
        } else if let Some(function) = functions.last_mut().filter(|_| is_inside) {
            function.lines.push((number + 1, line.trim()));
        }
    }
    functions
}

/// The accesses to `registers` at an index with the variable of a loop that is not unrolled.
fn varying(function: &Function<'_>, registers: &BTreeSet<String>) -> Vec<String> {
    // The variable of each loop around a line; none for other braces, and unrolled loops.
    let mut scopes: Vec<Option<&str>> = Vec::new();
    let mut found = Vec::new();
    let lines = &function.lines;
    for (position, (number, line)) in lines.iter().enumerate() {
        if line.starts_with('}') {
            scopes.pop();
        }
        for name in registers {
            for (at, _) in line.match_indices(&format!("{name}[")) {
                let index = line[at + name.len() + 1..].split(']').next().unwrap_or_default();
                let words = || index.split(|c: char| !c.is_alphanumeric() && c != '_');
                let is_whole =
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
                let mut variables = scopes.iter().flatten();
                if let Some(variable) = variables.find(|it| is_whole && words().any(|w| w == **it))
                {
                    found.push(format!(
                        "line {number}: '{name}' is registers, its index varies with '{variable}'"
                    ));
                }
            }
        }
        if line.ends_with('{') {
            let head = line.split_once("for (int ").map(|(_, rest)| rest);
            let variable = head.and_then(|rest| rest.split(' ').next());
            let pragmas = lines[position + 1..].iter().map(|(_, line)| *line);
            let mut pragmas = pragmas.take_while(|line| line.starts_with("#pragma"));
            let is_unrolled = pragmas.any(|line| line == "#pragma HLS UNROLL");
            scopes.push(variable.filter(|_| !is_unrolled));
        }
    }
    found
}
