//! Generated C++ as statements: functions, loops with their execution, and integer expressions.
//!
//! This is no C++ parser. It reads text that the templates write, a statement or a brace on each line.

use std::collections::BTreeMap;

/// The functions of generated C++, and what they name at file level.
#[derive(Debug, Default)]
pub struct Program<'t> {
    pub functions: Vec<Function<'t>>,
    /// Constant arrays of integers.
    pub tables: BTreeMap<&'t str, Vec<i64>>,
    /// The types of constant arrays.
    pub constants: BTreeMap<&'t str, &'t str>,
    /// Bits of each type.
    pub widths: BTreeMap<&'t str, u64>,
}

#[derive(Debug)]
pub struct Function<'t> {
    pub name: &'t str,
    pub parameters: Vec<Variable<'t>>,
    /// The pragmas before it.
    pub pragmas: Vec<&'t str>,
    pub body: Vec<Statement<'t>>,
}

/// A parameter or a local variable.
#[derive(Clone, Debug)]
pub struct Variable<'t> {
    pub ty: &'t str,
    pub name: &'t str,
    /// The length of each axis; none for a scalar or a stream.
    pub axes: Vec<u64>,
}

#[derive(Debug)]
pub enum Statement<'t> {
    Loop(Loop<'t>),
    /// The line that opens a block that is no loop, and the block.
    Block(&'t str, Vec<Self>),
    Pragma(&'t str),
    /// A declaration, an assignment or a call.
    Plain(&'t str),
}

#[derive(Debug)]
pub struct Loop<'t> {
    pub variable: &'t str,
    /// The values of its variable, in order.
    pub values: Vec<i64>,
    pub execution: Execution,
    pub body: Vec<Statement<'t>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Execution {
    Unrolled,
    /// One iteration after the other, `copies` of the body in each; a pipeline if it has an interval.
    Rolled {
        interval: Option<u64>,
        copies: u64,
    },
}

impl<'t> Program<'t> {
    /// Adds the contents of a file.
    pub fn read(&mut self, text: &'t str) {
        let mut reader = Reader { lines: text.lines().map(str::trim), program: self };
        let mut pragmas = vec![];
        while let Some(line) = reader.lines.next() {
            let head = line.strip_prefix("static ").unwrap_or(line);
            if line.starts_with("#pragma") {
                pragmas.push(line);
            } else if let Some(head) = head.strip_prefix("void ") {
                let head = head.strip_prefix("CCS_BLOCK(").unwrap_or(head);
                let (name, list) = head.split_once('(').unwrap_or((head, ""));
                let name = name.trim_end_matches(')');
                let mut parameters = parameters(list);
                let mut end = list;
                // Those of the top function are a line each.
                while !end.contains(')') {
                    end = reader.lines.next().unwrap_or(") {");
                    parameters.extend(variable(end.trim_end_matches(',')));
                }
                if !end.ends_with('{') {
                    continue;
                }
                let (body, _) = reader.statements();
                let pragmas = std::mem::take(&mut pragmas);
                reader.program.functions.push(Function { name, parameters, pragmas, body });
            } else if line.starts_with("template <") {
                // Templates get registers alone.
                reader.statements();
            } else {
                pragmas.clear();
                reader.table(line);
                if let Some((name, ty)) =
                    line.strip_prefix("using ").and_then(|it| it.split_once(" = "))
                {
                    let width = ty.split_once('<').and_then(|(_, it)| it.split([',', '>']).next());
                    let width = width.and_then(|width| width.parse().ok());
                    reader.program.widths.extend(width.map(|width| (name, width)));
                }
            }
        }
    }

    pub fn function(&self, name: &str) -> Option<&Function<'t>> {
        self.functions.iter().find(|function| function.name == name)
    }
}

struct Reader<'t, 'p, L: Iterator<Item = &'t str>> {
    lines: L,
    program: &'p mut Program<'t>,
}

