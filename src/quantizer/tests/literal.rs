//! QKeras' definitions, line by line in f64: shifts, not formats; logarithms, not comparisons.

pub(super) fn bits(
    x: f64,
    bits: i32,
    integer: i32,
    symmetric: bool,
    keep_negative: bool,
    alpha: f32,
) -> f64 {
    let unsigned_bits = bits - i32::from(keep_negative);
    let keep = f64::from(u8::from(keep_negative));
    let m = 2.0_f64.powi(unsigned_bits);
    let m_i = 2.0_f64.powi(integer);
    let xq = if unsigned_bits > 0 {
        let p = x * m / m_i;
        let low = keep * (-m + f64::from(u8::from(symmetric)));
        m_i * p.round_ties_even().max(low).min(m - 1.0) / m
    } else if x >= 0.0 {
        1.0
    } else {
        -1.0
    };
    f64::from(alpha) * xq
}

/// The branch for a computed alpha with `post_training_scale`.
pub(super) fn frozen_bits(x: f64, bits: i32, integer: i32, keep_negative: bool, scale: f32) -> f64 {
    let m = 2.0_f64.powi(bits - i32::from(keep_negative));
    let m_i = 2.0_f64.powi(integer);
    let levels = (2.0_f64.powi(bits - 1) - 1.0) * 2.0;
    let x = x / m_i;
    let scale = f64::from(scale) / m;
    let v = (x.abs() / scale + 0.5).floor();
    let sign = if x == 0.0 { 0.0 } else { x.signum() };
    let z = sign * if v < levels / 2.0 { v } else { levels / 2.0 };
    (scale * m) * (m_i * z / m)
}

/// `_sigmoid`, as `set_internal_sigmoid` sets it.
pub(super) fn sigmoid(x: f64, kind: &str) -> f64 {
    let clip = |x: f64| x.clamp(0.0, 1.0);
    match kind {
        "hard" => clip(0.5 * x + 0.5),
        "smooth" => clip(0.1875 * x + 0.5),
        _ => 1.0 / (1.0 + (-x).exp()),
    }
}

pub(super) fn ulaw(x: f64, bits: i32, integer: i32, symmetric: bool, u: f64, kind: &str) -> f64 {
    let m = 2.0_f64.powi(bits - 1);
    let m_i = 2.0_f64.powi(integer);
    let p = sigmoid(x / m_i, kind) * m;
    let rp = 2.0 * (p.round_ties_even() / m) - 1.0;
    let sign = if rp == 0.0 { 0.0 } else { rp.signum() };
    // libm's logarithm: another library's may differ in the last bit, and no rounding follows.
    let u_law_p = sign * libm::log1p(u * rp.abs()) / libm::log1p(u);
    m_i * u_law_p.max(-1.0 + f64::from(u8::from(symmetric)) / m).min(1.0 - 1.0 / m)
}

pub(super) fn tanh(x: f64, bits: i32, symmetric: bool, real: bool, kind: &str) -> f64 {
    let m = 2.0_f64.powi(bits - 1);
    let p = if real { x.tanh() } else { 2.0 * sigmoid(x, kind) - 1.0 };
    let low = -1.0 + f64::from(u8::from(symmetric)) / m;
    ((p * m).round_ties_even() / m).max(low).min(1.0 - 1.0 / m)
}

pub(super) fn quantized_sigmoid(x: f64, bits: i32, symmetric: bool, real: bool, kind: &str) -> f64 {
    let m = 2.0_f64.powi(bits);
    let p = sigmoid(x, if real { "real" } else { kind });
    ((p * m).round_ties_even() / m).max(f64::from(u8::from(symmetric)) / m).min(1.0 - 1.0 / m)
}

pub(super) fn hswish(x: f64, shift: i32, bound: i32) -> f64 {
    let shift_x = x + f64::from(shift);
    let relu_x = if shift_x <= f64::from(bound) { shift_x.max(0.0) } else { f64::from(bound) };
    x * relu_x / f64::from(bound)
}

