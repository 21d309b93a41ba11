//! QTools' own notion of a quantizer: a form, bits, integer bits, a sign.
//!
//! Source: `qtools/quantized_operators/quantizer_impl.py` and `quantizer_factory.py` of QKeras (June
//! 2025). Python's `True` and `1` are told apart, as QTools' files do.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::quantizer::{QkerasFunction, Quantizer};

/// Row and column of QTools' tables of operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Fixed point.
    Fixed,
    /// Powers of two.
    PowerOfTwo,
    /// -1, 0 and 1.
    Ternary,
    /// -1 and 1.
    Binary,
    /// 0 and 1.
    ZeroOne,
    /// Floating point.
    Float,
}

/// Sign of a type, as a value of Python.
#[derive(Clone, Copy, Debug)]
pub enum Sign {
    /// `True` or `False`.
    Flag(bool),
    /// `1` or `0`.
    Number(bool),
}

impl Sign {
    /// True for a signed type.
    pub fn is_signed(self) -> bool {
        match self {
            Self::Flag(signed) | Self::Number(signed) => signed,
        }
    }

    /// 1 for the sign bit of a signed type, else 0.
    pub fn bit(self) -> i64 {
        i64::from(self.is_signed())
    }

    /// Python's `|`: two flags give a flag, anything else gives a number.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let signed = self.is_signed() || other.is_signed();
        match (self, other) {
            (Self::Flag(_), Self::Flag(_)) => Self::Flag(signed),
            (Self::Number(_), _) | (_, Self::Number(_)) => Self::Number(signed),
        }
    }
}

impl PartialEq for Sign {
    /// Python's `==`: `True` equals `1`.
    fn eq(&self, other: &Self) -> bool {
        self.is_signed() == other.is_signed()
    }
}

impl Serialize for Sign {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(signed) => serializer.serialize_bool(*signed),
            Self::Number(signed) => serializer.serialize_u8(u8::from(*signed)),
        }
    }
}

/// Largest value of a power of two: QTools' `max_val_po2`, which is -1 for none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxValue {
    /// None.
    Unlimited,
    /// A value that a model states, or a product of such values.
    Stated(f64),
    /// A quotient or a root, which Python always holds as a float.
    Derived(f64),
}

impl MaxValue {
    /// The value; `None` without a limit.
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Unlimited => None,
            Self::Stated(value) | Self::Derived(value) => Some(value),
        }
    }
}

impl Serialize for MaxValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Unlimited => serializer.serialize_i64(-1),
            Self::Stated(value) if value.fract() == 0.0 => serializer.serialize_i64(value as i64),
            Self::Stated(value) | Self::Derived(value) => serializer.serialize_f64(value),
        }
    }
}

/// Type of a tensor or of the result of an operator. Serialized with the names of QTools' files.
#[derive(Clone, Debug, PartialEq)]
pub struct DataType {
    /// QTools' name: `quantized_bits`.
    pub name: &'static str,
    /// Row and column of the tables of operators.
    pub form: Form,
    /// Bits.
    pub bits: i64,
    /// Integer bits, without the sign bit of a fixed-point type.
    pub int_bits: i64,
    /// Sign.
    pub sign: Sign,
    /// Largest value of a power of two.
    pub max_value: MaxValue,
    /// Number of different values of a trained parameter; known for powers of two only.
    pub distinct: Option<usize>,
}

const BITS: &str = "quantized_bits";
const SIGNED_PO2: &str = "quantized_po2";
const UNSIGNED_PO2: &str = "quantized_relu_po2";

impl DataType {
    /// The type of a result in a form, before its operator sets bits and sign.
    pub fn of_form(form: Form) -> Self {
        let (name, bits, int_bits, sign) = match form {
            Form::Fixed => (BITS, -1, -1, Sign::Number(true)),
            Form::PowerOfTwo => (SIGNED_PO2, -1, -1, Sign::Flag(true)),
            Form::Ternary => ("ternary", 2, 2, Sign::Number(true)),
            Form::Binary => ("binary", 1, 1, Sign::Number(true)),
            Form::ZeroOne => ("binary", 1, 1, Sign::Number(false)),
            Form::Float => ("floating_point", 32, -1, Sign::Number(true)),
        };
        Self { name, form, bits, int_bits, sign, max_value: MaxValue::Unlimited, distinct: None }
    }

    /// Fixed point, QTools' `QuantizedBits`.
    pub fn fixed(bits: i64, int_bits: i64, sign: Sign) -> Self {
        Self { bits, int_bits, sign, ..Self::of_form(Form::Fixed) }
    }

    /// Floating point of so many bits.
    pub fn float(bits: i64) -> Self {
        Self { bits, ..Self::of_form(Form::Float) }
    }

