//! What a document claims to be and is not with a stamp that lets the page shine through.

use dropleaf_plugin_sdk::prelude::*;
use dropleaf_xmp::Packet;
use dropleaf_xmp::claims::{Claim, Standard};

/// Takes back that a document is PDF/A-1, which knows no transparency (ISO 19005-1, 6.4), with a warning.
pub(crate) fn withdraw(run: &Run<'_>, document: &Document<'_>) -> Result<()> {
    let catalog = document.catalog()?;
    let Some(stream) = catalog.get("Metadata")?.and_then(|value| value.as_stream()) else {
        return Ok(());
    };
    // A packet that cannot be read claims nothing.
    let packet = stream
        .decoded()
        .ok()
        .and_then(|bytes| Packet::read(&bytes).ok());
    let Some(packet) = packet else {
        return Ok(());
    };
    let claims = packet.claims();
    let is_lost = |claim: &&Claim| claim.standard == Standard::Archive && claim.part == "1";
    let Some(lost) = claims.iter().find(is_lost) else {
        return Ok(());
    };
    run.warn(format!(
        "the document no longer claims to be {lost}, which allows no `opacity` below 1"
    ));
    stream.remove("Filter")?;
    stream.remove("DecodeParms")?;
    stream.set_raw(packet.without(&[Standard::Archive]).as_bytes())
}
