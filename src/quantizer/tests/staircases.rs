//! Staircases against `apply`.

use super::*;
use crate::quantizer::{Owner, Staircase, Step};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn steps_say_what_apply_gives(case in any_case(), fraction in -3..12_i32) {
        let quantizer = case.quantizer();
        let staircase = Staircase::new(&quantizer).unwrap().unwrap();
        let steps: Vec<Step> = staircase.from_left().collect();
        for x in grid(fraction) {
            // Left of a step's end, or at an end that is the step's own.
            let is_in = |step: &Step| step.right.is_none_or(|edge| {
                x < edge.at || x == edge.at && edge.owner != Owner::Right
            });
            let step = steps.iter().find(|step| is_in(step)).unwrap();
            prop_assert_eq!(step.value, quantizer.apply(x), "{} of {}", &quantizer, x);
        }
    }

    #[test]
    fn neighbours_differ_and_share_an_edge(case in any_case()) {
        let quantizer = case.quantizer();
        let staircase = Staircase::new(&quantizer).unwrap().unwrap();
        let steps: Vec<Step> = staircase.from_left().collect();
        prop_assert!(steps[0].left.is_none() && steps[steps.len() - 1].right.is_none());
        for pair in steps.windows(2) {
            prop_assert_eq!(pair[0].right, pair[1].left);
            prop_assert_ne!(pair[0].value, pair[1].value, "{}", &quantizer);
            let edge = pair[0].right.unwrap();
            if edge.owner != Owner::Neither {
                let owner = &pair[usize::from(edge.owner == Owner::Right)];
                prop_assert_eq!(quantizer.apply(edge.at), owner.value, "{} at {}", &quantizer, edge.at);
            }
        }
    }
}
