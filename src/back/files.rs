//! The files of a project.

use askama::Template;
use num_traits::Zero;

use super::dialect::{Dialect, Vendor};
use super::manifest::{Manifest, ModelSource};
use super::text::{comment, indent, is_plain, literal, wrap};
use super::{BackError, Vectors, kernels, processes, vectors as vector_files};
use crate::fixed::Range;
use crate::hls::{ConstantArray, Design, Edge, EdgeId, EdgeKind, EdgeRole, Type};

/// A file of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path in the project, with `/` between folders.
    pub path: String,
    /// Its text.
    pub contents: String,
}

impl File {
    pub(super) fn new(path: impl Into<String>, contents: String) -> Self {
        let mut contents = contents;
        if !contents.ends_with('\n') {
            contents.push('\n');
        }
        Self { path: path.into(), contents }
    }
}

/// Longest line.
const LINE: usize = 100;

/// Every file of the project of `design`, the manifest last.
pub(super) fn files(
    design: &Design,
    dialect: &dyn Dialect,
    vectors: &Vectors,
    model: Option<&ModelSource>,
) -> Result<Vec<File>, BackError> {
    let samples = vectors.check(design)?;
    let mut files = vec![
        File::new(format!("firmware/{}.cpp", design.name), source(design, dialect)?),
        File::new(format!("firmware/{}.h", design.name), header(design, dialect)?),
        File::new("firmware/defines.h", defines(design, dialect)?),
    ];
    if !design.constants.is_empty() {
        files.push(File::new("firmware/weights/constants.h", constants(design)?));
    }
    for constant in &design.constants {
        let path = format!("firmware/weights/{}.h", constant.name);
        files.push(File::new(path, weights(design, constant)?));
    }
    files
        .push(File::new(format!("{}_test.cpp", design.name), testbench(design, dialect, samples)?));
    for (edge, codes) in vectors.ports(design) {
        let edge = &design[edge];
        let width = design[edge.element].quantization.format.width();
        let path = format!("tb_data/{}.dat", edge.name);
        files.push(File::new(path, vector_files::text(codes, edge.len(), width)));
    }
    files.extend(dialect.scripts(design)?);
    let readme = Readme {
        design,
        samples,
        model,
        version: env!("CARGO_PKG_VERSION"),
        backend: dialect.vendor().tool.title(),
        commands: command_lines(dialect.vendor().commands),
    };
    files.push(File::new("README.md", readme.render()?));
    let manifest = Manifest::new(design, dialect, samples, model, &files);
    files.push(File::new(super::manifest::NAME, manifest.to_json()?));
    Ok(files)
}

#[derive(Template)]
#[template(path = "design.cpp")]
struct SourceFile<'a> {
    design: &'a Design,
    source_headers: &'a [&'a str],
    helpers: Vec<String>,
    kernels: Vec<String>,
    processes: Vec<String>,
    top: String,
}

fn source(design: &Design, dialect: &dyn Dialect) -> Result<String, BackError> {
    let kernels = design.kernels.iter().map(|k| kernels::render(design, k, dialect));
    let processes = design.processes.iter().map(|it| processes::render(design, it, dialect));
    let file = SourceFile {
        design,
        source_headers: dialect.vendor().source_headers,
        helpers: kernels::helpers(design, dialect)?,
        kernels: kernels.collect::<Result<_, _>>()?,
        processes: processes.collect::<Result<_, _>>()?,
        top: top(design, dialect),
    };
    Ok(file.render()?)
}

/// The top function: the arrays or streams between kernels or processes, and a call each.
fn top(design: &Design, dialect: &dyn Dialect) -> String {
    let mut lines = vec!["// The network.".to_owned()];
    lines.extend(dialect.before_top(design));
    let signature = signature(design, dialect, &dialect.top(&design.name));
    let head = format!("{}\n{signature} ", lines.join("\n"));
    let mut lines = vec!["{".to_owned()];
    lines.extend(dialect.in_top(design));
    lines.push(String::new());
    for edge in design.edges.iter().filter(|edge| edge.role == EdgeRole::Internal) {
        match edge.kind {
            EdgeKind::Array(partition) => {
                let (ty, name, len) = (&design[edge.element].name, &edge.name, edge.len());
                let pragmas = dialect.at_array(name, len, partition);
                lines.push(dialect.declare_array(ty, name, &[len], pragmas));
            }
            EdgeKind::Stream(stream) => {
                let fifo = (stream.depth, stream.storage(design));
                let words = edge.names().zip(design[stream.token].words());
                lines.extend(
                    words.flat_map(|(name, (word, _))| dialect.declare_stream(name, word, fifo)),
                );
            }
        }
    }
    lines.push(String::new());
    let arguments = |edges: &mut dyn Iterator<Item = &EdgeId>| {
        edges.flat_map(|edge| design[*edge].names()).collect::<Vec<_>>().join(", ")
    };
    if design.processes.is_empty() {
        lines.extend(design.kernels.iter().map(|kernel| {
            let edges = &mut kernel.inputs.iter().chain([&kernel.output]);
            format!("{}({});", kernel.name, arguments(edges))
        }));
    } else {
        lines.extend(design.processes.iter().map(|process| {
            let edges = &mut process.inputs.iter().chain(&process.outputs);
            let reset = if process.takes_reset() { ", reset" } else { "" };
            format!("{}({}{reset});", process.name, arguments(edges))
        }));
    }
    lines.push("}".to_owned());
    head + &indent(&lines.join("\n"))
}

