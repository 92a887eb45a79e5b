use super::*;
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);

fn rests(quiet: Option<Duration>) -> Rests {
    Rests {
        quiet,
        settling: options::Settling::default(),
    }
}

fn file(size: u64, version: i128) -> Identity {
    Identity {
        device: 1,
        inode: 2,
        size,
        mtime_ns: version,
        ctime_ns: version,
    }
}

/// Plays a file that never changes again and gives the time until it is offered, with what it waited for on the way.
fn play(
    mut file: Settling,
    start: Instant,
    rests: &Rests,
    content: &Content,
) -> (Duration, Vec<Waits>) {
    let (mut now, mut waited) = (start, Vec::new());
    for _ in 0..100 {
        match file.decide(now, rests, true) {
            Decision::Offer => return (now - start, waited),
            Decision::Look => file.on_look(now, *file.identity(), None),
            Decision::Inspect => file.on_content(content.clone()),
            Decision::Wait { until, waits } => {
                waited.push(waits);
                now = until.expect("it settles some day");
            }
        }
    }
    panic!("it never settles: {waited:?}");
}

#[test]
fn the_rest_depends_on_how_a_file_came() {
    let start = Instant::now();
    let whole = Content::Inspected(Finding::Complete);
    for (via, remote, quiet, expected) in [
        (Via::Renamed, false, None, 0),
        (Via::Closed, false, None, 1_000),
        (Via::Found, false, None, 2_000),
        (Via::Written, false, None, 60_000),
        (Via::Renamed, true, None, 5_000),
        (Via::Found, true, None, 5_000),
        (Via::Found, false, Some(0), 0),
        (Via::Renamed, false, Some(3_000), 3_000),
        (Via::Closed, true, Some(100), 100),
        (Via::Written, false, Some(0), 60_000),
    ] {
        let quiet = quiet.map(|ms| MS * ms);
        let settling = Settling::new(start, file(9, 1), via, remote);
        let (took, _) = play(settling, start, &rests(quiet), &whole);
        assert_eq!(
            took,
            MS * expected,
            "{via:?} remote {remote} quiet {quiet:?}"
        );
    }
}

#[test]
fn garbage_and_damaged_files_are_offered_in_the_end() {
    let start = Instant::now();
    let truncated = Content::Inspected(Finding::Truncated("its end is missing".into()));
    let not_pdf = Content::Inspected(Finding::NotPdf);
    for (content, quiet, expected) in [
        (&not_pdf, None, 10_000),
        (&not_pdf, Some(0), 10_000),
        (&not_pdf, Some(5_000), 20_000),
        (&truncated, None, 60_000),
        (&truncated, Some(0), 60_000),
        (&truncated, Some(90_000), 90_000),
    ] {
        let quiet = quiet.map(|ms| MS * ms);
        let settling = Settling::new(start, file(9, 1), Via::Renamed, false);
        let (took, waited) = play(settling, start, &rests(quiet), content);
        assert_eq!(
            took,
            MS * expected,
            "{content:?} quiet {quiet:?}: {waited:?}"
        );
    }
}

#[test]
fn a_rename_with_no_rest_needs_one_look() {
    let now = Instant::now();
    let mut settling = Settling::new(now, file(9, 1), Via::Renamed, false);
    assert_eq!(settling.decide(now, &rests(None), true), Decision::Inspect);
    settling.on_content(Content::Inspected(Finding::Complete));
    assert_eq!(settling.decide(now, &rests(None), true), Decision::Offer);
}

#[test]
fn a_rest_ends_with_a_second_look() {
    let start = Instant::now();
    let mut settling = Settling::new(start, file(9, 1), Via::Found, false);
    let later = start + MS * 2_000;
    assert_eq!(settling.decide(later, &rests(None), true), Decision::Look);
    settling.on_look(later, file(9, 2), None);
    let waits = Waits::Rest(MS * 2_000);
    let until = Some(later + MS * 2_000);
    assert_eq!(
        settling.decide(later, &rests(None), true),
        Decision::Wait { until, waits }
    );
}

#[test]
fn an_empty_file_waits_for_content_however_long() {
    let start = Instant::now();
    let mut settling = Settling::new(start, file(0, 1), Via::Closed, false);
    let waits = Waits::Empty;
    let later = start + Duration::from_secs(86_400);
    assert_eq!(
        settling.decide(later, &rests(None), true),
        Decision::Wait { until: None, waits }
    );
    settling.on_look(later, file(9, 2), Some(Via::Closed));
    let (took, _) = play(
        settling,
        later,
        &rests(None),
        &Content::Inspected(Finding::Complete),
    );
    assert_eq!(took, MS * 1_000);
}

