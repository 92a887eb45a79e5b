//! Handles: stale and forged ones are refused, live ones go on meaning what they meant.

use dropleaf_plugin_abi as abi;
use proptest::prelude::*;

use crate::samples::{open, sample};
use crate::script::{Plugin, Value, edit, run};

#[test]
fn a_handle_of_an_item_follows_it_when_others_move() {
    edit(open(sample(1)), |p| {
        let list = p
            .parse(abi::DOCUMENT, "[ [0] [1] [2] [3] ]")
            .expect("parsed");
        let items: Vec<u64> = (0..4)
            .map(|i| p.at(list, i).expect("an item").obj())
            .collect();
        p.drop_at(list, 1).expect("dropped");
        assert_eq!(p.len(items[1]), Err(abi::E_HANDLE));
        assert_eq!(p.at(items[0], 0), Ok(Value::Int(0)));
        assert_eq!(p.at(items[2], 0), Ok(Value::Int(2)));
        p.insert_at(list, 0, &Value::Null).expect("inserted");
        assert_eq!(p.at(items[3], 0), Ok(Value::Int(3)));
        p.put_at(items[3], 0, &Value::Int(33)).expect("put");
        assert_eq!(p.syntax(list).as_deref(), Ok("[null[0][2][33]]"));
        abi::OK
    });
}

#[test]
fn a_handle_below_a_replaced_value_is_stale() {
    edit(open(sample(1)), |p| {
        let dict = p
            .parse(abi::DOCUMENT, "<< /A << /B [1] >> /C [2] >>")
            .expect("parsed");
        let a = p.get(dict, "A").expect("there").obj();
        let b = p.get(a, "B").expect("there").obj();
        let c = p.get(dict, "C").expect("there").obj();
        p.put(dict, "A", &Value::Int(1)).expect("put");
        assert_eq!(
            (p.len(a), p.len(b)),
            (Err(abi::E_HANDLE), Err(abi::E_HANDLE))
        );
        assert_eq!(p.len(c), Ok(1));
        abi::OK
    });
}

#[test]
fn a_released_handle_is_stale_and_what_was_got_from_it_is_not() {
    edit(open(sample(1)), |p| {
        let dict = p
            .parse(abi::DOCUMENT, "<< /A << /B [1] >> >>")
            .expect("parsed");
        let a = p.get(dict, "A").expect("there").obj();
        let b = p.get(a, "B").expect("there").obj();
        p.release(a).expect("released");
        assert_eq!(p.len(a), Err(abi::E_HANDLE));
        assert_eq!(p.release(a), Err(abi::E_HANDLE));
        assert_eq!(p.at(b, 0), Ok(Value::Int(1)));
        p.release(b).expect("released");
        p.release(dict).expect("released");
        assert_eq!(p.len(dict), Err(abi::E_HANDLE));
        abi::OK
    });
}

#[test]
fn a_handle_is_released_as_often_as_it_was_given() {
    edit(open(sample(1)), |p| {
        let dict = p.parse(abi::DOCUMENT, "<< /A << /B 1 >> >>");
        let dict = dict.expect("parsed");
        let a = p.get(dict, "A").expect("there").obj();
        assert_eq!(p.get(dict, "A").expect("there").obj(), a);
        p.release(a).expect("released");
        assert_eq!(p.len(a), Ok(1));
        p.release(a).expect("released");
        assert_eq!(p.len(a), Err(abi::E_HANDLE));
        abi::OK
    });
}

#[test]
fn handles_of_one_run_are_stale_in_the_next() {
    let (send, receive) = std::sync::mpsc::channel();
    let document = edit(open(sample(1)), move |p| {
        send.send(p.page(abi::DOCUMENT, 0).expect("a page"))
            .expect("sent");
        abi::OK
    });
    let old = receive.recv().expect("a handle");
    edit(document, move |p| {
        assert_eq!(p.len(old), Err(abi::E_HANDLE));
        p.page(abi::DOCUMENT, 0).expect("a page");
        assert_eq!(p.len(old), Err(abi::E_HANDLE));
        abi::OK
    });
}

#[test]
fn handles_of_replaced_bytes_are_stale() {
    edit(open(sample(2)), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        p.set_bytes(abi::DOCUMENT, &sample(7)).expect("set");
        assert_eq!(p.len(page), Err(abi::E_HANDLE));
        assert_eq!(p.page_count(abi::DOCUMENT), Ok(7));
        abi::OK
    });
}