impl<'t, L: Iterator<Item = &'t str>> Reader<'t, '_, L> {
    /// The statements up to a closing brace, and the line of that.
    fn statements(&mut self) -> (Vec<Statement<'t>>, &'t str) {
        let mut list: Vec<Statement<'t>> = vec![];
        while let Some(line) = self.lines.next() {
            if line.starts_with('}') {
                return (list, line);
            }
            if line.starts_with("#pragma") {
                list.push(Statement::Pragma(line));
            } else if self.table(line) || line.is_empty() || line.starts_with("//") {
            } else if let Some((_, header)) = line.split_once("for (int ") {
                let (body, _) = self.statements();
                // Catapult's stand before the loop, those of Vitis inside.
                let before = list.iter().rev().map_while(Statement::pragma);
                let before = before.filter(|line| line.starts_with("#pragma hls_"));
                let inside = body.iter().map_while(Statement::pragma);
                let inside = inside.filter(|line| line.starts_with("#pragma HLS "));
                let execution = execution(before.chain(inside));
                let variable = header.split(' ').next().unwrap_or_default();
                let values = values(header);
                list.push(Statement::Loop(Loop { variable, values, execution, body }));
            } else if line.ends_with('{') {
                let mut head = line;
                while head.ends_with('{') {
                    let (body, end) = self.statements();
                    list.push(Statement::Block(head, body));
                    head = end;
                }
            } else {
                list.push(Statement::Plain(line));
            }
        }
        (list, "")
    }

    /// Reads a constant array, if `line` is the first of one.
    fn table(&mut self, line: &'t str) -> bool {
        let Some(head) = line.strip_prefix("static const ").and_then(|it| it.strip_suffix("] = {"))
        else {
            return false;
        };
        let Some((ty, name)) = head.split('[').next().and_then(|it| it.rsplit_once(' ')) else {
            return false;
        };
        let mut values = Some(vec![]);
        for line in self.lines.by_ref() {
            if line.starts_with('}') {
                break;
            }
            if line.starts_with('#') || line.ends_with('{') {
                continue;
            }
            for item in line.split(',').map(str::trim).filter(|item| !item.is_empty()) {
                values = values.zip(item.parse::<i64>().ok()).map(|(mut values, item)| {
                    values.push(item);
                    values
                });
            }
        }
        self.program.constants.insert(name, ty);
        self.program.tables.extend(values.map(|values| (name, values)));
        true
    }
}

impl<'t> Statement<'t> {
    pub fn pragma(&self) -> Option<&'t str> {
        match self {
            Self::Pragma(line) => Some(line),
            Self::Loop(_) | Self::Block(..) | Self::Plain(_) => None,
        }
    }
}

/// The interval that `pragmas` state for a loop or a function.
pub fn interval<'t>(mut pragmas: impl Iterator<Item = &'t str>) -> Option<u64> {
    pragmas.find_map(|line| {
        let rest = line.strip_prefix("#pragma HLS PIPELINE II=");
        let rest = rest.or_else(|| line.strip_prefix("#pragma hls_pipeline_init_interval "))?;
        rest.split(' ').next()?.parse().ok()
    })
}

/// The execution that the `pragmas` of a loop state.
fn execution<'t>(pragmas: impl Iterator<Item = &'t str> + Clone) -> Execution {
    let is_unrolled = |line: &str| matches!(line, "#pragma HLS UNROLL" | "#pragma hls_unroll yes");
    if pragmas.clone().any(is_unrolled) {
        return Execution::Unrolled;
    }
    let copies = pragmas.clone().find_map(|line| {
        let rest = line.strip_prefix("#pragma HLS UNROLL factor=");
        rest.or_else(|| line.strip_prefix("#pragma hls_unroll "))?.parse().ok()
    });
    Execution::Rolled { interval: interval(pragmas), copies: copies.unwrap_or(1) }
}

/// The values of the variable of `v = A; v < B; v++) {` or `v = A; v >= B; v--) {`.
fn values(header: &str) -> Vec<i64> {
    let parts: Vec<&str> = header.split("; ").collect();
    let [first, last, _] = parts[..] else { return vec![] };
    let number = |text: &str| text.rsplit(' ').next()?.parse::<i64>().ok();
    match (number(first), number(last)) {
        (Some(first), Some(last)) if last < first || last == 0 && first == 0 => {
            (last..=first).rev().filter(|_| header.contains(">=")).collect()
        }
        (Some(first), Some(last)) => (first..last).collect(),
        _ => vec![],
    }
}

