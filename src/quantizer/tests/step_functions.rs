//! Step functions against `apply`.

use super::*;
use crate::quantizer::{Piece, RealStepFunction, Side};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn pieces_have_the_values_of_apply(case in any_case(), fraction in -3..12_i32) {
        let quantizer = case.quantizer();
        let function = RealStepFunction::new(&quantizer).unwrap().unwrap();
        let pieces: Vec<Piece> = function.ascending().collect();
        for x in numbers(fraction) {
            // Below the upper end of a piece, or at an end that it includes.
            let is_in = |piece: &Piece| piece.high.is_none_or(|threshold| {
                x < threshold.at || x == threshold.at && threshold.side != Side::Above
            });
            let piece = pieces.iter().find(|step| is_in(step)).unwrap();
            prop_assert_eq!(piece.value, quantizer.apply(x), "{} of {}", &quantizer, x);
        }
    }

    #[test]
    fn neighbours_differ_and_share_a_threshold(case in any_case()) {
        let quantizer = case.quantizer();
        let function = RealStepFunction::new(&quantizer).unwrap().unwrap();
        let pieces: Vec<Piece> = function.ascending().collect();
        prop_assert!(pieces[0].low.is_none() && pieces[pieces.len() - 1].high.is_none());
        for pair in pieces.windows(2) {
            prop_assert_eq!(pair[0].high, pair[1].low);
            prop_assert_ne!(pair[0].value, pair[1].value, "{}", &quantizer);
            let threshold = pair[0].high.unwrap();
            if threshold.side != Side::Neither {
                let owner = &pair[usize::from(threshold.side == Side::Above)];
                prop_assert_eq!(quantizer.apply(threshold.at), owner.value, "{} at {}", &quantizer, threshold.at);
            }
        }
    }
}
