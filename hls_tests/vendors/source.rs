//! The structure of generated C++ as far as pragmas depend on it: functions, loops, declarations,
//! and where each pragma stands among them.
//!
//! This is no C++ parser. It reads brackets, declarations and `for` headers, which is enough for
//! text that the templates write, and for hand-written tests in that style.

use std::collections::BTreeSet;

/// A `#pragma` line with its place.
#[derive(Clone, Debug)]
pub struct Pragma {
    /// The line number, from 1 on.
    pub line: usize,
    /// The text after `#pragma`, on one line.
    pub text: String,
    /// The scopes around it, outermost first.
    pub scopes: Vec<usize>,
    /// No statement precedes it in its scope, declarations aside.
    pub leads: bool,
    /// The construct that follows it, other pragmas skipped.
    pub next: Next,
    /// The names declared before it, per scope of `scopes`, and at file level first.
    pub visible: Vec<Variable>,
}

/// The construct that follows a pragma.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The scope of a function or a loop.
    Scope(usize),
    /// A declaration of these names.
    Declaration(Vec<String>),
    Other,
}

/// A parameter, a local variable or a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// The length of each axis; none for a scalar.
    pub axes: Vec<u64>,
    pub is_parameter: bool,
    /// The scope that declares it; `None` at file level.
    pub scope: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Function {
        name: String,
        parameters: Vec<Variable>,
    },
    /// A loop, with its iterations where the header states them.
    Loop {
        trips: Option<u64>,
    },
    Other,
}

/// A pair of braces.
#[derive(Clone, Debug)]
pub struct Scope {
    pub kind: Kind,
    pub parent: Option<usize>,
    /// Every identifier inside.
    pub mentions: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Source {
    pub scopes: Vec<Scope>,
    pub pragmas: Vec<Pragma>,
    /// Variables at file level.
    pub globals: Vec<Variable>,
    /// Every array, wherever it is declared.
    pub arrays: Vec<Variable>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A name, a number or a literal.
    Word(String),
    Mark(char),
    Pragma(usize, String),
}

impl Token {
    fn is(&self, mark: char) -> bool {
        *self == Self::Mark(mark)
    }

    fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Mark(_) | Self::Pragma(..) => None,
        }
    }

    fn name(&self) -> Option<&str> {
        self.word().filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
    }
}