/// The parameters of a function, from behind their opening bracket on.
fn parameters(list: &str) -> Vec<Variable<'_>> {
    let list = list.rsplit_once(')').map_or(list, |(list, _)| list);
    list.split(", ").filter_map(variable).collect()
}

/// The variable of `type name` or `type name[axis]`.
pub fn variable(text: &str) -> Option<Variable<'_>> {
    let (head, axes) = text.split_once('[').unwrap_or((text, ""));
    let (ty, name) = head.rsplit_once(' ')?;
    let ty = ty.trim_start_matches("static ").trim_start_matches("const ");
    let axes = axes.trim_end_matches(']').split("][").filter_map(|axis| axis.parse().ok());
    Some(Variable { ty, name: name.trim_start_matches('&'), axes: axes.collect() })
}

/// The integers that expressions name.
#[derive(Clone, Copy)]
pub struct Names<'n, 't> {
    pub numbers: &'n BTreeMap<&'t str, i64>,
    pub tables: &'n BTreeMap<&'t str, Vec<i64>>,
}

impl Names<'_, '_> {
    /// The value of an integer expression; `None` for one that names what is unknown.
    pub fn value(&self, text: &str) -> Option<i64> {
        let mut expression = Expression { rest: text.trim(), names: *self };
        let value = expression.choice();
        value.filter(|_| expression.rest.is_empty())
    }
}

/// The rest of an expression.
struct Expression<'e, 'n, 't> {
    rest: &'e str,
    names: Names<'n, 't>,
}

/// Operators by precedence, each with its function.
type Operators = &'static [(&'static str, fn(i64, i64) -> Option<i64>)];
const LEVELS: [Operators; 5] = [
    &[("||", |a, b| Some(i64::from(a != 0 || b != 0)))],
    &[("&&", |a, b| Some(i64::from(a != 0 && b != 0)))],
    &[
        ("==", |a, b| Some(i64::from(a == b))),
        ("!=", |a, b| Some(i64::from(a != b))),
        ("<=", |a, b| Some(i64::from(a <= b))),
        (">=", |a, b| Some(i64::from(a >= b))),
        ("< ", |a, b| Some(i64::from(a < b))),
        ("> ", |a, b| Some(i64::from(a > b))),
    ],
    &[("+", |a, b| a.checked_add(b)), ("-", |a, b| a.checked_sub(b))],
    &[
        ("*", |a, b| a.checked_mul(b)),
        ("/", |a, b| a.checked_div(b)),
        ("%", |a, b| a.checked_rem(b)),
    ],
];

impl Expression<'_, '_, '_> {
    fn takes(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest).trim_start();
        rest.is_some()
    }

    fn choice(&mut self) -> Option<i64> {
        let condition = self.level(0);
        if !self.takes("?") {
            return condition;
        }
        let yes = self.choice();
        self.takes(":");
        let no = self.choice();
        if condition? != 0 { yes } else { no }
    }

    fn level(&mut self, level: usize) -> Option<i64> {
        let Some(operators) = LEVELS.get(level) else { return self.operand() };
        let mut value = self.level(level + 1);
        while let Some((_, apply)) = operators.iter().find(|(text, _)| self.takes(text)) {
            let other = self.level(level + 1);
            value = value.zip(other).and_then(|(value, other)| apply(value, other));
        }
        value
    }

    fn operand(&mut self) -> Option<i64> {
        if self.takes("-") {
            return self.operand().map(|value| -value);
        }
        if self.takes("!") {
            return self.operand().map(|value| i64::from(value == 0));
        }
        if self.takes("(") {
            let value = self.choice();
            return value.filter(|_| self.takes(")"));
        }
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        self.takes(".to_uint()");
        self.rest = self.rest.trim_start();
        if self.takes("[") {
            let index = self.choice();
            let closed = self.takes("]");
            let table = self.names.tables.get(word)?;
            return index
                .filter(|_| closed)
                .and_then(|at| table.get(usize::try_from(at).ok()?))
                .copied();
        }
        word.parse().ok().or_else(|| self.names.numbers.get(word).copied())
    }
}
