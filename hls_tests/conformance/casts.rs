//! Casts from fixed point and from double, against [`cast`].

use bitkiln::fixed::{Caster, Format, Overflow, Quantization, Rounding, Signedness, cast};
use num_bigint::BigInt;

use crate::codes::{Draw, code, input, results};
use crate::program::{Program, run_all};
use crate::vendor::{Headers, Vendor};

const SIGNS: [Signedness; 2] = [Signedness::Unsigned, Signedness::Signed];

/// A source type, its targets, and its codes.
struct Source {
    format: Format,
    targets: Vec<Quantization>,
    codes: Vec<u128>,
}

/// Share of the pairs of small types that a run covers.
#[derive(Clone, Copy)]
struct Coverage {
    /// One of so many pairs of types, spread by hash.
    one_of: u64,
    /// Every pair with these widths of source and target.
    whole: Option<(u32, u32)>,
}

/// Widths of source and target, signedness of both, all binary points, every mode: the crate's doc
/// states what `Coverage` omits and why.
fn small_types(vendor: Vendor, coverage: Coverage) -> Vec<Source> {
    let mut draw = Draw::new(0);
    let mut sources = Vec::new();
    for width in 1..=6u32 {
        for signedness in SIGNS {
            for to_width in 1..=5u32 {
                let (w, to_w) = (width as i32, to_width as i32);
                for dropped in -(to_w + 4)..=w + 4 {
                    let format = Format::new(signedness, width, w - dropped).unwrap();
                    let whole = coverage.whole == Some((width, to_width));
                    let targets: Vec<Quantization> = every_mode(vendor, to_width)
                        .filter(|_| whole || draw.word().is_multiple_of(coverage.one_of))
                        .collect();
                    if !targets.is_empty() {
                        sources.push(Source { format, targets, codes: (0..1 << width).collect() });
                    }
                }
            }
        }
    }
    sources
}

/// Every integer type of `width` bits: signedness times modes.
fn every_mode(vendor: Vendor, width: u32) -> impl Iterator<Item = Quantization> {
    SIGNS.into_iter().flat_map(move |signedness| {
        let format = Format::new(signedness, width, width as i32).unwrap();
        vendor.roundings().into_iter().flat_map(move |rounding| {
            vendor
                .overflows(width)
                .into_iter()
                .map(move |overflow| Quantization::new(format, rounding, overflow))
        })
    })
}

/// Pairs of types up to `widest` bits, close enough that rounding and overflow occur.
fn drawn_types(vendor: Vendor, seed: u64, sources: usize, widest: i32) -> Vec<Source> {
    let mut draw = Draw::new(seed);
    (0..sources)
        .map(|_| {
            let format = draw.format(widest);
            let width = format.width() as i32;
            let targets = (0..4)
                .map(|_| {
                    let to_width = draw.between(1, widest);
                    let dropped = draw.between(-to_width - 3, width + 3);
                    let integer = to_width - (format.fractional_bits() - dropped);
                    let signedness = draw.signedness();
                    let target = Format::new(signedness, to_width as u32, integer).unwrap();
                    let rounding = draw.one_of(&vendor.roundings());
                    let overflow = draw.one_of(&vendor.overflows(to_width as u32));
                    Quantization::new(target, rounding, overflow)
                })
                .collect();
            Source { format, targets, codes: draw.codes(format, 64) }
        })
        .collect()
}

/// Programs of so many casts each compile in some ten seconds.
const CASTS_A_PROGRAM: usize = 1200;

