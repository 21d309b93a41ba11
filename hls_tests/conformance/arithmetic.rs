//! Formats and values of arithmetic against the vendors' headers, and the stand-ins against both.

use bitkiln::fixed::Format;
use num_bigint::BigInt;

use crate::casts::Differences;
use crate::codes::{Draw, bits, code, input, results};
use crate::program::{Program, run_all};
use crate::vendor::{Headers, Vendor};

/// An operand: a fixed-point type, or an integer type.
#[derive(Clone, Copy)]
struct Operand {
    format: Format,
    integer: bool,
}

impl Operand {
    fn fixed(format: Format) -> Self {
        Self { format, integer: false }
    }

    fn integer(draw: &mut Draw, widest: i32) -> Self {
        let width = draw.between(2, widest);
        let format = Format::new(draw.signedness(), width as u32, width).unwrap();
        Self { format, integer: true }
    }

    fn cpp(self, vendor: Vendor) -> String {
        if self.integer { vendor.integer(self.format) } else { vendor.plain(self.format) }
    }
}

/// Pairs whose results all stay within 128 bits: small ones with every code, wider ones drawn,
/// fixed with fixed, fixed with integer, integer with integer.
fn pairs() -> Vec<(Operand, Operand)> {
    let mut draw = Draw::new(11);
    let mut pairs = Vec::new();
    while pairs.len() < 42 {
        let (a, b) = match pairs.len() {
            0..12 => (Operand::fixed(draw.format(3)), Operand::fixed(draw.format(3))),
            12..24 => (Operand::fixed(draw.format(20)), Operand::fixed(draw.format(20))),
            24..30 => (Operand::fixed(draw.format(64)), Operand::fixed(draw.format(64))),
            // An ac_int cannot be added to an ac_fixed, so the integer comes second.
            30..36 => (Operand::fixed(draw.format(24)), Operand::integer(&mut draw, 24)),
            _ => (Operand::integer(&mut draw, 60), Operand::integer(&mut draw, 60)),
        };
        if a.format.product(b.format).is_ok() && a.format.sum(b.format).is_ok() {
            pairs.push((a, b));
        }
    }
    pairs
}

fn codes(draw: &mut Draw, operand: Operand) -> Vec<u128> {
    draw.codes(operand.format, 16)
}

/// Codes for both operands of each pair.
fn inputs(pairs: &[(Operand, Operand)]) -> Vec<[Vec<u128>; 2]> {
    let mut draw = Draw::new(12);
    pairs.iter().map(|(a, b)| [codes(&mut draw, *a), codes(&mut draw, *b)]).collect()
}

/// A program for every twelve pairs.
fn programs(
    vendor: Vendor,
    function: &str,
    pairs: &[(Operand, Operand)],
    inputs: &[[Vec<u128>; 2]],
) -> Vec<Program> {
    let calls = |pairs: &[(Operand, Operand)]| {
        let call = |(a, b): &(Operand, Operand)| {
            format!("  {function}<{}, {}>();\n", a.cpp(vendor), b.cpp(vendor))
        };
        pairs.iter().map(call).collect()
    };
    let chunks = pairs.chunks(12).zip(inputs.chunks(12));
    chunks
        .map(|(pairs, inputs)| Program {
            vendor,
            header: "arithmetic.h",
            body: calls(pairs),
            input: inputs.iter().flatten().map(|codes| input(codes)).collect(),
        })
        .collect()
}

/// Runs with both headers, which must print the same text.
fn both(programs: &[Program]) -> Vec<String> {
    let [real, stand_in] =
        [Headers::Real, Headers::StandIn].map(|headers| run_all(programs, headers).concat());
    for (line, (theirs, ours)) in real.iter().zip(&stand_in).enumerate() {
        assert_eq!(theirs, ours, "line {line}: the vendor's headers, the stand-ins");
    }
    assert_eq!(real.len(), stand_in.len());
    real
}

fn formats(line: &str) -> Vec<Format> {
    line.split_whitespace().map(|text| text.parse().unwrap()).collect()
}

/// `code` with the fractional bits of `to`.
fn in_steps(code: &BigInt, format: Format, to: Format) -> BigInt {
    code << (to.fractional_bits() - format.fractional_bits())
}

