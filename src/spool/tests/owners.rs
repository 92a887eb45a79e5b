//! Two homes at one folder.

use super::*;
use crate::owner::Owner;

#[test]
fn nothing_is_taken_or_swept_where_another_home_takes_files() {
    let home = Home::new();
    let inbox = home.path("in");
    let spool = |name: &str| {
        let folder = home.path(name);
        std::fs::create_dir(&folder).expect("makeable");
        let owner = Owner::of(&folder, folder.join("home-id")).expect("an id");
        Spool::new(Mounts::default(), owner)
    };
    let (theirs, ours) = (spool("theirs"), spool("ours"));
    theirs.claim(&home.claim()).expect("claimed");
    uploaded(&inbox, job(2), PDF);
    std::fs::write(home.path("in/b.pdf"), PDF).expect("writable");
    let before = home.files();
    let unknown = |_| Standing::Unknown;
    assert_eq!(ours.sweep_inbox(&inbox, unknown), sweep::Swept::default());
    assert_eq!(ours.sweep_claimed(&inbox, unknown), sweep::Swept::default());
    let claim = Claim {
        from: home.path("in/b.pdf"),
        held: held_path(&inbox, job(3)),
        identity: identity(&home.path("in/b.pdf")),
    };
    let refused = ours.claim(&claim).expect_err("another's");
    assert!(refused.to_string().contains("/theirs` on `"), "{refused}");
    assert_eq!(home.files(), before);
    let swept = theirs.sweep_inbox(&inbox, unknown);
    assert_eq!((swept.put_back.len(), swept.removed.len()), (1, 1));
    // Both may deliver to one folder.
    let out = home.path("out");
    let to = Destination {
        root: &out,
        path: &out.join("x.pdf"),
        job: job(4),
        number: 0,
    };
    let staged = theirs.stage_bytes(b"x", &to).expect("staged").temp;
    assert_eq!(ours.sweep_outbox(&out, unknown), sweep::Swept::default());
    let file = std::fs::File::options().write(true).open(&staged);
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(29 * 86_400);
    file.and_then(|file| file.set_modified(long_ago))
        .expect("ours");
    assert_eq!(ours.sweep_outbox(&out, unknown).removed, [staged]);
}