/// Casts with the headers and with [`cast`], and panics with the first differences.
fn compare(vendor: Vendor, headers: Headers, sources: &[Source]) {
    let mut groups: Vec<Vec<&Source>> = vec![Vec::new()];
    let mut casts = 0;
    for source in sources {
        if casts + source.targets.len() > CASTS_A_PROGRAM && casts > 0 {
            groups.push(Vec::new());
            casts = 0;
        }
        casts += source.targets.len();
        groups.last_mut().unwrap().push(source);
    }

    let programs: Vec<Program> = groups
        .iter()
        .map(|group| Program {
            vendor,
            header: "casts.h",
            body: group
                .iter()
                .map(|source| {
                    let targets: Vec<String> =
                        source.targets.iter().map(|to| vendor.fixed(to)).collect();
                    let from = vendor.plain(source.format);
                    format!("  casts<{from},\n    {}>();\n", targets.join(",\n    "))
                })
                .collect(),
            input: group.iter().map(|source| input(&source.codes)).collect(),
        })
        .collect();

    let mut differences = Differences::default();
    for (group, printed) in groups.iter().zip(run_all(&programs, headers)) {
        let mut lines = printed.iter();
        for source in group {
            for to in &source.targets {
                let found = results(lines.next().map_or("", |line| line));
                assert_eq!(found.len(), source.codes.len(), "{} to {to}", source.format);
                for (bits, found) in source.codes.iter().zip(found) {
                    let from = code(*bits, source.format);
                    let expected = ours(&from, source.format.fractional_bits(), to);
                    differences.check(&expected, &code(found, to.format), || {
                        format!("{} of {from} to {to}", source.format)
                    });
                }
            }
        }
        assert_eq!(lines.next(), None);
    }
    differences.done();
}

/// Bitkiln's results by big integers and, for narrow types, by the fast path.
fn ours(from: &BigInt, fraction: i32, to: &Quantization) -> BigInt {
    let result = cast(from, fraction, to);
    if let (Ok(narrow), Some(caster)) = (i64::try_from(from), Caster::<i64>::new(fraction, to)) {
        assert_eq!(BigInt::from(caster.apply(&narrow)), result, "{from} to {to}");
    }
    result
}

/// Collects differences, to report the first few and their number.
#[derive(Default)]
pub struct Differences {
    compared: usize,
    count: usize,
    first: Vec<String>,
}

impl Differences {
    pub fn check<T: PartialEq + std::fmt::Display>(
        &mut self,
        ours: &T,
        theirs: &T,
        what: impl Fn() -> String,
    ) {
        self.compared += 1;
        if ours != theirs {
            self.count += 1;
            if self.first.len() < 12 {
                self.first.push(format!("{}: {ours}, the header {theirs}", what()));
            }
        }
    }

    pub fn done(self) {
        assert!(self.compared > 0);
        let first = self.first.join("\n");
        assert!(self.count == 0, "{} of {} values differ:\n{first}", self.count, self.compared);
    }
}

/// The coverage of small types: all with `BITKILN_EXHAUSTIVE=1`.
fn small(vendor: Vendor, headers: Headers) {
    let one_of = match vendor {
        // g++ takes some 10 ms for a cast of ap_fixed, 5 ms for one of ac_fixed.
        Vendor::Ap => 64,
        Vendor::Ac => 32,
    };
    let coverage = if std::env::var_os("BITKILN_EXHAUSTIVE").is_some_and(|v| v == "1") {
        Coverage { one_of: 1, whole: None }
    } else {
        Coverage { one_of, whole: (headers == Headers::Real).then_some((3, 2)) }
    };
    compare(vendor, headers, &small_types(vendor, coverage));
}

#[test]
fn small_casts_of_ap_fixed() {
    small(Vendor::Ap, Headers::Real);
}

#[test]
fn small_casts_of_ac_fixed() {
    small(Vendor::Ac, Headers::Real);
}

#[test]
fn small_casts_of_the_stand_in_for_ap_fixed() {
    small(Vendor::Ap, Headers::StandIn);
}

#[test]
fn small_casts_of_the_stand_in_for_ac_fixed() {
    small(Vendor::Ac, Headers::StandIn);
}

fn drawn(vendor: Vendor, headers: Headers) {
    compare(vendor, headers, &drawn_types(vendor, 1, 45, 64));
    compare(vendor, headers, &drawn_types(vendor, 2, 12, 128));
}

