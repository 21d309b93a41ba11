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

pub(super) fn relu(x: f64, bits: i32, integer: i32, use_sigmoid: bool, slope: f64) -> f64 {
    let non_sign_bits = bits - i32::from(slope != 0.0);
    let m = 2.0_f64.powi(non_sign_bits);
    let m_i = 2.0_f64.powi(integer);
    let clip = |x: f64, low: f64, high: f64| x.max(low).min(high);
    if use_sigmoid {
        let p = clip(0.5 * (x / m_i) + 0.5, 0.0, 1.0) * m;
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
    exponent_bits: i32,
    (max_value, quadratic, floor): (Option<f32>, bool, bool),
) -> f64 {
    let sign_bit = match max_value {
        Some(max) => i32::from(max > 1.0),
        None => 1,
    };
    let min_exp = -(2.0_f64.powi(exponent_bits - sign_bit));
    let mut max_exp = -min_exp - 1.0;
    if quadratic {
        max_exp = 2.0 * (max_exp / 2.0).floor();
    }
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
    if exponent < -126.0 { 0.0 } else { exponent.exp2() }
}
