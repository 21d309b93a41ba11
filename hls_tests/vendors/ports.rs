//! The rule that an iteration of a pipeline accesses no memory more often than it has ports in the
//! clock cycles of the iteration, and that it writes whole words.
//!
//! It runs the integer arithmetic of generated C++: unrolled loops in full, and of any other loop the
//! first iteration, the last one and one between them. Counters have any value of their type. Both
//! branches of a condition count.

use std::collections::{BTreeMap, BTreeSet};

use super::Vendor;
use super::layouts::{Layout, Layouts, Place, declared, words};
use super::program::{Execution, Function, Loop, Names, Program, Statement, interval};

/// Complaints about generated C++ with these `texts`, whose script makes these `calls`.
pub fn complaints(vendor: Vendor, top: &str, texts: &[&str], calls: &str) -> Vec<String> {
    let mut program = Program::default();
    for text in texts {
        program.read(text);
    }
    let layouts = Layouts::of(vendor, calls);
    let layouts: BTreeMap<_, _> = (program.functions.iter())
        .map(|function| (function.name, layouts.of_function(&program, function, top)))
        .collect();
    let (found, drawn) = (BTreeSet::new(), 1);
    let mut walk = Walk { program: &program, layouts: &layouts, top, found, drawn };
    match program.function(top) {
        Some(function) => walk.call(function, Passed::default(), None),
        None => return vec![format!("no function '{top}'")],
    }
    walk.found.into_iter().collect()
}

/// An array that is a memory, by the function that declares it and its name there.
type Array<'w> = (&'w str, &'w str);

#[derive(Clone, Copy)]
struct Memory<'w> {
    array: Array<'w>,
    layout: &'w Layout,
}

/// The memories and numbers that a function gets, by its names of them.
#[derive(Default)]
struct Passed<'w> {
    memories: BTreeMap<&'w str, Memory<'w>>,
    numbers: BTreeMap<&'w str, i64>,
}

/// The names of a function while it runs.
struct Scope<'w> {
    function: &'w Function<'w>,
    /// Set if the functions that it calls run side by side.
    is_dataflow: bool,
    memories: BTreeMap<&'w str, Memory<'w>>,
    numbers: BTreeMap<&'w str, i64>,
    /// Variables that change, each with the number of its values.
    counters: BTreeMap<&'w str, i64>,
}

/// The accesses of an iteration, by array and bank.
struct Iteration<'w> {
    /// Its clock cycles.
    interval: u64,
    banks: BTreeMap<(Array<'w>, Vec<u64>), Accesses<'w>>,
}

/// The words of a memory that are read, and those that are written, with their parts.
struct Accesses<'w> {
    layout: &'w Layout,
    reads: BTreeSet<Vec<u64>>,
    writes: BTreeMap<Vec<u64>, BTreeSet<Vec<u64>>>,
}

impl<'w> Iteration<'w> {
    fn new(interval: u64) -> Self {
        Self { interval, banks: BTreeMap::new() }
    }

    fn add(&mut self, memory: Memory<'w>, index: &[u64], is_write: bool) {
        let Place { bank, word, part } = memory.layout.place(index);
        let nothing =
            || Accesses { layout: memory.layout, reads: BTreeSet::new(), writes: BTreeMap::new() };
        let accesses = self.banks.entry((memory.array, bank)).or_insert_with(nothing);
        if is_write {
            accesses.writes.entry(word).or_default().insert(part);
        } else {
            accesses.reads.insert(word);
        }
    }

    /// Complaints about its accesses.
    fn complaints(&self) -> impl Iterator<Item = String> {
        let interval = self.interval;
        self.banks.iter().filter_map(move |(((function, array), _), accesses)| {
            let Accesses { layout, reads, writes } = accesses;
            let (reads, count, ports) = (reads.len() as u64, writes.len() as u64, layout.ports);
            let is_too_often = reads > ports.reads * interval
                || count > ports.writes * interval
                || reads + count > ports.all * interval;
            let is_partly = writes.values().any(|parts| (parts.len() as u64) < layout.elements());
            let complaint = match (is_too_often, is_partly) {
                (true, _) => format!(
                    "reads {reads} and writes {count} words in {interval} clock cycles of a memory \
                     with {} readers and {} writers at {} ports",
                    ports.reads, ports.writes, ports.all
                ),
                (false, true) => "writes a part of a word".to_owned(),
                (false, false) => return None,
            };
            Some(format!("'{array}' of '{function}': an iteration {complaint}"))
        })
    }
}

