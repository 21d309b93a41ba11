//! Reuse factors, as hls4ml's Latency strategy means them: a kernel that multiplies n times may
//! take R cycles a sample and then needs only n / R multipliers.

/// The reuse factors of a kernel with `products` products: the divisors of that number, ascending.
pub fn legal_reuse_factors(products: u64) -> Vec<u64> {
    let small: Vec<u64> =
        (1..).take_while(|d| d * d <= products).filter(|d| products.is_multiple_of(*d)).collect();
    let large = small.iter().rev().map(|d| products / d).filter(|d| d * d > products);
    small.iter().copied().chain(large).collect()
}

/// The legal reuse factor that is nearest to `asked`; of two, the smaller one, which is faster.
pub fn nearest_legal_reuse_factor(products: u64, asked: u64) -> u64 {
    legal_reuse_factors(products).into_iter().min_by_key(|d| d.abs_diff(asked)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_factors_divide_the_number_of_products() {
        assert_eq!(legal_reuse_factors(12), [1, 2, 3, 4, 6, 12]);
        assert_eq!(legal_reuse_factors(16), [1, 2, 4, 8, 16]);
        assert_eq!(legal_reuse_factors(1), [1]);
        assert_eq!(legal_reuse_factors(7), [1, 7]);
    }

    #[test]
    fn the_nearest_factor_wins_and_the_faster_one_of_two() {
        assert_eq!(nearest_legal_reuse_factor(1024, 4), 4);
        assert_eq!(nearest_legal_reuse_factor(12, 5), 4);
        assert_eq!(nearest_legal_reuse_factor(160, 7), 8);
        assert_eq!(nearest_legal_reuse_factor(160, 1_000_000), 160);
    }
}
