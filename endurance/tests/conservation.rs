//! The short form of `cargo x conservation`, and that it finds a single unit that is missing.

use tidegate_endurance::conservation::{Settings, run};

fn operations(each: u64) -> u64 {
    // Without optimization an operation takes ten times as long.
    if cfg!(debug_assertions) { each } else { 10 * each }
}

#[test]
fn no_unit_is_lost_or_made_up() {
    let settings = Settings {
        operations: operations(1_000_000),
        together: operations(200_000),
        threads: 2,
        seed: 1,
        plant_each: None,
    };
    let tally = run(&settings, |_| ());
    assert_eq!(tally.errors(), 0, "{:?}", tally.first_error());
    assert!(tally.operations() >= settings.operations + settings.together);
    assert!(tally.together() >= settings.together);
}

/// One refund in seven is a unit short: in the very round in which it is made that shows, of one thread and of several.
#[test]
fn a_refund_of_one_unit_less_is_found() {
    for (operations, together) in [(50_000, 0), (0, 50_000)] {
        for seed in 0..4 {
            let settings = Settings { operations, together, threads: 1, seed, plant_each: Some(7) };
            let tally = run(&settings, |_| ());
            assert!(tally.planted() >= 1, "seed {seed}: {:?}", tally.first_error());
            assert!(tally.errors() >= 1, "seed {seed}: {} units short, none found", tally.planted());
        }
    }
}