/// The declaration of the top function, called `name`.
fn signature(design: &Design, dialect: &dyn Dialect, name: &str) -> String {
    let argument = |edge: &EdgeId, constness| {
        let edge = &design[*edge];
        match edge.kind {
            EdgeKind::Array(_) => {
                format!("{constness}{} {}[{}]", design[edge.element].name, edge.name, edge.len())
            }
            EdgeKind::Stream(stream) => {
                format!("{}<{}> &{}", dialect.vendor().stream, design[stream.token].name, edge.name)
            }
        }
    };
    let inputs = design.inputs.iter().map(|edge| argument(edge, "const "));
    let outputs = design.outputs.iter().map(|edge| argument(edge, ""));
    let reset = design.is_stateful().then(|| "bool reset".to_owned());
    let arguments: Vec<String> = inputs.chain(outputs).chain(reset).collect();
    let line = format!("void {name}({})", arguments.join(", "));
    if line.len() <= LINE {
        return line;
    }
    format!("void {name}(\n    {}\n)", arguments.join(",\n    "))
}

#[derive(Template)]
#[template(path = "design.h")]
struct HeaderFile<'a> {
    design: &'a Design,
    guard: String,
    ports: Vec<String>,
    signature: String,
}

fn header(design: &Design, dialect: &dyn Dialect) -> Result<String, BackError> {
    let line = |edge: &EdgeId| {
        let edge = &design[*edge];
        let shape: Vec<String> = edge.shape.iter().map(ToString::to_string).collect();
        format!("{}: layer '{}', shape [{}]", edge.name, comment(&edge.layer), shape.join(", "))
    };
    let reset = design.is_stateful().then(|| {
        "reset: starts a sequence from the initial states, else it goes on with those of the call before"
            .to_owned()
    });
    let file = HeaderFile {
        design,
        guard: guard(&design.name, &design.name),
        ports: design.inputs.iter().chain(&design.outputs).map(line).chain(reset).collect(),
        signature: signature(design, dialect, &design.name),
    };
    Ok(file.render()?)
}

#[derive(Template)]
#[template(path = "defines.h")]
struct DefinesFile<'a> {
    design: &'a Design,
    guard: String,
    types_header: &'a str,
    /// Set for a streaming design.
    stream_header: Option<&'a str>,
    /// The types of each layer.
    groups: Vec<(String, Vec<String>)>,
}

fn defines(design: &Design, dialect: &dyn Dialect) -> Result<String, BackError> {
    let line = |ty: &Type| {
        let format = ty.quantization.format;
        let spelled = match ty.integer {
            true => Some(dialect.integer(format.width(), format.is_signed())),
            false => dialect.spell(&ty.quantization),
        };
        let spelled = spelled.ok_or_else(|| BackError::Mode {
            layer: ty.layer.clone(),
            quantization: ty.quantization.to_string(),
            backend: dialect.vendor().tool.title(),
        })?;
        let range = range(&ty.range, format.fractional_bits());
        Ok(format!("using {} = {spelled}; // {}, {range}", ty.name, ty.holds))
    };
    let group = |types: &[Type]| {
        let lines = types.iter().map(line).collect::<Result<_, BackError>>()?;
        Ok((comment(&types[0].layer), lines))
    };
    let groups = design.types.chunk_by(|one, next| one.layer == next.layer).map(group);
    let file = DefinesFile {
        design,
        guard: guard(&design.name, "defines"),
        types_header: dialect.vendor().types_header,
        stream_header: (!design.tokens.is_empty()).then_some(dialect.vendor().stream_header),
        groups: groups.collect::<Result<_, BackError>>()?,
    };
    Ok(file.render()?)
}

/// The values of an interval of codes, for a comment.
fn range(interval: &Range, fraction: i32) -> String {
    let (low, high) = interval.values(fraction);
    if low == high { format!("{low}") } else { format!("{low} to {high}") }
}