    /// The type of a quantizer.
    ///
    /// QTools knows those of `quantizer_factory.py`. The others, which it refuses or ignores, have the
    /// type of their values: `quantized_linear`, `quantized_hswish` and `quantized_sigmoid` are fixed
    /// point, `binary_tanh` and `binary_sigmoid` signs. `None` for the functions that do not quantize.
    pub fn of_quantizer(quantizer: &Quantizer) -> Option<Self> {
        let name = quantizer.name();
        let fixed = |bits: u32, int_bits: i32, sign| Self {
            name,
            ..Self::fixed(bits.into(), int_bits.into(), sign)
        };
        let sign_of = |form| Self { name, ..Self::of_form(form) };
        Some(match quantizer {
            Quantizer::Bits(q) => fixed(q.bits(), q.integer_bits(), Sign::Flag(q.is_signed())),
            Quantizer::Linear(q) => fixed(q.bits(), q.integer_bits(), Sign::Flag(q.is_signed())),
            Quantizer::Hswish(q) => {
                let grid = q.grid();
                fixed(grid.bits(), grid.integer_bits(), Sign::Flag(grid.is_signed()))
            }
            Quantizer::Relu(q) => {
                // One bit that is an integer bit holds 0 and 1.
                let is_zero_one = q.bits() == 1 && q.integer_bits() == 1;
                let form = if is_zero_one { Form::ZeroOne } else { Form::Fixed };
                let sign = Sign::Number(q.is_signed());
                Self { form, ..fixed(q.bits(), q.integer_bits(), sign) }
            }
            // QTools leaves the integer bits of a tanh unset.
            Quantizer::Sigmoid(q) if q.is_tanh() => fixed(q.bits(), -1, Sign::Number(true)),
            Quantizer::Sigmoid(q) => fixed(q.bits(), 0, Sign::Number(false)),
            Quantizer::Ulaw(q) => fixed(q.bits(), q.integer_bits(), Sign::Number(true)),
            Quantizer::Ternary(_) => sign_of(Form::Ternary),
            Quantizer::Binary(q) if q.is_zero_one() => sign_of(Form::ZeroOne),
            Quantizer::Binary(_) => sign_of(Form::Binary),
            Quantizer::Po2(q) => {
                // A part of a bit takes a whole one.
                let bits = q.bits().ceil() as i64;
                let stated = |max| MaxValue::Stated(f64::from(max));
                let max_value = q.max_value().map_or(MaxValue::Unlimited, stated);
                let sign = Sign::Number(q.is_signed());
                let po2 = Self::of_form(Form::PowerOfTwo);
                Self { name, bits, int_bits: bits, sign, max_value, ..po2 }
            }
            Quantizer::Function(QkerasFunction::BinaryTanh) => sign_of(Form::Binary),
            Quantizer::Function(QkerasFunction::BinarySigmoid) => sign_of(Form::ZeroOne),
            Quantizer::Function(
                QkerasFunction::HardSigmoid
                | QkerasFunction::SmoothSigmoid
                | QkerasFunction::HardTanh
                | QkerasFunction::SmoothTanh,
            ) => return None,
        })
    }

    /// True for floating point.
    pub fn is_float(&self) -> bool {
        self.form == Form::Float
    }

    /// True for powers of two.
    pub fn is_po2(&self) -> bool {
        self.form == Form::PowerOfTwo
    }

    /// Fractional bits of fixed point.
    pub(super) fn fraction(&self) -> i64 {
        self.bits - self.sign.bit() - self.int_bits
    }

    /// Sets the name of a power of two after its sign.
    pub(super) fn name_po2(&mut self) {
        self.name = if self.sign.is_signed() { SIGNED_PO2 } else { UNSIGNED_PO2 };
    }

    /// Exponents that a power of two takes: bits below and above the binary point. QTools' `get_exp`.
    pub(super) fn exponents(&self) -> (f64, f64) {
        let half = f64::exp2((self.bits - self.sign.bit() - 1) as f64);
        let most = match self.max_value.value() {
            None => half - 1.0,
            Some(value) if value <= 0.0 => 0.0,
            Some(value) => value.log2().ceil().min(half - 1.0),
        };
        (half, most.max(0.0))
    }

    /// A power of two as fixed point, QTools' `po2_qbits_converter`; any other type as it is.
    #[must_use]
    pub(super) fn as_fixed(&self) -> Self {
        if !self.is_po2() {
            return self.clone();
        }
        let (below, above) = self.exponents();
        // Python's int() truncates.
        let bits = (self.sign.bit() as f64 + below + above) as i64;
        Self::fixed(bits, above as i64, self.sign)
    }

    /// The fields of QTools' `populate_quantizer`, into a map that its caller ends.
    pub(super) fn fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("quantizer_type", self.name)?;
        match self.form {
            Form::Float => map.serialize_entry("bits", &self.bits)?,
            Form::PowerOfTwo => {
                map.serialize_entry("bits", &self.bits)?;
                map.serialize_entry("is_signed", &self.sign)?;
                map.serialize_entry("max_value", &self.max_value)?;
            }
            Form::Binary | Form::ZeroOne => {
                map.serialize_entry("bits", &self.bits)?;
                map.serialize_entry("int_bits", &self.int_bits)?;
                map.serialize_entry("is_signed", &self.sign)?;
                let values = if self.form == Form::ZeroOne { [0, 1] } else { [-1, 1] };
                map.serialize_entry("values", &values)?;
            }
            // QTools prints constants here, whatever an operator made of the type.
            Form::Ternary => {
                map.serialize_entry("bits", &2)?;
                map.serialize_entry("int_bits", &2)?;
                map.serialize_entry("is_signed", &1)?;
                map.serialize_entry("values", &[0, -1, 1])?;
            }
            Form::Fixed => {
                map.serialize_entry("bits", &self.bits)?;
                map.serialize_entry("int_bits", &(self.int_bits + self.sign.bit()))?;
                map.serialize_entry("is_signed", &self.sign)?;
            }
        }
        Ok(())
    }
}

impl Serialize for DataType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.fields(&mut map)?;
        map.end()
    }
}