/// Words and marks as synthesis sees them: `__SYNTHESIS__` is defined and nothing else is; comments
/// and other preprocessor lines are left out.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = vec![];
    let mut comment = false;
    let mut conditions: Vec<bool> = vec![];
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let mut line = line.to_owned();
        if !comment && line.trim_start().starts_with('#') {
            while let Some(start) = line.strip_suffix('\\') {
                line = format!("{start} {}", lines.next().map_or("", |(_, more)| more.trim()));
            }
            let words = line.trim_start()[1..].trim_start();
            let (directive, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
            match directive {
                "ifdef" => conditions.push(rest.trim() == "__SYNTHESIS__"),
                "ifndef" => conditions.push(rest.trim() != "__SYNTHESIS__"),
                "if" => conditions.push(true),
                "else" => conditions.iter_mut().next_back().into_iter().for_each(|it| *it = !*it),
                "endif" => drop(conditions.pop()),
                "pragma" if conditions.iter().all(|it| *it) => {
                    tokens.push(Token::Pragma(number + 1, rest.trim().to_owned()));
                }
                _ => {}
            }
            continue;
        }
        if !conditions.iter().all(|it| *it) {
            continue;
        }
        let mut rest = line.as_str();
        while let Some(first) = rest.chars().next() {
            if comment {
                let Some((_, after)) = rest.split_once("*/") else { break };
                (comment, rest) = (false, after);
            } else if rest.starts_with("//") {
                break;
            } else if rest.starts_with("/*") {
                comment = true;
                rest = &rest[2..];
            } else if first == '"' || first == '\'' {
                let mut escaped = false;
                let end = rest[1..].find(|c| {
                    let ends = c == first && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                let end = end.map_or(rest.len(), |end| end + 2);
                tokens.push(Token::Word(rest[..end].to_owned()));
                rest = &rest[end..];
            } else if first.is_alphanumeric() || first == '_' {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
                let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
                tokens.push(Token::Word(word.to_owned()));
                rest = after;
            } else {
                if !first.is_whitespace() {
                    tokens.push(Token::Mark(first));
                }
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    tokens
}

/// The variables that a statement or a parameter declares, with their axes.
fn declared(tokens: &[Token]) -> Vec<(String, Vec<u64>)> {
    let end =
        tokens.iter().position(|token| token.is('=') || token.is('(')).unwrap_or(tokens.len());
    let head = &tokens[..end];
    if head.first().and_then(Token::name).is_none_or(|first| STATEMENTS.contains(&first)) {
        return vec![];
    }
    let mut names = vec![];
    for part in split(head, ',') {
        let bracket = part.iter().position(|token| token.is('[')).unwrap_or(part.len());
        let Some((name, before)) = part[..bracket].split_last() else { continue };
        let Some(name) = name.name() else { continue };
        let typed = before.last().is_some_and(|token| {
            token.name().is_some() || token.is('>') || token.is('&') || token.is('*')
        });
        if !typed && names.is_empty() {
            return vec![];
        }
        let axes = part[bracket..].split(|token| token.is('[')).skip(1);
        let axes = axes.map(|axis| product(&axis[..axis.len() - 1]));
        names.push((name.to_owned(), axes.collect::<Vec<u64>>()));
    }
    // `bitkiln::Constants<T, N> name` is an array in another spelling.
    if let [(_, axes)] = &mut names[..]
        && axes.is_empty()
        && head.iter().any(|token| token.word() == Some("Constants"))
    {
        let start = head.iter().rposition(|token| token.is(',')).unwrap_or(0);
        axes.push(product(&head[start + 1..]));
    }
    names
}

/// The product of the numbers in `6 * 5`, up to a closing bracket.
fn product(tokens: &[Token]) -> u64 {
    let factors = tokens.iter().take_while(|token| !token.is('>'));
    factors.filter_map(|token| token.word()?.parse::<u64>().ok()).product()
}

/// Words that begin a statement which declares nothing.
const STATEMENTS: [&str; 14] = [
    "return",
    "break",
    "continue",
    "using",
    "typedef",
    "namespace",
    "if",
    "else",
    "for",
    "while",
    "goto",
    "case",
    "template",
    "delete",
];

/// The parts between the marks `by` outside of every bracket.
fn split(tokens: &[Token], by: char) -> Vec<&[Token]> {
    let mut depth = 0_i32;
    tokens
        .split(|token| {
            match token {
                Token::Mark('(' | '<' | '[' | '{') => depth += 1,
                Token::Mark(')' | '>' | ']' | '}') => depth -= 1,
                _ => {}
            }
            depth == 0 && token.is(by)
        })
        .collect()
}

/// The iterations of `for (int v = A; v < B; v++)` or `for (int v = A; v >= 0; v--)`.
fn trips(header: &[Token]) -> Option<u64> {
    let open = header.iter().position(|token| token.is('('))?;
    let parts: Vec<Vec<Option<&str>>> = header[open + 1..]
        .split(|token| token.is(';'))
        .map(|part| part.iter().map(Token::word).collect())
        .collect();
    let [first, bound, _] = &parts[..] else { return None };
    let first: i64 = (*first.last()?)?.parse().ok()?;
    let last: i64 = (*bound.last()?)?.parse().ok()?;
    // `v < B` has three tokens, `v >= B` four.
    let inclusive = match bound.len() {
        3 => false,
        4 => true,
        _ => return None,
    };
    let count = if first > last { first - last } else { last - first };
    u64::try_from(count + i64::from(inclusive)).ok()
}

/// Reports whether a brace after `statement` opens a value and no block.
fn begins_value(statement: &[Token]) -> bool {
    statement.last().is_some_and(|token| token.is('=') || token.word() == Some("return"))
}

/// The scope that `header` opens with `{`.
fn opened(header: &[Token], at_file_level: bool) -> Kind {
    // A label, `inputs:`.
    let header = match header {
        [Token::Word(_), Token::Mark(':'), rest @ ..] if !rest.starts_with(&[Token::Mark(':')]) => {
            rest
        }
        _ => header,
    };
    match header.first().and_then(Token::word) {
        Some("for") => return Kind::Loop { trips: trips(header) },
        Some("while" | "do") => return Kind::Loop { trips: None },
        Some("if" | "else" | "switch" | "struct" | "class" | "union" | "enum" | "namespace") => {
            return Kind::Other;
        }
        _ => {}
    }
    let Some(open) = header.iter().position(|token| token.is('(')) else { return Kind::Other };
    if !at_file_level {
        return Kind::Other;
    }
    let mut name = header[..open].last().and_then(Token::name);
    let mut list = open;
    if name == Some("CCS_BLOCK") {
        name = header.get(open + 1).and_then(Token::name);
        list = header
            .iter()
            .skip(open + 1)
            .position(|token| token.is('('))
            .map_or(open, |n| n + open + 1);
    }
    let Some(name) = name else { return Kind::Other };
    let close = header.iter().rposition(|token| token.is(')')).unwrap_or(header.len());
    let parameters = split(&header[list + 1..close.max(list + 1)], ',');
    let parameters = parameters.into_iter().flat_map(declared);
    let parameters = parameters
        .map(|(name, axes)| Variable { name, axes, is_parameter: true, scope: None })
        .collect();
    Kind::Function { name: name.to_owned(), parameters }
}

impl Source {
    pub fn read(text: &str) -> Self {
        let tokens = tokens(text);
        let mut source = Self::default();
        let mut open: Vec<usize> = vec![];
        // Whether each open scope, and the file, has had a statement other than a declaration.
        let mut busy = vec![false];
        let mut locals: Vec<Variable> = vec![];
        let mut waiting: Vec<usize> = vec![];
        let mut statement: Vec<Token> = vec![];
        let (mut depth, mut braces) = (0_i32, 0_i32);
        for token in tokens {
            if let Some(name) = token.name() {
                for scope in &open {
                    source.scopes[*scope].mentions.insert(name.to_owned());
                }
            }
            match &token {
                Token::Pragma(line, text) => {
                    waiting.push(source.pragmas.len());
                    source.pragmas.push(Pragma {
                        line: *line,
                        text: text.clone(),
                        scopes: open.clone(),
                        leads: statement.is_empty() && !busy[busy.len() - 1],
                        next: Next::Other,
                        visible: locals.clone(),
                    });
                    continue;
                }
                Token::Mark('(') => depth += 1,
                Token::Mark(')') => depth -= 1,
                // Braces of an initializer belong to the statement.
                Token::Mark('{') if braces > 0 || depth == 0 && begins_value(&statement) => {
                    braces += 1
                }
                Token::Mark('}') if braces > 0 => braces -= 1,
                Token::Mark('{') if depth == 0 => {
                    let functions = open
                        .iter()
                        .any(|scope| matches!(source.scopes[*scope].kind, Kind::Function { .. }));
                    let kind = opened(&statement, !functions);
                    let id = source.scopes.len();
                    for pragma in waiting.drain(..) {
                        source.pragmas[pragma].next = Next::Scope(id);
                    }
                    if let Kind::Function { parameters, .. } = &kind {
                        locals.extend(
                            parameters.iter().map(|it| Variable { scope: Some(id), ..it.clone() }),
                        );
                        source
                            .arrays
                            .extend(parameters.iter().filter(|it| !it.axes.is_empty()).cloned());
                    }
                    let last = busy.len() - 1;
                    busy[last] = true;
                    let parent = open.last().copied();
                    source.scopes.push(Scope { kind, parent, mentions: BTreeSet::new() });
                    open.push(id);
                    busy.push(false);
                    statement.clear();
                    continue;
                }
                Token::Mark('}') if depth == 0 => {
                    let closed = open.pop();
                    locals.retain(|it| it.scope != closed || it.scope.is_none());
                    busy.truncate(open.len() + 1);
                    waiting.clear();
                    statement.clear();
                    continue;
                }
                _ => {}
            }
            if token.is(';') && depth == 0 && braces == 0 {
                let names = declared(&statement);
                let scope = open.last().copied();
                if names.is_empty() && !statement.is_empty() {
                    let last = busy.len() - 1;
                    busy[last] = true;
                }
                for pragma in waiting.drain(..) {
                    let names = names.iter().map(|(name, _)| name.clone()).collect();
                    source.pragmas[pragma].next = Next::Declaration(names);
                }
                for (name, axes) in names {
                    let variable = Variable { name, axes, is_parameter: false, scope };
                    if !variable.axes.is_empty() {
                        source.arrays.push(variable.clone());
                    }
                    match scope {
                        None => source.globals.push(variable),
                        Some(_) => locals.push(variable),
                    }
                }
                statement.clear();
            } else {
                statement.push(token);
            }
        }
        source
    }

    /// The innermost function or loop among `scopes`.
    pub fn innermost(&self, scopes: &[usize]) -> Option<usize> {
        let of_interest = |scope: &&usize| self.scopes[**scope].kind != Kind::Other;
        scopes.iter().rev().find(of_interest).copied()
    }

    /// The function around `scopes`.
    pub fn function(&self, scopes: &[usize]) -> Option<usize> {
        let is_function =
            |scope: &&usize| matches!(self.scopes[**scope].kind, Kind::Function { .. });
        scopes.iter().find(is_function).copied()
    }
}
