//! The work of `optimize`, step by step.

use dropleaf_plugin_sdk::prelude::*;

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
    for (done, reference) in graph.streams.iter().enumerate() {
        run.progress(done, graph.streams.len())?;
        let Value::Stream(stream) = document.object(*reference)? else {
            continue;
        };
        if is_jpeg(&stream)? {
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
    // Written anew in any case: packing objects into streams is the host's part of the gain, and this asks for it.
    document.trailer()?.put("Type", Value::name("XRef"))?;
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
