//! The work of `optimize`, step by step.

use std::collections::HashSet;

use dropleaf_plugin_sdk::prelude::*;
use dropleaf_xmp::Packet;
use dropleaf_xmp::claims::Standard;

use crate::Optimize;
use crate::graph::{Graph, drop_unreferenced, is_layout};
use crate::images::{is_jpeg, shrink_image};
use crate::places::Places;
use crate::streams::recompress;
use crate::twins;

/// Files up to this size are compared as a whole, before and after; in larger ones what the form of a file costs does not
/// count.
const COMPARED: usize = 16 << 20;

/// What was gained.
#[derive(Debug, Default)]
struct Gained {
    images: u64,
    streams: u64,
    duplicates: u64,
    unreferenced: u64,
    saved: u64,
}

/// Makes the document of `run` smaller.
pub(crate) fn optimize(operation: &Optimize, run: &mut Run<'_>) -> Result<()> {
    let document = run.document();
    let mut gained = Gained::default();
    let original = original(&document)?;
    let before = stream_bytes(&document)?;
    let mut graph = Graph::read(&document, run)?;
    gained.unreferenced = drop_unreferenced(&document, &graph)?;
    // Equal streams first, so that nothing is compressed twice; again at the end, for what was equal in content only.
    if operation.deduplicate {
        gained.duplicates += twins::merge(&document, &mut graph, run)?;
    }
    let images = operation.images.as_ref();
    let places = match images {
        Some(images) if images.limits_dpi() => Places::find(&document, &graph, run)?,
        _ => Places::default(),
    };
    let masking = match images {
        Some(_) => graph.masking(),
        None => HashSet::new(),
    };
    for (done, reference) in graph.streams.iter().enumerate() {
        run.progress(done, graph.streams.len())?;
        let Value::Stream(stream) = document.object(*reference)? else {
            continue;
        };
        if is_jpeg(&stream)? {
            let images = images.filter(|_| !masking.contains(reference));
            let saved = shrink_image(&stream, images, places.extent(*reference))?;
            gained.images += u64::from(saved > 0);
            gained.saved += saved;
        } else {
            let saved = recompress(&stream, operation.level)?;
            gained.streams += u64::from(saved > 0);
            gained.saved += saved;
        }
        stream.release()?;
    }
    if operation.deduplicate && gained.saved > 0 {
        gained.duplicates += twins::merge(&document, &mut graph, run)?;
    }
    run.progress(graph.streams.len(), graph.streams.len())?;
    if !is_early_archive(&document)? {
        // Written anew in any case: packing objects into streams is the host's part of the gain, and this asks for it.
        document.trailer()?.put("Type", Value::name("XRef"))?;
    }
    let after = stream_bytes(&document)?;
    if let Some(original) = original
        && gained.saved < original.len() as u64 / 20
        && document.bytes()?.len() >= original.len()
    {
        // The form of the new file costs more than was gained.
        document.set_bytes(&original)?;
        return publish(run, &Gained::default(), before, before);
    }
    publish(run, &gained, before, after)
}

/// Whether it claims to be PDF/A-1, which knows no object streams: they came with PDF 1.5 (ISO 19005-1, 6.1.1).
fn is_early_archive(document: &Document<'_>) -> Result<bool> {
    let stream = document.catalog()?.get("Metadata")?;
    let bytes = stream
        .and_then(|value| value.as_stream())
        .and_then(|stream| stream.decoded().ok());
    // A packet that cannot be read claims nothing.
    let packet = bytes.and_then(|bytes| Packet::read(&bytes).ok());
    let mut claims = packet.iter().flat_map(Packet::claims);
    Ok(claims.any(|claim| claim.standard == Standard::Archive && claim.part == "1"))
}

/// The file as it came, if it is small and no earlier step has changed it.
fn original(document: &Document<'_>) -> Result<Option<Vec<u8>>> {
    if document.held()?.dirty {
        return Ok(None);
    }
    Ok(Some(document.bytes()?).filter(|bytes| bytes.len() <= COMPARED))
}

fn publish(run: &Run<'_>, gained: &Gained, before: u64, after: u64) -> Result<()> {
    run.log(
        log::Level::Info,
        format!(
            "{before} bytes of streams became {after}: {} images, {} other streams, {} duplicates, {} unused objects",
            gained.images, gained.streams, gained.duplicates, gained.unreferenced
        ),
    );
    run.result("bytes_before", before)?;
    run.result("bytes_after", after)?;
    run.result("images", gained.images)?;
    run.result("streams", gained.streams)?;
    run.result("duplicates", gained.duplicates)?;
    run.result("unreferenced", gained.unreferenced)
}

/// The bytes of all streams of the document, as they stand now.
fn stream_bytes(document: &Document<'_>) -> Result<u64> {
    let mut bytes = 0;
    for reference in document.objects()? {
        if let Value::Stream(stream) = document.object(reference)? {
            if !is_layout(&stream)? {
                bytes += stream.len()? as u64;
            }
            stream.release()?;
        }
    }
    Ok(bytes)
}