#[derive(Template)]
#[template(path = "constants.h")]
struct ConstantsFile {
    guard: String,
}

fn constants(design: &Design) -> Result<String, BackError> {
    Ok(ConstantsFile { guard: guard(&design.name, "constants") }.render()?)
}

#[derive(Template)]
#[template(path = "weights.h")]
struct WeightsFile<'a> {
    design: &'a Design,
    constant: &'a ConstantArray,
    /// Set if each number is one literal.
    plain: bool,
    layer: String,
    shape: String,
    /// The LSB is 2 to this power.
    lsb: i32,
    /// The least and the largest value.
    range: (f64, f64),
    zeros: usize,
    guard: String,
    size: String,
    lines: Vec<String>,
}

fn weights(design: &Design, constant: &ConstantArray) -> Result<String, BackError> {
    let element = &design[constant.element];
    let fraction = element.quantization.format.fractional_bits();
    let item = |code: num_bigint::BigInt| match element.integer {
        true => code.to_string(),
        false => literal(&code, fraction, &element.name),
    };
    let items: Vec<String> = constant.codes.iter().map(item).collect();
    let longest = items.iter().map(String::len).max().unwrap_or(0);
    let items: Vec<String> = items.iter().map(|item| format!("{item:>longest$}")).collect();
    // A row of a matrix begins on a line of its own.
    let shape = constant.codes.shape();
    let row = shape.last().copied().unwrap_or(1).max(1);
    let lines: Vec<String> = items.chunks(row).flat_map(|row| wrap(row, LINE - 4)).collect();
    let interval = constant.codes.range().unwrap_or_else(|| Range::point(0));
    let dimensions: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let file = WeightsFile {
        design,
        constant,
        plain: constant.codes.iter().all(|code| is_plain(&code)),
        layer: comment(&constant.layer),
        shape: match dimensions.as_slice() {
            [one] if one == "1" => "one number".to_owned(),
            [count] => format!("{count} numbers"),
            more => format!("{}, row-major", more.join(" x ")),
        },
        lsb: -fraction,
        range: interval.values(fraction),
        zeros: constant.codes.iter().filter(Zero::is_zero).count(),
        guard: guard(&design.name, &constant.name),
        size: dimensions.join(" * "),
        lines,
    };
    Ok(file.render()?)
}

/// The include guard of a header called `file`.
fn guard(design: &str, file: &str) -> String {
    let project = design.to_uppercase();
    match file == design {
        true => format!("{project}_H"),
        false => format!("{project}_{}_H", file.to_uppercase()),
    }
}

#[derive(Template)]
#[template(path = "testbench.cpp")]
struct TestbenchFile<'a> {
    design: &'a Design,
    vendor: &'a Vendor,
    samples: usize,
    first_port: &'a str,
    is_streaming: bool,
    /// The arguments of the top function, with the types of their elements.
    inputs: Vec<(&'a Edge, &'a Type)>,
    outputs: Vec<(&'a Edge, &'a Type)>,
    arguments: String,
}

fn testbench(design: &Design, dialect: &dyn Dialect, samples: usize) -> Result<String, BackError> {
    let ports = |edges: &[EdgeId]| -> Vec<(&Edge, &Type)> {
        edges.iter().map(|edge| (&design[*edge], &design[design[*edge].element])).collect()
    };
    let (inputs, outputs) = (ports(&design.inputs), ports(&design.outputs));
    let names: Vec<&str> =
        inputs.iter().chain(&outputs).map(|(port, _)| port.name.as_str()).collect();
    // The vectors begin with the first sample.
    let reset = design.is_stateful().then_some("sample == 0");
    let file = TestbenchFile {
        design,
        vendor: dialect.vendor(),
        samples,
        is_streaming: design.has_stream_ports(),
        first_port: names.first().copied().unwrap_or_default(),
        arguments: names.iter().copied().chain(reset).collect::<Vec<_>>().join(", "),
        inputs,
        outputs,
    };
    Ok(file.render()?)
}

#[derive(Template)]
#[template(path = "README.md")]
struct Readme<'a> {
    design: &'a Design,
    samples: usize,
    model: Option<&'a ModelSource>,
    version: &'a str,
    backend: &'a str,
    commands: Vec<String>,
}

/// Commands with what they do, in two columns.
fn command_lines(commands: &[(&str, &str)]) -> Vec<String> {
    let own = ("C simulation with g++ alone", "bitkiln verify .");
    let all = || std::iter::once(&own).chain(commands);
    let width = all().map(|(_, command)| command.len()).max().unwrap_or(0);
    all().map(|(what, command)| format!("{command:width$}  # {what}")).collect()
}
