//! Streams: raw, decoded, new, and filled in place.

use dropleaf_plugin_abi as abi;
use lopdf::{Dictionary, Object, Stream, dictionary};

use crate::samples::{bytes_of, engine_document, open, reread, sample, save};
use crate::script::{Value, edit};

#[test]
fn a_plain_stream_is_compressed_when_it_is_saved_and_reads_the_same() {
    let content = b"0 0 m 1 1 l S\n".repeat(500);
    let expected = content.clone();
    let mut document = edit(open(sample(1)), move |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        let stream = p.get(page, "Contents").expect("contents").obj();
        p.put_stream(stream, abi::STREAM_DECODED, &content)
            .expect("put");
        assert_eq!(p.stream(stream, abi::STREAM_DECODED), Ok(content.clone()));
        let new = p
            .new_stream(abi::DOCUMENT, 0, abi::STREAM_DECODED, &content)
            .expect("created");
        p.put(page, "Also", &Value::Stream(new)).expect("put");
        abi::OK
    });
    let saved = save(&mut document);
    assert!(saved.len() < 3_000, "{} bytes", saved.len());
    let pdf = reread(&mut document);
    let page = pdf.page_iter().next().expect("a page");
    assert_eq!(
        pdf.get_page_content(page).trim_ascii(),
        expected.trim_ascii()
    );
}

#[test]
fn image_filters_stop_decoding() {
    let mut pdf = engine_document(1);
    let mut hex = b"FFD8FFE0".to_vec();
    hex.push(b'>');
    let filters = vec![Object::from("AHx"), Object::from("DCTDecode")];
    let image = pdf.add_object(Stream::new(dictionary! { "Filter" => filters }, hex));
    let page = pdf.page_iter().next().expect("a page");
    pdf.get_dictionary_mut(page)
        .expect("a page")
        .set("Image", image);
    edit(open(bytes_of(&mut pdf)), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        let image = p.get(page, "Image").expect("an image").obj();
        assert_eq!(
            p.stream(image, abi::STREAM_DECODED),
            Ok(b"\xFF\xD8\xFF\xE0".to_vec())
        );
        assert_eq!(p.stream(image, abi::STREAM_RAW), Ok(b"FFD8FFE0>".to_vec()));
        assert_eq!(p.stream(image, 7), Err(abi::E_ARG));
        assert_eq!(p.stream(page, abi::STREAM_RAW), Err(abi::E_TYPE));
        assert_eq!(p.len(image), Ok(9));
        abi::OK
    });
}

#[test]
fn a_bomb_in_a_stream_meets_the_limit() {
    let mut pdf = engine_document(1);
    let mut bomb = Stream::new(Dictionary::new(), vec![0; 200 << 20]);
    bomb.compress().expect("compressed");
    let bomb = pdf.add_object(bomb);
    let page = pdf.page_iter().next().expect("a page");
    pdf.get_dictionary_mut(page)
        .expect("a page")
        .set("Bomb", bomb);
    edit(open(bytes_of(&mut pdf)), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        let bomb = p.get(page, "Bomb").expect("the bomb").obj();
        assert_eq!(p.stream(bomb, abi::STREAM_DECODED), Err(abi::E_LIMIT));
        abi::OK
    });
}

#[test]
fn a_buffer_is_filled_in_place_and_moved_in() {
    let mut document = edit(open(sample(1)), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        let stream = p.get(page, "Contents").expect("contents").obj();
        let (mut buf, mut ptr) = (0, std::ptr::null_mut());
        // SAFETY: the context of this run; the bytes are written where the host says.
        unsafe {
            assert_eq!(
                (p.streams.buf_new)(p.ctx, 4, &raw mut buf, &raw mut ptr),
                abi::OK
            );
            ptr.copy_from_nonoverlapping(b"q Q ".as_ptr(), 4);
            assert_eq!((p.streams.buf_grow)(p.ctx, buf, 8, &raw mut ptr), abi::OK);
            ptr.add(4).copy_from_nonoverlapping(b"q Q\n".as_ptr(), 4);
            assert_eq!(
                (p.streams.put_buf)(p.ctx, stream, abi::STREAM_DECODED, buf, 9),
                abi::E_ARG
            );
            // What fails leaves the buffer where and as it was.
            for (place, mode, status) in [
                (page, abi::STREAM_DECODED, abi::E_TYPE),
                (stream, 9, abi::E_ARG),
                (0, abi::STREAM_RAW, abi::E_HANDLE),
            ] {
                assert_eq!((p.streams.put_buf)(p.ctx, place, mode, buf, 8), status);
                ptr.copy_from_nonoverlapping(b"q Q q Q\n".as_ptr(), 8);
            }
            assert_eq!(
                (p.streams.put_buf)(p.ctx, stream, abi::STREAM_DECODED, buf, 8),
                abi::OK
            );
            assert_eq!(
                (p.streams.put_buf)(p.ctx, stream, abi::STREAM_DECODED, buf, 1),
                abi::E_HANDLE
            );
            assert_eq!(
                (p.streams.buf_new)(p.ctx, usize::MAX / 2, &raw mut buf, &raw mut ptr),
                abi::E_LIMIT
            );
        }
        abi::OK
    });
    let pdf = reread(&mut document);
    let page = pdf.page_iter().next().expect("a page");
    assert_eq!(pdf.get_page_content(page).trim_ascii(), b"q Q q Q");
}
