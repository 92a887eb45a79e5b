//! Names of outputs: those that are taken, those that are planned, those of companions.

use super::*;

#[test]
fn names_that_are_taken_are_numbered_overwritten_or_left() {
    for (collision, out, at) in [
        (
            Collision::Number,
            &[("out/a.pdf", "stranger"), ("out/a-1.pdf", "a.pdf")][..],
            Some("out/a-1.pdf"),
        ),
        (
            Collision::Overwrite,
            &[("out/a.pdf", "a.pdf")][..],
            Some("out/a.pdf"),
        ),
        (Collision::Skip, &[("out/a.pdf", "stranger")][..], None),
    ] {
        let home = Home::new();
        let redo = home.delivery(collision);
        std::fs::write(home.path("out/a.pdf"), "stranger").expect("writable");
        std::fs::write(home.path("archive/a.pdf"), "earlier").expect("writable");
        for _ in 0..2 {
            let delivered = home.spool.redo(job(1), &redo).expect("delivered");
            assert_eq!(names(&home, &delivered)[0].as_deref(), at, "{collision:?}");
            assert_eq!(
                names(&home, &delivered)[2].as_deref(),
                Some("archive/a-1.pdf")
            );
        }
        let mut expected = out.to_vec();
        expected.extend([
            ("out/sub/a.txt", "sub/a.txt"),
            ("archive/a.pdf", "earlier"),
            ("archive/a-1.pdf", "%PDF-1.7 the original"),
        ]);
        expect(&home.files(), &expected);
    }
}

fn wanted<'a>(root: &'a Path, name: &'a str, if_exists: IfExists) -> Wanted<'a> {
    Wanted {
        job: job(1),
        root,
        folder: "",
        name,
        if_exists,
        companions: &[],
    }
}

#[test]
fn planned_names_are_nobody_elses() {
    let home = Home::new();
    let out = home.path("out");
    std::fs::write(out.join("a.pdf"), "earlier").expect("writable");
    let plan = |wanted: &Wanted<'_>| {
        home.spool
            .plan(wanted)
            .map(|planned| (planned.path, planned.collision))
    };
    let number = wanted(&out, "a.pdf", IfExists::Number);
    assert_eq!(
        plan(&number).expect("free"),
        (out.join("a-1.pdf"), Collision::Number)
    );
    let other = Wanted {
        job: job(2),
        ..number
    };
    assert_eq!(plan(&other).expect("free").0, out.join("a-2.pdf"));
    let overwrite = wanted(&out, "a.pdf", IfExists::Overwrite);
    assert_eq!(
        plan(&overwrite).expect("may"),
        (out.join("a.pdf"), Collision::Overwrite)
    );
    assert_eq!(
        plan(&wanted(&out, "b.pdf", IfExists::Skip)).expect("may").1,
        Collision::Skip
    );
    let fail = Wanted {
        job: job(3),
        ..wanted(&out, "a.pdf", IfExists::Fail)
    };
    assert!(matches!(plan(&fail), Err(PlanError::Exists(path)) if path == out.join("a.pdf")));
    assert_eq!(
        plan(&Wanted {
            name: "c.pdf",
            ..fail
        })
        .expect("free")
        .1,
        Collision::Number
    );
    assert!(matches!(
        plan(&Wanted {
            name: "c.pdf",
            job: job(4),
            ..fail
        }),
        Err(PlanError::Exists(_))
    ));
    home.spool.release(job(3));
    plan(&Wanted {
        name: "c.pdf",
        ..fail
    })
    .expect("given up");
    let dated = Wanted {
        folder: "2026/03/",
        name: "x.pdf",
        ..number
    };
    assert_eq!(plan(&dated).expect("free").0, out.join("2026/03/x.pdf"));
    assert!(matches!(
        plan(&Wanted {
            folder: "../x",
            ..number
        }),
        Err(PlanError::Name(_))
    ));
    assert!(matches!(
        plan(&Wanted {
            name: "../x.pdf",
            ..number
        }),
        Err(PlanError::Name(_))
    ));
}

