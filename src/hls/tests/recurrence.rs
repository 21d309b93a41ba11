//! Recurrent layers: the chain from state to state, and the sharing of multipliers in a step.

use super::*;

/// `s' = cast(W s + x)` over 100 steps of 8 elements.
fn recurrence() -> Graph {
    let row = (0..8).map(|o| (0..8).map(move |i| (5 * i + 3 * o) % 15 - 7));
    let weights: Vec<String> = row.flatten().map(|code| code.to_string()).collect();
    let text = format!(
        "graph g
        x = input shape=[100, 8] format=fixed<8,4>
        y = scan x initial=(fixed<8,4>[8]{{0, 0, 0, 0, 0, 0, 0, 0}}) last=true body=(
            row = input shape=[8] format=fixed<8,4> layer=y
            state = input shape=[8] format=fixed<8,4> layer=y
            product = linear state weights=fixed<4,4>[8, 8]{{{}}} layer=y
            added = add product row layer=y
            limited = cast added to=fixed<8,4,TRN,SAT> layer=y
            output limited
            output limited
        )
        output y",
        weights.join(", ")
    );
    ir::text::parse(&text).unwrap()
}

#[test]
fn the_chain_from_state_to_state_is_the_interval_of_a_step() {
    for io in [IoType::Parallel, IoType::Stream] {
        let design = Design::new(&recurrence(), &Options { io, ..options() }).unwrap();
        let mut steps = design.processes.iter().filter_map(Process::recurrence);
        let steps = steps.next().unwrap();
        let carried: Vec<&str> = steps.carried.iter().map(|id| &*design[*id].name).collect();
        assert_eq!(carried, ["product", "added", "limited"]);
        assert!(steps.is_pipelined(&design) && steps.interval > 1);
        assert!(design.schedule.initiation_interval >= 100 * steps.interval);
        // They share the clock cycles of the chain.
        assert!(steps.kernels.iter().all(|id| design[*id].plan.inlined));
    }
}

#[test]
fn a_target_leaves_time_for_the_operations_of_a_step() {
    let io = IoType::Stream;
    let free = Design::new(&recurrence(), &Options { io, ..options() }).unwrap();
    let fastest = free.schedule.initiation_interval;
    let mut multipliers = free.schedule.multipliers;
    for target in [fastest, 2 * fastest, 3 * fastest, 10 * fastest] {
        let target_interval = Some(target);
        let design = Design::new(&recurrence(), &Options { io, target_interval, ..options() });
        let design = design.unwrap();
        assert!(design.schedule.initiation_interval <= target + 100, "{target}");
        let found = design.warnings.iter().any(|it| it.code() == "target-missed");
        assert!(!found, "{target}");
        assert!(design.schedule.multipliers <= multipliers);
        multipliers = design.schedule.multipliers;
    }
    assert!(multipliers < free.schedule.multipliers / 3, "{multipliers}");
}

#[test]
fn a_recurrent_reuse_factor_is_that_of_the_products_with_the_state() {
    for (reuse, recurrent, expected) in [(1, 8, 8), (4, 8, 8), (8, 1, 1)] {
        let options = Options {
            io: IoType::Stream,
            strategy: crate::config::Strategy::Resource,
            reuse_factor: reuse,
            layer_recurrent_reuse_factors: [("y".to_owned(), recurrent)].into(),
            ..options()
        };
        let design = Design::new(&recurrence(), &options).unwrap();
        let products = design.kernels.iter().find(|it| it.name == "product").unwrap();
        assert_eq!(products.multipliers.unwrap().reuse_factor, expected);
        let steps = design.processes.iter().find_map(Process::recurrence).unwrap();
        assert_eq!(steps.is_pipelined(&design), expected == 1);
    }
}

#[test]
fn a_step_that_registers_cannot_hold_is_refused() {
    let zeros = vec!["0"; 4097].join(", ");
    let text = format!(
        "graph g
        x = input shape=[2, 4097] format=fixed<3,3>
        y = scan x initial=(fixed<4,4>[4097]{{{zeros}}}) last=true body=(
            row = input shape=[4097] format=fixed<3,3>
            state = input shape=[4097] format=fixed<4,4>
            added = add state row layer=y
            limited = cast added to=fixed<4,4,TRN,SAT> layer=y
            output limited
            output limited
        )
        output y"
    );
    let graph = ir::text::parse(&text).unwrap();
    let error = Design::new(&graph, &options()).map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "layer 'y': a step has 4097 elements of 'limited', registers hold 4096 at most"
    );
}
