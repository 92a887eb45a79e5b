//! A short run of the torture that `cargo xtask torture` does at length.

use crate::PROGRAM;
use dropleaf_test_support::torture::{Plan, run};

#[test]
fn a_daemon_that_is_killed_under_load_loses_nothing_and_doubles_nothing() {
    for seed in [1, 2] {
        let plan = Plan {
            program: PROGRAM.into(),
            kills: 15,
            seed,
            place: None,
        };
        let report = run(&plan, &mut |_| ()).expect("the daemon starts");
        assert_eq!(report.faults, Vec::<String>::new(), "seed {seed}");
        assert!(
            report.files > 20 && report.processed > 10,
            "the load reached the daemon: {report:?}"
        );
    }
}