fn sums_differences_products(vendor: Vendor) {
    let pairs = pairs();
    let inputs = inputs(&pairs);
    let printed = both(&programs(vendor, "binary", &pairs, &inputs));
    let mut lines = printed.iter();
    let mut differences = Differences::default();
    for ((a, b), [a_codes, b_codes]) in pairs.iter().zip(&inputs) {
        let (a, b) = (a.format, b.format);
        let [sum, difference, product] =
            [a.sum(b), a.difference(b), a.product(b)].map(Result::unwrap);
        let found = formats(lines.next().unwrap());
        assert_eq!(found[..3], [sum, difference, product], "{a} and {b}");
        for x_bits in a_codes {
            for y_bits in b_codes {
                let (x, y) = (code(*x_bits, a), code(*y_bits, b));
                let expected = [
                    bits(&(in_steps(&x, a, sum) + in_steps(&y, b, sum)), sum),
                    bits(&(in_steps(&x, a, difference) - in_steps(&y, b, difference)), difference),
                    bits(&(&x * &y), product),
                ];
                let line = lines.next().unwrap();
                let found = results(line);
                for (expected, found) in expected.iter().zip(found) {
                    differences.check(expected, &found, || format!("{a} {x} and {b} {y}"));
                }
                // The next line is of +=, -= and *=, on which the headers agree.
                assert_eq!(results(lines.next().unwrap()).len(), 3);
            }
        }
    }
    assert_eq!(lines.next(), None);
    differences.done();
}

fn negations_and_shifts(vendor: Vendor) {
    let mut draw = Draw::new(13);
    let mut operands: Vec<Operand> = (0..10).map(|_| Operand::fixed(draw.format(4))).collect();
    operands.extend((0..15).map(|_| Operand::fixed(draw.format(64))));
    operands.extend((0..5).map(|_| Operand::fixed(draw.format(126))));
    operands.extend((0..8).map(|_| Operand::integer(&mut draw, 64)));

    let inputs: Vec<Vec<u128>> = operands.iter().map(|a| codes(&mut draw, *a)).collect();
    let most = |a: Format| i32::try_from(a.width()).unwrap().min(20) + 2;
    let programs: Vec<Program> = operands
        .chunks(10)
        .zip(inputs.chunks(10))
        .map(|(operands, inputs)| Program {
            vendor,
            header: "arithmetic.h",
            body: operands
                .iter()
                .map(|a| {
                    let native = (1..=64).contains(&a.format.integer_bits());
                    format!("  unary<{}, {native}>({});\n", a.cpp(vendor), most(a.format))
                })
                .collect(),
            input: inputs.iter().map(|codes| input(codes)).collect(),
        })
        .collect();

    let printed = both(&programs);
    let mut lines = printed.iter();
    let mut differences = Differences::default();
    for (a, codes) in operands.iter().zip(&inputs) {
        let a = a.format;
        let negated = a.negated().unwrap();
        let found = formats(lines.next().unwrap());
        assert_eq!([found[0], found[2], found[3]], [negated, a, a], "{a}");
        for x_bits in codes {
            let x = code(*x_bits, a);
            let line = lines.next().unwrap();
            // Conversions to native types follow the semicolon.
            let (numbers, _) = line.split_once(';').unwrap();
            let found = results(numbers);
            differences.check(&bits(&-&x, negated), &found[0], || format!("-{x} of {a}"));
            let shifted = |places: i32| {
                let all = if places < 0 { &x >> places.unsigned_abs() } else { &x << places };
                bits(&all, a)
            };
            for (places, pair) in (-most(a)..=most(a)).zip(found[2..].chunks(2)) {
                differences.check(&shifted(places), &pair[0], || format!("{a} {x} << {places}"));
                differences.check(&shifted(-places), &pair[1], || format!("{a} {x} >> {places}"));
            }
        }
    }
    assert_eq!(lines.next(), None);
    differences.done();
}

/// Bitkiln never divides; the stand-ins divide as the headers do.
fn divisions(vendor: Vendor) {
    let mut draw = Draw::new(14);
    let pairs: Vec<(Operand, Operand)> = (0..16)
        .map(|_| (Operand::integer(&mut draw, 64), Operand::integer(&mut draw, 64)))
        .filter(|(a, b)| a.format.signedness() == b.format.signedness())
        .collect();
    let printed = both(&programs(vendor, "divisions", &pairs, &inputs(&pairs)));
    assert!(printed.len() > 10 * pairs.len());
}

#[test]
fn sums_differences_products_of_ap() {
    sums_differences_products(Vendor::Ap);
}

#[test]
fn sums_differences_products_of_ac() {
    sums_differences_products(Vendor::Ac);
}

#[test]
fn negations_and_shifts_of_ap() {
    negations_and_shifts(Vendor::Ap);
}

#[test]
fn negations_and_shifts_of_ac() {
    negations_and_shifts(Vendor::Ac);
}

#[test]
fn divisions_of_ap() {
    divisions(Vendor::Ap);
}

#[test]
fn divisions_of_ac() {
    divisions(Vendor::Ac);
}