#[test]
fn a_writer_is_waited_for_until_he_closes() {
    let start = Instant::now();
    let mut settling = Settling::new(start, file(9, 1), Via::Written, false);
    let now = start + MS * 30_000;
    assert!(matches!(
        settling.decide(now, &rests(None), true),
        Decision::Wait {
            waits: Waits::Writer,
            ..
        }
    ));
    settling.on_look(now, file(9, 1), Some(Via::Closed));
    assert_eq!(settling.decide(now, &rests(None), true), Decision::Inspect);
    // A scan that sees the file grow does not take the writer away.
    settling.on_look(now, file(10, 2), Some(Via::Written));
    settling.on_look(now, file(11, 3), None);
    assert!(matches!(
        settling.decide(now + MS * 5_000, &rests(None), true),
        Decision::Wait {
            waits: Waits::Writer,
            ..
        }
    ));
    settling.on_lost();
    assert_eq!(
        settling.decide(now + MS * 5_000, &rests(None), true),
        Decision::Look
    );
}

#[test]
fn a_file_that_takes_long_is_reported_once_and_again_only_after_a_change() {
    let start = Instant::now();
    let rests = rests(None);
    let mut settling = Settling::new(start, file(0, 1), Via::Found, false);
    let due = start + rests.settling.incomplete;
    assert_eq!(settling.next_deadline(start, &rests, true), Some(due));
    assert!(!settling.is_overdue(due - MS, &rests));
    assert!(settling.is_overdue(due, &rests));
    settling.on_reported();
    assert!(!settling.is_overdue(due, &rests));
    assert_eq!(settling.next_deadline(due, &rests, true), None);
    settling.on_look(due, file(0, 2), None);
    assert!(!settling.is_overdue(due, &rests));
    assert!(settling.is_overdue(due + rests.settling.incomplete, &rests));
}

#[test]
fn an_unreadable_file_is_tried_again_and_again() {
    let start = Instant::now();
    let rests = rests(Some(Duration::ZERO));
    let mut settling = Settling::new(start, file(9, 1), Via::Renamed, false);
    let mut now = start;
    for _ in 0..3 {
        assert_eq!(settling.decide(now, &rests, true), Decision::Inspect);
        settling.on_content(Content::Unreadable("not readable by uid 9".into()));
        let Decision::Wait {
            until: Some(until),
            waits,
        } = settling.decide(now, &rests, true)
        else {
            panic!("it waits");
        };
        assert_eq!(waits.reason(), "not readable by uid 9");
        now = until;
        assert_eq!(settling.decide(now, &rests, true), Decision::Look);
        settling.on_look(now, file(9, 1), None);
    }
}

#[test]
fn a_done_file_is_waited_for() {
    let now = Instant::now();
    let settling = Settling::new(now, file(9, 1), Via::Renamed, false);
    let waits = Waits::DoneFile;
    assert_eq!(
        settling.decide(now, &rests(None), false),
        Decision::Wait { until: None, waits }
    );
    assert_eq!(settling.decide(now, &rests(None), true), Decision::Inspect);
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Change(u64, Option<Via>),
    Look,
}

fn any_step() -> impl Strategy<Value = Step> {
    let via = prop_oneof![
        Just(None),
        Just(Some(Via::Renamed)),
        Just(Some(Via::Closed)),
        Just(Some(Via::Written)),
        Just(Some(Via::Found)),
    ];
    prop_oneof![
        (0_u64..8_000).prop_map(Step::Pass),
        (0_u64..50, via).prop_map(|(size, via)| Step::Change(size, via)),
        Just(Step::Look),
    ]
}

proptest! {
    /// Whatever happens: nothing is offered before its rest, nothing changed is offered without a new look into it, and once
    /// nothing changes any more every file that is not empty is offered.
    #[test]
    fn settling_is_sound_and_ends(
        steps in proptest::collection::vec(any_step(), 0..40),
        quiet in proptest::option::of(0_u64..5_000),
        remote in any::<bool>(),
    ) {
        let rests = rests(quiet.map(|ms| MS * u32::try_from(ms).expect("small")));
        let start = Instant::now();
        let (mut now, mut version, mut last_change, mut inspected) = (start, 1, start, None);
        let mut truth = file(9, 1);
        let mut settling = Settling::new(now, truth, Via::Found, remote);
        for step in steps {
            match step {
                Step::Pass(ms) => now += MS * u32::try_from(ms).expect("small"),
                Step::Look => settling.on_look(now, truth, None),
                Step::Change(size, via) => {
                    version += 1;
                    truth = file(size, version);
                    settling.on_look(now, truth, via);
                    last_change = now;
                }
            }
            match settling.decide(now, &rests, true) {
                Decision::Inspect => {
                    settling.on_content(Content::Inspected(Finding::Complete));
                    inspected = Some(version);
                }
                Decision::Offer => {
                    prop_assert!(now >= last_change + settling.rest(&rests));
                    prop_assert_eq!(inspected, Some(version));
                    prop_assert!(truth.size > 0);
                }
                Decision::Look => settling.on_look(now, truth, None),
                Decision::Wait { until, .. } => prop_assert!(until.is_none_or(|until| until > now)),
            }
        }
        if truth.size > 0 {
            let (took, _) = play(settling, now, &rests, &Content::Inspected(Finding::Complete));
            prop_assert!(took <= Duration::from_secs(65));
        }
    }
}
