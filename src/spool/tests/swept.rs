//! What the sweep at a start removes and puts back.

use super::*;

#[test]
fn the_sweep_removes_what_no_delivery_needs_and_puts_back_what_no_job_holds() {
    let home = Home::new();
    let (inbox, out) = (home.path("in"), home.path("out"));
    for (n, name) in [
        (1, "a.pdf"),
        (2, "known.pdf"),
        (3, "stranger.pdf"),
        (4, "live.pdf"),
    ] {
        let from = inbox.join(name);
        std::fs::write(&from, name).expect("writable");
        let claim = Claim {
            held: held_path(&inbox, job(n)),
            identity: identity(&from),
            from,
        };
        home.spool.claim(&claim).expect("claimed");
    }
    for n in [4, 5] {
        let path = out.join("x.pdf");
        let to = Destination {
            root: &out,
            path: &path,
            job: job(n),
            number: 0,
        };
        home.spool.stage_bytes(b"x", &to).expect("staged");
        // In an earlier life.
        home.spool.release(job(n));
        uploaded(&inbox, job(n), b"");
    }
    let part = plan::companion(&held_path(&inbox, job(9)), ".part");
    std::fs::write(&part, "half").expect("writable");
    std::fs::write(inbox.join(".dropleaf/claimed/mine"), "not ours").expect("writable");
    let standing = |id: JobId| match id.0.0 {
        2 => Standing::Over {
            lay: inbox.join("sub/known.pdf"),
            now: None,
        },
        4 => Standing::Staged,
        5 => Standing::Holding,
        1 => Standing::Holding,
        _ => Standing::Unknown,
    };
    let mut swept = home.spool.sweep_inbox(&inbox, standing);
    swept.add(home.spool.sweep_outbox(&out, standing));
    assert_eq!(swept.failed, Vec::<String>::new());
    assert_eq!(swept.strange.len(), 1);
    assert_eq!(swept.removed.len(), 3, "{:?}", swept.removed);
    let recovered = format!("in/recovered-{}.pdf", job(3));
    let put_back = [
        (job(2), home.path("in/sub/known.pdf")),
        (job(3), home.path(&recovered)),
    ];
    assert_eq!(swept.put_back, put_back);
    let left = home.files();
    assert_eq!(left["in/sub/known.pdf"], "known.pdf");
    assert_eq!(left[&recovered], "stranger.pdf");
    assert!(left.contains_key(&format!("out/.dropleaf/staged/{}-0", job(4))));
    assert!(left.contains_key(&format!("in/.dropleaf/uploads/{}.part", job(4))));
    assert_eq!(left.len(), 7, "{left:#?}");
    // A delivery moves some temps; what else of it lies there has come back from a cut.
    let temp = |folder: &Path| staged_folder(folder).join(format!("{}-0", job(4)));
    let notes = |_| Standing::Delivering(vec![temp(&home.path("failed"))]);
    let output = |_| Standing::Delivering(vec![temp(&out)]);
    assert_eq!(
        home.spool.sweep_outbox(&out, output),
        sweep::Swept::default()
    );
    std::fs::create_dir_all(staged_folder(&home.path("failed"))).expect("made");
    assert_eq!(home.spool.sweep_outbox(&out, notes).removed, [temp(&out)]);
    assert_eq!(
        home.spool.sweep_outbox(&home.path("none"), standing),
        sweep::Swept::default()
    );
}