#[test]
fn what_one_job_makes_replaces_what_an_earlier_one_made() {
    let home = Home::new();
    let out = home.path("out");
    for name in ["a.pdf", "a-1.pdf", "a-2.pdf"] {
        std::fs::write(out.join(name), "earlier").expect("writable");
    }
    let overwrite = wanted(&out, "a.pdf", IfExists::Overwrite);
    let plan = |n| {
        let wanted = Wanted {
            job: job(n),
            ..overwrite
        };
        let planned = home.spool.plan(&wanted).expect("may");
        assert_eq!(planned.collision, Collision::Overwrite);
        planned.path
    };
    // Two jobs at once, each with several parts of one name: none of a job's own parts replaces another one of it.
    assert_eq!(plan(1), out.join("a.pdf"));
    assert_eq!(plan(2), out.join("a.pdf"));
    assert_eq!(plan(1), out.join("a-1.pdf"));
    assert_eq!(plan(2), out.join("a-1.pdf"));
    home.spool.release(job(2));
    assert_eq!(plan(1), out.join("a-2.pdf"));
    assert_eq!(plan(2), out.join("a.pdf"));
    // Others still keep off what is planned.
    std::fs::remove_file(out.join("a-2.pdf")).expect("removable");
    let number = Wanted {
        job: job(3),
        ..wanted(&out, "a.pdf", IfExists::Number)
    };
    assert_eq!(
        home.spool.plan(&number).expect("free").path,
        out.join("a-3.pdf")
    );
}

#[test]
fn files_of_one_job_have_names_of_their_own_whatever_the_rule() {
    for rule in [
        IfExists::Number,
        IfExists::Overwrite,
        IfExists::Skip,
        IfExists::Fail,
    ] {
        let home = Home::new();
        let out = home.path("out");
        let plan = |name, companions| {
            let wanted = Wanted {
                companions,
                ..wanted(&out, name, rule)
            };
            let planned = home.spool.plan(&wanted);
            let path = planned.expect("there is a name").path;
            let name = path.file_name().expect("a name").to_string_lossy();
            name.into_owned()
        };
        // A receipt is a file of the job's as well: nothing takes its name, and it takes nobody's.
        assert_eq!(plan("s", &[".json"]), "s", "{rule:?}");
        assert_eq!(plan("s.json", &[]), "s-1.json", "{rule:?}");
        assert_eq!(plan("s.json", &[]), "s-2.json", "{rule:?}");
        assert_eq!(plan("t.json", &[]), "t.json", "{rule:?}");
        assert_eq!(plan("t", &[".json"]), "t-1", "{rule:?}");
        assert_eq!(plan("t", &[".json"]), "t-2", "{rule:?}");
    }
}

#[test]
fn a_second_run_meets_the_files_of_the_first_one_by_one() {
    let home = Home::new();
    let out = home.path("out");
    for name in ["a.pdf", "a-1.pdf"] {
        std::fs::write(out.join(name), "earlier").expect("writable");
    }
    let skip = wanted(&out, "a.pdf", IfExists::Skip);
    let plan = || home.spool.plan(&skip).expect("may");
    for name in ["a.pdf", "a-1.pdf", "a-2.pdf"] {
        let planned = plan();
        assert_eq!(planned.path, out.join(name));
        assert_eq!(planned.collision, Collision::Skip);
    }
}

#[test]
fn a_receipt_that_is_there_fails_what_is_to_have_it() {
    let home = Home::new();
    let out = home.path("out");
    std::fs::write(out.join("a.pdf.json"), "earlier").expect("writable");
    let fail = Wanted {
        companions: &[".json"],
        ..wanted(&out, "a.pdf", IfExists::Fail)
    };
    let refused = home.spool.plan(&fail).expect_err("taken");
    assert!(matches!(refused, PlanError::Exists(path) if path == out.join("a.pdf.json")));
}

#[test]
fn companions_keep_to_their_file() {
    let home = Home::new();
    let failed = home.path("failed");
    let endings = [".error.txt", ".error.json"];
    std::fs::write(failed.join("a.pdf.error.txt"), "an older note").expect("writable");
    let plan = |n| {
        home.spool.plan_original(
            job(n),
            &failed,
            Path::new("sub/../a.pdf".trim_start_matches("sub/../")),
            &endings,
        )
    };
    assert_eq!(plan(1), failed.join("a-1.pdf"));
    assert_eq!(plan(2), failed.join("a-2.pdf"));
    assert_eq!(
        plan::companion(&failed.join("a-1.pdf"), ".error.txt"),
        failed.join("a-1.pdf.error.txt")
    );
    let long = "x".repeat(255);
    let path = home
        .spool
        .plan_original(job(3), &failed, Path::new(&long), &endings);
    let note = plan::companion(&path, ".error.json");
    assert_eq!(note.file_name().expect("a name").len(), 255);
    for _ in 0..600 {
        let path = home
            .spool
            .plan_original(job(4), &failed, Path::new("many.pdf"), &[]);
        std::fs::write(path, "").expect("free");
    }
}