struct Walk<'w> {
    program: &'w Program<'w>,
    /// The memories that each function declares.
    layouts: &'w BTreeMap<&'w str, BTreeMap<&'w str, Layout>>,
    top: &'w str,
    found: BTreeSet<String>,
    /// The state of the draw of unknown numbers.
    drawn: u64,
}

impl<'w> Walk<'w> {
    /// A number from 0 to below `values`.
    fn draw(&mut self, values: i64) -> i64 {
        self.drawn = self.drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.drawn >> 33) as i64 % values.max(1)
    }

    /// Runs `function`. What it accesses outside of rolled loops belongs to the `caller`, or to an
    /// iteration of its own.
    fn call(
        &mut self,
        function: &'w Function<'w>,
        Passed { mut memories, mut numbers }: Passed<'w>,
        caller: Option<&mut Iteration<'w>>,
    ) {
        let own = self.layouts[function.name].iter();
        memories.extend(own.map(|(name, layout)| {
            let array = (function.name, *name);
            (*name, Memory { array, layout })
        }));
        for parameter in function.parameters.iter().filter(|it| it.axes.is_empty()) {
            let any = self.draw(64);
            numbers.entry(parameter.name).or_insert(any);
        }
        let inside = function.body.iter().filter_map(Statement::pragma);
        let inside = inside.filter(|line| line.starts_with("#pragma HLS "));
        let stated = interval(function.pragmas.iter().copied().chain(inside));
        let is_dataflow = function.name == self.top && stated.is_none();
        let counters = BTreeMap::new();
        let mut scope = Scope { function, is_dataflow, memories, numbers, counters };
        match caller {
            Some(iteration) => self.run(&function.body, &mut scope, iteration),
            None => {
                let mut iteration = Iteration::new(stated.unwrap_or(1));
                self.run(&function.body, &mut scope, &mut iteration);
                self.found.extend(iteration.complaints());
            }
        }
    }

    fn run(
        &mut self,
        statements: &'w [Statement<'w>],
        scope: &mut Scope<'w>,
        iteration: &mut Iteration<'w>,
    ) {
        for statement in statements {
            match statement {
                Statement::Loop(it) => self.repeat(it, scope, iteration),
                Statement::Block(head, body) => {
                    self.access(head, scope, iteration, false);
                    self.run(body, scope, iteration);
                }
                Statement::Pragma(_) => {}
                Statement::Plain(line) => self.step(line, scope, iteration),
            }
        }
    }

    /// Runs a loop: a rolled one in iterations of its own.
    fn repeat(&mut self, it: &'w Loop<'w>, scope: &mut Scope<'w>, iteration: &mut Iteration<'w>) {
        if !self.matters(&it.body, scope) {
            return;
        }
        let Execution::Rolled { interval, copies } = it.execution else {
            for value in &it.values {
                scope.numbers.insert(it.variable, *value);
                self.run(&it.body, scope, iteration);
            }
            return;
        };
        let bundles: Vec<&[i64]> = it.values.chunks(copies.max(1) as usize).collect();
        let between = self.draw(bundles.len() as i64) as usize;
        let chosen = BTreeSet::from([0, between, bundles.len().saturating_sub(1)]);
        for values in chosen.into_iter().filter_map(|at| bundles.get(at)) {
            let counters: Vec<(&str, i64)> = scope.counters.iter().map(|(k, v)| (*k, *v)).collect();
            for (counter, most) in counters {
                let any = self.draw(most);
                scope.numbers.insert(counter, any);
            }
            let mut own = Iteration::new(interval.unwrap_or(iteration.interval));
            for value in *values {
                scope.numbers.insert(it.variable, *value);
                self.run(&it.body, scope, &mut own);
            }
            self.found.extend(own.complaints());
        }
    }

    /// Tells whether `statements` may access a memory.
    fn matters(&self, statements: &[Statement<'w>], scope: &Scope<'w>) -> bool {
        let is_of_interest = |line: &str| {
            let is_call = |word: &str| self.program.function(word).is_some();
            words(line).any(|word| scope.memories.contains_key(word) || is_call(word))
        };
        statements.iter().any(|statement| match statement {
            Statement::Loop(it) => self.matters(&it.body, scope),
            Statement::Block(head, body) => is_of_interest(head) || self.matters(body, scope),
            Statement::Pragma(_) => false,
            Statement::Plain(line) => is_of_interest(line),
        })
    }

    /// Runs a declaration, an assignment or a call.
    fn step(&mut self, line: &'w str, scope: &mut Scope<'w>, iteration: &mut Iteration<'w>) {
        if declared(line).is_some() {
            return;
        }
        let called = line.strip_suffix(");").and_then(|it| it.split_once('('));
        let called = called.and_then(|(name, list)| Some((self.program.function(name)?, list)));
        if let Some((function, list)) = called {
            let passed = self.passed(function, list, scope);
            let caller = Some(iteration).filter(|_| !scope.is_dataflow);
            return self.call(function, passed, caller);
        }
        let assigned = [" = ", " += ", " -= "].into_iter().find_map(|mark| {
            let (to, value) = line.split_once(mark)?;
            Some((to, value, mark != " = "))
        });
        let Some((to, value, is_read)) = assigned else {
            return self.access(line, scope, iteration, false);
        };
        self.access(value, scope, iteration, false);
        self.access(to, scope, iteration, true);
        if is_read {
            self.access(to, scope, iteration, false);
        }
        // A declaration of a number.
        if let Some((ty, name)) = to.rsplit_once(' ') {
            let names = Names { numbers: &scope.numbers, tables: &self.program.tables };
            let known = names.value(value.trim_end_matches(';'));
            if ty.starts_with("const ") {
                let any = self.draw(1 << 30);
                scope.numbers.insert(name, known.unwrap_or(any));
            } else {
                let bits = ty.split_once("int<").and_then(|(_, it)| it.split([',', '>']).next());
                let bits = bits.and_then(|bits| bits.parse().ok()).unwrap_or(6_u32);
                scope.counters.insert(name, 1 << bits.min(16));
                scope.numbers.insert(name, known.unwrap_or(0));
            }
        }
    }

    /// The memories and numbers that a call of `function` with the arguments `list` passes.
    fn passed(
        &mut self,
        function: &'w Function<'w>,
        list: &'w str,
        scope: &Scope<'w>,
    ) -> Passed<'w> {
        let mut passed = Passed::default();
        for (parameter, argument) in function.parameters.iter().zip(list.split(", ")) {
            if let Some(memory) = scope.memories.get(argument) {
                passed.memories.insert(parameter.name, *memory);
            }
            let names = Names { numbers: &scope.numbers, tables: &self.program.tables };
            passed.numbers.extend(names.value(argument).map(|value| (parameter.name, value)));
        }
        passed
    }

    /// Adds the accesses of an expression: those of both sides of a choice that depends on data.
    fn access(
        &mut self,
        text: &'w str,
        scope: &Scope<'w>,
        iteration: &mut Iteration<'w>,
        is_write: bool,
    ) {
        if !words(text).any(|word| scope.memories.contains_key(word)) {
            return;
        }
        let names = Names { numbers: &scope.numbers, tables: &self.program.tables };
        if let Some((condition, choice)) = text.split_once(" ? ")
            && let Some((yes, no)) = choice.split_once(" : ")
        {
            self.access(condition, scope, iteration, false);
            let known = names.value(condition);
            if known != Some(0) {
                self.access(yes, scope, iteration, false);
            }
            if known.is_none_or(|known| known == 0) {
                self.access(no, scope, iteration, false);
            }
            return;
        }
        for (name, memory) in &scope.memories {
            for (at, _) in text.match_indices(name) {
                let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
                let rest = &text[at + name.len()..];
                if text[..at].ends_with(is_name) || rest.starts_with(is_name) {
                    continue;
                }
                let (indices, whole) = subscripts(rest);
                if indices.is_empty() {
                    let function = scope.function.name;
                    let all = text.trim_end_matches(';');
                    self.found.insert(format!("'{name}' in '{function}': the access '{all}'"));
                    continue;
                }
                // The subscripts of what is written are read.
                if is_write && whole {
                    indices.iter().for_each(|index| self.access(index, scope, iteration, false));
                }
                let mut place = vec![];
                for index in indices {
                    let value = names.value(index);
                    let any = self.draw(1 << 30);
                    place.push(u64::try_from(value.unwrap_or(any)));
                }
                // An index below 0 is one of a branch that is not taken.
                if let Ok(index) = place.into_iter().collect::<Result<Vec<_>, _>>() {
                    iteration.add(*memory, &index, is_write && whole);
                }
            }
        }
    }
}

/// The subscripts that `text` begins with, and whether it has nothing else.
fn subscripts(text: &str) -> (Vec<&str>, bool) {
    let (mut found, mut depth, mut from) = (vec![], 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '[' if depth == 0 => (depth, from) = (1, at + 1),
            '[' => depth += 1,
            ']' if depth == 1 => {
                depth = 0;
                found.push(&text[from..at]);
            }
            ']' => depth -= 1,
            _ if depth == 0 => return (found, false),
            _ => {}
        }
    }
    (found, true)
}