#[test]
fn another_thread_is_refused_and_may_log() {
    let told = crate::script::Told::default();
    let mut documents = vec![open(sample(1))];
    let outcome = crate::script::run_told(&mut documents, &told, |p| {
        let (ctx, run, cos) = (p.ctx as usize, p.run, p.cos);
        let status = std::thread::spawn(move || {
            let ctx = ctx as *mut abi::Ctx;
            let mut count = 0;
            // SAFETY: the run goes on until this thread has been joined.
            unsafe {
                (run.log)(
                    ctx,
                    abi::LOG_WARN,
                    abi::Str::new(b"from afar"),
                    abi::Str::new(b"{\"n\":1}"),
                );
                (run.progress)(ctx, 1, 2);
                assert_eq!((run.cancelled)(ctx), 0);
                (cos.page_count)(ctx, abi::DOCUMENT, &raw mut count)
            }
        });
        assert_eq!(status.join().expect("no panic"), abi::E_THREAD);
        abi::OK
    });
    assert_eq!(outcome.expect("it succeeds").leftover_threads, 0);
    let lines = told.lines.lock().expect("no panic");
    assert_eq!(
        *lines,
        [(
            abi::LOG_WARN,
            "from afar".to_owned(),
            "{\"n\":1}".to_owned()
        )]
    );
    assert_eq!(*told.progress.lock().expect("no panic"), [(1, 2)]);
}

/// The threads of the whole process are counted, and other tests end some of theirs meanwhile: so it may take a second look.
#[test]
fn a_thread_that_was_not_joined_is_counted_and_does_no_harm_later() {
    assert!((0..100).any(|_| leave_a_thread() >= 1));
}

/// Leaves a thread behind that calls later; how many were counted.
fn leave_a_thread() -> u32 {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    let mut documents = vec![open(sample(1))];
    let outcome = run(&mut documents, move |p| {
        let (ctx, run, cos) = (p.ctx as usize, p.run, p.cos);
        std::thread::spawn(move || {
            wait.recv().expect("the test goes on");
            let ctx = ctx as *mut abi::Ctx;
            let mut count = 0;
            // SAFETY: contexts can be called with for ever; after the run they refuse.
            let answers = unsafe {
                (run.log)(
                    ctx,
                    abi::LOG_INFO,
                    abi::Str::new(b"too late"),
                    abi::Str::EMPTY,
                );
                (
                    (run.cancelled)(ctx),
                    (cos.page_count)(ctx, abi::DOCUMENT, &raw mut count),
                )
            };
            tell.send(answers).expect("sent");
        });
        abi::OK
    });
    go.send(()).expect("the thread waits");
    assert_eq!(told.recv().expect("an answer"), (1, abi::E_THREAD));
    outcome.expect("it succeeds").leftover_threads
}

/// Every function that takes a handle, with `handle` for each of its handles.
fn all_with(p: &Plugin, handle: u64) {
    let ours = abi::DOCUMENT;
    let null = Value::Null;
    let statuses = [
        p.page_count(handle).err(),
        p.page(handle, 0).err(),
        p.attribute(handle, "Rotate").err(),
        p.trailer(handle).err(),
        p.catalog(handle).err(),
        p.object(handle, 1, 0).err(),
        p.next(handle, (0, 0)).err(),
        p.id(handle).err(),
        p.len(handle).err(),
        p.get(handle, "A").err(),
        p.get_raw(handle, "A").err(),
        p.entry(handle, 0).err(),
        p.at(handle, 0).err(),
        p.view(handle).err(),
        p.syntax(handle).err(),
        p.parse(handle, "[]").err(),
        p.put(handle, "A", &null).err(),
        p.drop_key(handle, "A").err(),
        p.put_at(handle, 0, &null).err(),
        p.insert_at(handle, 0, &null).err(),
        p.drop_at(handle, 0).err(),
        p.replace(handle, &null).err(),
        p.add(handle, &null).err(),
        p.add(ours, &Value::Dict(handle)).err(),
        p.remove(handle, (1, 0)).err(),
        p.insert_page(ours, 0, handle).err(),
        p.remove_pages(handle, 0, 1).err(),
        p.move_page(handle, 0, 1).err(),
        p.import(ours, 0, handle, 0, 1).err(),
        p.import(handle, 0, ours, 0, 1).err(),
        p.release(handle).err(),
        p.stream(handle, abi::STREAM_RAW).err(),
        p.put_stream(handle, abi::STREAM_RAW, b"").err(),
        p.bytes(handle).err(),
        p.set_bytes(handle, &sample(1)).err(),
        p.emit(handle, "").err(),
    ];
    for (index, status) in statuses.iter().enumerate() {
        assert_eq!(
            *status,
            Some(abi::E_HANDLE),
            "call {index} took {handle:#x}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_forged_handle_is_refused_everywhere(handles in prop::collection::vec(any::<u64>(), 8)) {
        edit(open(sample(2)), move |p| {
            let real = p.page(abi::DOCUMENT, 1).expect("a page");
            for handle in handles {
                // A guess may be right; then it is no forgery.
                if handle != real && handle != abi::DOCUMENT {
                    all_with(p, handle);
                }
            }
            // The neighbours of a real one.
            for handle in [real ^ 1 << 32, real + 1, real ^ 1 << 62, (real & 0xFFFF_FFFF) + 7, 0] {
                all_with(p, handle);
            }
            assert!(p.len(real).is_ok());
            abi::OK
        });
    }
}