pub(super) fn linear(
    x: f64,
    bits: i32,
    integer: i32,
    symmetric: bool,
    keep_negative: bool,
    alpha: f32,
) -> f64 {
    let keep = f64::from(u8::from(keep_negative));
    let data_type_scale = 2.0_f64.powi(integer - bits + i32::from(keep_negative));
    let quantization_scale = f64::from(alpha) * data_type_scale;
    let use_sign_function = bits == 1 && keep_negative;
    let shift = if use_sign_function { 0.5 } else { 0.0 };
    let (clip_min, clip_max) = if use_sign_function {
        (-0.5, 0.5)
    } else {
        let unsigned_bits_po2 = 2.0_f64.powi(bits - i32::from(keep_negative));
        let symmetric = f64::from(u8::from(symmetric));
        (keep * (-unsigned_bits_po2 + symmetric), unsigned_bits_po2 - 1.0)
    };
    let clipped = (x / quantization_scale).max(clip_min).min(clip_max);
    ((clipped - shift).round_ties_even() + shift) * quantization_scale
}

pub(super) fn relu(x: f64, bits: i32, integer: i32, sigmoid_kind: Option<&str>, slope: f64) -> f64 {
    let non_sign_bits = bits - i32::from(slope != 0.0);
    let m = 2.0_f64.powi(non_sign_bits);
    let m_i = 2.0_f64.powi(integer);
    let clip = |x: f64, low: f64, high: f64| x.max(low).min(high);
    if let Some(kind) = sigmoid_kind {
        let p = sigmoid(x / m_i, kind) * m;
        let mut xq = m_i * clip(2.0 * (p.round_ties_even() / m) - 1.0, 0.0, 1.0 - 1.0 / m);
        if slope > 0.0 {
            let factor = 1.0 / (slope * m);
            let rounded = (p * slope).round_ties_even() * factor;
            xq += m_i * slope * clip(2.0 * rounded - 1.0, -1.0, 0.0);
        }
        xq
    } else {
        let p = x * m / m_i;
        let mut xq = m_i * clip(p.round_ties_even() / m, 0.0, 1.0 - 1.0 / m);
        if slope > 0.0 {
            let factor = 1.0 / (slope * m);
            xq += m_i * slope * clip((p * slope).round_ties_even() * factor, -1.0, 0.0);
        }
        xq
    }
}

/// `_clip_power_of_two` and `_get_min_max_exponents`; `exponent_bits` with the exponent's sign.
pub(super) fn power(
    x_abs: f64,
    exponent_bits: f64,
    (max_value, quadratic, floor): (Option<f32>, bool, bool),
) -> f64 {
    let sign_bit = match max_value {
        Some(max) => f64::from(u8::from(max > 1.0)),
        None => 1.0,
    };
    let min_exp = -((exponent_bits - sign_bit).exp2());
    let mut max_exp = -min_exp - 1.0;
    if quadratic {
        max_exp = 2.0 * (max_exp / 2.0).floor();
    }
    // Keras' clip, of float32 numbers.
    let (min_exp, max_exp) = (f64::from(min_exp as f32), f64::from(max_exp as f32));
    let max_exp = if max_exp < min_exp { min_exp } else { max_exp };
    let epsilon = f64::from(1e-7_f32);
    if x_abs < epsilon {
        return tiny_power(min_exp);
    }
    let x = max_value.map_or(x_abs, |max| if x_abs >= max.into() { max.into() } else { x_abs });
    let factor = if quadratic { 2.0 } else { 1.0 };
    let log2 = x.log2() / factor; // of the square root, if quadratic
    let rounded = if floor { log2.floor() } else { log2.round_ties_even() };
    tiny_power(factor * rounded.max(min_exp).min(max_exp))
}

/// 2^`exponent`, where float32 has it.
fn tiny_power(exponent: f64) -> f64 {
    if exponent < -126.0 { 0.0 } else { f64::from(exponent.exp2() as f32) }
}
