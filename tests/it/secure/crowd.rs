//! Many who listen, some of whom never read.

use crate::PROGRAM;
use dropleaf_test_support::crowd::{Plan, run};

#[test]
fn those_who_never_read_cost_little_and_hold_up_nobody() {
    let plan = Plan {
        program: PROGRAM.into(),
        clients: 60,
        deaf: 12,
        files: 80,
        usual_limits: false,
    };
    let report = run(&plan).expect("everybody is served");
    assert_eq!(report.let_in, 60, "{report:?}");
    assert_eq!(
        report.ends,
        [80, 80],
        "each end once, to each reader: {report:?}"
    );
    assert!(report.left >= 48, "no reader was let go: {report:?}");
    let grown = report.memory[2] - report.memory[1];
    // 8 MiB are what the feed may keep for those who lag; the rest is the work itself.
    assert!(grown < 48 * 1024, "{grown} KiB more: {report:?}");
}
