//! Changes to bytes and to JSON.

use serde_json::{Value, json};

use crate::random::Random;

/// Signatures of structures in HDF5, zip and NumPy files: most bytes elsewhere are plain data.
const MARKS: &[&[u8]] = &[
    b"\x89HDF",
    b"TREE",
    b"SNOD",
    b"HEAP",
    b"GCOL",
    b"OHDR",
    b"OCHK",
    b"FRHP",
    b"FHDB",
    b"FHIB",
    b"BTHD",
    b"BTLF",
    b"FADB",
    b"FAHD",
    b"EAHD",
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"NUMPY",
];

/// One to four changes of any kind.
pub fn bytes(original: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..=random.below(4) {
        change(&mut bytes, random);
    }
    bytes
}

/// Position of a change: near a signature more often than not.
fn place(bytes: &[u8], random: &mut Random) -> usize {
    let anywhere = random.below(bytes.len());
    if random.below(4) == 0 {
        return anywhere;
    }
    let mark = random.one_of(MARKS);
    let found = bytes[anywhere..].windows(mark.len()).position(|window| window == mark);
    match found {
        Some(distance) => (anywhere + distance + random.below(96)).min(bytes.len() - 1),
        None => anywhere,
    }
}

fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    let at = place(bytes, random);
    match random.below(8) {
        // A flipped bit.
        0 => bytes[at] ^= 1 << random.below(8),
        // Random bytes.
        1 => {
            let end = (at + 1 + random.below(16)).min(bytes.len());
            bytes[at..end].fill_with(|| random.number() as u8);
        }
        // Numbers that break sizes and addresses.
        2 | 3 => number(bytes, at, random),
        // Two words swapped.
        4 => {
            let other = place(bytes, random);
            let size = random.one_of(&[2, 4, 8]);
            for offset in 0..size {
                if at + offset < bytes.len() && other + offset < bytes.len() {
                    bytes.swap(at + offset, other + offset);
                }
            }
        }
        // One block over another.
        5 => {
            let other = place(bytes, random);
            let size = (1 + random.below(64)).min(bytes.len() - at.max(other));
            bytes.copy_within(other..other + size, at);
        }
        6 if random.below(4) == 0 => bytes.truncate(at),
        6 => {
            bytes.drain(at..(at + 1 + random.below(16)).min(bytes.len()));
        }
        _ => {
            let more: Vec<u8> = (0..random.below(32)).map(|_| random.number() as u8).collect();
            bytes.splice(at..at, more);
        }
    }
}

fn number(bytes: &mut [u8], at: usize, random: &mut Random) {
    let length = bytes.len() as u64;
    let odd = [
        0,
        1,
        2,
        7,
        0x7f,
        0x80,
        0xff,
        0x7fff,
        0x8000,
        0xffff,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        1 << 32,
        1 << 40,
        i64::MAX as u64,
        u64::MAX - 1,
        u64::MAX,
        length,
        length - 1,
        length + 1,
    ];
    let value = match random.below(4) {
        0 => random.below(bytes.len()) as u64,
        _ => random.one_of(&odd),
    };
    let size = random.one_of(&[1, 2, 4, 8]);
    let end = (at + size).min(bytes.len());
    bytes[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
}

/// JSON with one to three of its values changed.
pub fn json(original: &Value, random: &mut Random) -> Vec<u8> {
    let mut changed = original.clone();
    for _ in 0..=random.below(3) {
        let mut left = random.below(count(&changed));
        change_value(&mut changed, &mut left, random);
    }
    changed.to_string().into_bytes()
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(values) => values.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the value that comes after `left` others.
fn change_value(value: &mut Value, left: &mut usize, random: &mut Random) -> bool {
    if *left == 0 {
        *value = odd_value(value, random);
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(values) => values.iter_mut().any(|value| change_value(value, left, random)),
        Value::Object(values) => values.values_mut().any(|value| change_value(value, left, random)),
        _ => false,
    }
}

fn odd_value(value: &Value, random: &mut Random) -> Value {
    match random.below(14) {
        0 => Value::Null,
        1 => json!(0),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(1e300),
        5 => json!(1_u64 << 31),
        6 => json!(""),
        7 => json!([]),
        8 => json!({}),
        9 => json!([value, value]),
        10 => json!({"class_name": value, "config": value}),
        11 => (0..100).fold(json!(1), |inner, _| json!([inner])),
        12 => json!("quantized_relu(((((((((((6,0),)"),
        _ => match value {
            Value::Object(values) => {
                let mut values = values.clone();
                let gone = values.keys().nth(random.below(values.len())).cloned();
                gone.map(|gone| values.shift_remove(&gone));
                Value::Object(values)
            }
            Value::Array(values) => values.iter().skip(1).cloned().collect(),
            other => json!([other]),
        },
    }
}
