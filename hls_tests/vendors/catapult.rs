//! Catapult's pragmas, which stand before a function, a loop or a declaration.

use super::source::{Kind, Next, Pragma, Source};
use super::{arguments, is_function};

/// The statement after a pragma.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Function,
    Loop,
    FunctionOrLoop,
    FunctionOrDeclaration,
}

#[derive(Clone, Copy)]
enum Value {
    /// An optional word out of these.
    Words(&'static [&'static str]),
    /// An integer of at least this.
    Number(u64),
    /// `yes`, `no`, or an integer of at least 2.
    Unroll,
    /// `name:rsc variables="name" map_to_module="library.module"`.
    Resource,
}

const STALL_MODES: Value = Value::Words(&["stall", "flush", "bubble"]);

const RULES: &[(&str, Before, Value)] = &[
    (
        "hls_design",
        Before::Function,
        Value::Words(&["top", "block", "interface", "ccore", "inline", ""]),
    ),
    ("hls_unroll", Before::Loop, Value::Unroll),
    ("hls_pipeline_init_interval", Before::FunctionOrLoop, Value::Number(1)),
    ("hls_resource", Before::FunctionOrDeclaration, Value::Resource),
    ("hls_map_to_operator", Before::Function, Value::Words(&["[CCORE]"])),
    ("hls_preserve_loop", Before::Loop, Value::Words(&["yes", "no"])),
    ("hls_merge_loop", Before::Loop, Value::Words(&["yes", "no"])),
    ("hls_iterations", Before::Loop, Value::Number(1)),
    ("pipeline_stall_mode", Before::FunctionOrLoop, STALL_MODES),
    ("hls_pipeline_stall_mode", Before::FunctionOrLoop, STALL_MODES),
];

pub(super) fn check(source: &Source, top: &str, report: &mut impl FnMut(&Pragma, String)) {
    for (position, pragma) in source.pragmas.iter().enumerate() {
        if let Err(complaint) = legal(source, top, position) {
            report(pragma, complaint);
        }
    }
}

fn legal(source: &Source, top: &str, position: usize) -> Result<(), String> {
    let pragma = &source.pragmas[position];
    let (name, rest) = pragma.text.split_once(char::is_whitespace).unwrap_or((&pragma.text, ""));
    let rule = RULES.iter().find(|(known, _, _)| *known == name);
    let (_, before, value) = rule.ok_or("no pragma of Catapult")?;
    let kind = match &pragma.next {
        Next::Scope(scope) => Some(&source.scopes[*scope].kind),
        Next::Declaration(_) | Next::Other => None,
    };
    let function = matches!(kind, Some(Kind::Function { .. }));
    let on_loop = matches!(kind, Some(Kind::Loop { .. }));
    let declaration = matches!(pragma.next, Next::Declaration(_));
    match before {
        Before::Function if !function => return Err("not before a function".into()),
        Before::Loop if !on_loop => return Err("not before a loop".into()),
        Before::FunctionOrLoop if !function && !on_loop => {
            return Err("not before a function or a loop".into());
        }
        Before::FunctionOrDeclaration if !function && !declaration => {
            return Err("not before a function or a declaration".into());
        }
        _ => {}
    }
    let others = source.pragmas[..position].iter().enumerate();
    let twin = others.filter(|(_, other)| other.next == pragma.next && pragma.next != Next::Other);
    let twin = twin.map(|(at, other)| (position - at, other)).find(|(distance, other)| {
        let same = other.text.split_whitespace().next() == Some(name);
        // Functions may declare variables of the same name.
        let is_beside = !declaration || other.line + distance == pragma.line;
        same && is_beside && (name != "hls_resource" || other.text == pragma.text)
    });
    if let Some((_, twin)) = twin {
        return Err(format!("line {} says the same or the contrary", twin.line));
    }
    match value {
        Value::Words(words) if words.contains(&rest) => {}
        Value::Number(least) if rest.parse::<u64>().is_ok_and(|number| number >= *least) => {}
        Value::Unroll => unrolls(rest, kind)?,
        Value::Resource => resource(pragma, kind, rest)?,
        Value::Words(_) | Value::Number(_) => return Err(format!("it cannot be '{rest}'")),
    }
    if pragma.text == "hls_design top" && !kind.is_some_and(|kind| is_function(kind, top)) {
        return Err(format!("not before '{top}'"));
    }
    if name == "hls_pipeline_init_interval" && on_loop {
        let outer = source.pragmas[..position].iter().find(|other| {
            let Next::Scope(scope) = other.next else { return false };
            pragma.scopes.contains(&scope) && other.text.starts_with(name)
        });
        if let Some(outer) = outer {
            return Err(format!("inside of the pipeline of line {}", outer.line));
        }
    }
    Ok(())
}

fn unrolls(rest: &str, kind: Option<&Kind>) -> Result<(), String> {
    let factor = match rest {
        "yes" | "no" => return Ok(()),
        _ => rest.parse::<u64>().ok().filter(|factor| *factor >= 2),
    };
    let factor = factor.ok_or_else(|| format!("it cannot be '{rest}'"))?;
    match kind {
        Some(Kind::Loop { trips: Some(trips) }) if factor > *trips => {
            Err(format!("the loop has {trips} iterations"))
        }
        _ => Ok(()),
    }
}

fn resource(pragma: &Pragma, kind: Option<&Kind>, rest: &str) -> Result<(), String> {
    let words = arguments(rest);
    let [name, variables, module] = &words[..] else {
        return Err("not NAME:rsc variables=\"NAME\" map_to_module=\"MODULE\"".into());
    };
    let unquoted = |value: &str| value.strip_prefix('"')?.strip_suffix('"').map(str::to_owned);
    if variables.key.as_deref() != Some("variables")
        || module.key.as_deref() != Some("map_to_module")
    {
        return Err("not NAME:rsc variables=\"NAME\" map_to_module=\"MODULE\"".into());
    }
    let variable = unquoted(&variables.value).ok_or("its variable is not quoted")?;
    let module = unquoted(&module.value).ok_or("its module is not quoted")?;
    if name.key.is_some() || name.value != format!("{variable}:rsc") {
        return Err(format!("the resource of '{variable}' is '{variable}:rsc'"));
    }
    let special = ["[Register]", "[DirectInput]"].contains(&&*module);
    let parts = module.split('.').collect::<Vec<_>>();
    if !special && (parts.len() != 2 || parts.contains(&"")) {
        return Err(format!("'{module}' is no library.module"));
    }
    let declared = match (kind, &pragma.next) {
        (Some(Kind::Function { parameters, .. }), _) => {
            parameters.iter().any(|parameter| parameter.name == variable)
        }
        (_, Next::Declaration(names)) => {
            let whole = variable.split('.').next().unwrap_or_default();
            names.iter().any(|name| name == whole)
        }
        _ => false,
    };
    if declared { Ok(()) } else { Err(format!("'{variable}' is not declared there")) }
}
