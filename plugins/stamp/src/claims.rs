//! What a document claims to be and is not with a stamp on it.

use dropleaf_plugin_sdk::prelude::*;
use dropleaf_xmp::Packet;
use dropleaf_xmp::claims::{Claim, PRINT_KEYS, Standard};

/// Takes back, with a warning, what a stamp breaks: PDF/X-1a by its RGB in any case; if it is translucent PDF/A-1 and all
/// PDF/X before PDF/X-4.
pub(crate) fn withdraw(run: &Run<'_>, document: &Document<'_>, is_translucent: bool) -> Result<()> {
    let stream = document.catalog()?.get("Metadata")?;
    let stream = stream.and_then(|value| value.as_stream());
    let bytes = stream.and_then(|stream| stream.decoded().ok());
    // A packet that cannot be read claims nothing.
    let packet = bytes.and_then(|bytes| Packet::read(&bytes).ok());
    let info = document.trailer()?.object("Info")?;
    let told = info.as_ref().and_then(|info| {
        Claim::of_info(|key| info.get(key).ok().flatten().and_then(|text| text.as_text()))
    });
    let claimed: Vec<Claim> = packet.iter().flat_map(Packet::claims).collect();
    let mut lost: Vec<Standard> = Vec::new();
    for claim in claimed.iter().chain(&told) {
        let why = match () {
            () if claim.forbids_rgb() => "which allows no RGB",
            () if is_translucent && claim.forbids_transparency() => {
                "which allows no `opacity` below 1"
            }
            () => continue,
        };
        if !lost.contains(&claim.standard) {
            lost.push(claim.standard);
            run.warn(format!(
                "the document no longer claims to be {claim}, {why}"
            ));
        }
    }
    if let Some(info) = info
        && lost.contains(&Standard::Print)
    {
        for key in PRINT_KEYS {
            info.remove(key)?;
        }
    }
    if let (Some(stream), Some(packet)) = (stream, packet)
        && claimed.iter().any(|claim| lost.contains(&claim.standard))
    {
        stream.remove("Filter")?;
        stream.remove("DecodeParms")?;
        stream.set_raw(packet.without(&lost).as_bytes())?;
    }
    Ok(())
}