#[test]
fn drawn_casts_of_ap_fixed() {
    drawn(Vendor::Ap, Headers::Real);
}

#[test]
fn drawn_casts_of_ac_fixed() {
    drawn(Vendor::Ac, Headers::Real);
}

#[test]
fn drawn_casts_of_the_stand_in_for_ap_fixed() {
    drawn(Vendor::Ap, Headers::StandIn);
}

#[test]
fn drawn_casts_of_the_stand_in_for_ac_fixed() {
    drawn(Vendor::Ac, Headers::StandIn);
}

/// Every value of a small source type, at every binary point, as a double.
fn small_doubles() -> Vec<f64> {
    let mut all: Vec<f64> = (-9..=10)
        .flat_map(|dropped| (-64..64).map(move |code| f64::from(code) * f64::from(-dropped).exp2()))
        .collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

fn doubles(vendor: Vendor, headers: Headers) {
    let small: Vec<Quantization> = (1..=5).flat_map(|w| every_mode(vendor, w)).collect();
    compare_doubles(vendor, headers, &small, &small_doubles());

    let mut draw = Draw::new(3);
    let targets: Vec<Quantization> = (0..60)
        .map(|_| {
            let format = draw.format(64);
            let overflow = draw.one_of(&vendor.overflows(format.width()));
            Quantization::new(format, draw.one_of(&vendor.roundings()), overflow)
        })
        .collect();
    let values: Vec<f64> = (0..400)
        .map(|_| {
            let mantissa = (draw.word() as i64) >> draw.between(10, 60);
            mantissa as f64 * f64::from(draw.between(-64, 4)).exp2()
        })
        .collect();
    compare_doubles(vendor, headers, &targets, &values);
}

fn compare_doubles(vendor: Vendor, headers: Headers, targets: &[Quantization], values: &[f64]) {
    let groups: Vec<&[Quantization]> = targets.chunks(300).collect();
    let mut text = format!("{:x}\n", values.len());
    for value in values {
        text += &format!("{:x}\n", value.to_bits());
    }
    let programs: Vec<Program> = groups
        .iter()
        .map(|group| {
            let types: Vec<String> = group.iter().map(|to| vendor.fixed(to)).collect();
            Program {
                vendor,
                header: "casts.h",
                body: format!("  casts_of_doubles<{}>();\n", types.join(",\n    ")),
                input: text.clone(),
            }
        })
        .collect();
    let mut differences = Differences::default();
    for (group, printed) in groups.iter().zip(run_all(&programs, headers)) {
        assert_eq!(group.len(), printed.len());
        for (to, line) in group.iter().zip(printed) {
            for (value, found) in values.iter().zip(results(&line)) {
                // Every double is a multiple of 2^-1074, but these need fewer bits.
                let fraction = 128;
                let scaled = value * 128f64.exp2();
                let from = num_traits::FromPrimitive::from_f64(scaled).unwrap_or_default();
                differences.check(
                    &cast::<BigInt>(&from, fraction, to),
                    &code(found, to.format),
                    || format!("{value} to {to}"),
                );
            }
        }
    }
    differences.done();
}

#[test]
fn doubles_to_ap_fixed() {
    doubles(Vendor::Ap, Headers::Real);
}

#[test]
fn doubles_to_ac_fixed() {
    doubles(Vendor::Ac, Headers::Real);
}

#[test]
fn doubles_to_the_stand_in_for_ap_fixed() {
    doubles(Vendor::Ap, Headers::StandIn);
}

#[test]
fn doubles_to_the_stand_in_for_ac_fixed() {
    doubles(Vendor::Ac, Headers::StandIn);
}

#[test]
fn modes_have_the_names_that_the_programs_use() {
    let to = Quantization::new(
        Format::signed(4, -1).unwrap(),
        Rounding::RndMinInf,
        Overflow::Wrap { saturated_bits: 2 },
    );
    assert_eq!(Vendor::Ap.fixed(&to), "ap_fixed<4,-1,AP_RND_MIN_INF,AP_WRAP,2>");
}
