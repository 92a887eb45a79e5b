//! What the catalog says about the whole document, for each part: version, language, reading preferences, output intents, page
//! labels, outline, scripts and the XMP packet, less what the packet would claim of the part and what is no longer so.

use dropleaf_plugin_sdk::assemble::{self, Outline, OutlineEnd};
use dropleaf_plugin_sdk::prelude::*;
use dropleaf_xmp::Packet;
use dropleaf_xmp::claims::{Claim, Standard};

/// Entries of the catalog that hold for each part as they did for the whole (ISO 32000-2, table 29): what version the objects
/// are of and what is beyond it, what addresses of links are relative to, how pages are laid out.
const LIKE_THE_WHOLE: [&str; 5] = ["Version", "Extensions", "Lang", "URI", "PageLayout"];

/// What parts are given besides their pages.
pub(crate) struct Luggage<'r> {
    whole: Document<'r>,
    plain: Vec<(&'static str, Value<'r>)>,
    mode: Option<Value<'r>>,
    preferences: Option<Value<'r>>,
    intents: Option<Value<'r>>,
    labels: Option<PageLabels>,
    outline: Option<Outline>,
    scripts: Option<Value<'r>>,
    packet: Option<(Vec<u8>, Mode)>,
}

impl<'r> Luggage<'r> {
    /// Looks what there is, and warns of what no part gets.
    pub(crate) fn of(run: &Run<'_>, whole: &Document<'r>) -> Result<Self> {
        let catalog = whole.catalog()?;
        let labels = PageLabels::read(whole)?;
        if labels.as_ref().is_some_and(PageLabels::is_damaged) {
            run.warn("the page labels are damaged: those that cannot be read are dropped");
        }
        let outline = Outline::read(whole)?;
        if outline.as_ref().is_some_and(Outline::is_cut) {
            run.warn("the outline is too large: part of its items are in none of the parts");
        }
        let intents = catalog.get("OutputIntents")?;
        let intents = match &intents {
            Some(value) if !can_be_copied(run, whole, value)? => {
                run.warn("the output intents cannot be copied: the parts have none");
                None
            }
            _ => intents,
        };
        let mut plain = Vec::new();
        for key in LIKE_THE_WHOLE {
            plain.extend(catalog.get(key)?.map(|value| (key, value)));
        }
        let names = catalog.object("Names")?;
        let scripts = names.map_or(Ok(None), |names| names.get("JavaScript"))?;
        let scripts = match &scripts {
            Some(value) if !can_be_copied(run, whole, value)? => {
                run.warn("the document's scripts cannot be copied: the parts have none, and form fields may miss them");
                None
            }
            _ => scripts,
        };
        let intents_stay = intents.is_none() && catalog.has("OutputIntents")?;
        let has_layers = catalog.has("OCProperties")?;
        let is_lost = |claim: &Claim| is_lost(claim, has_layers, intents_stay);
        Ok(Self {
            whole: *whole,
            plain,
            mode: catalog.get("PageMode")?,
            preferences: catalog.get("ViewerPreferences")?,
            intents,
            labels: labels.filter(|labels| !labels.is_empty()),
            outline,
            scripts,
            packet: packet(run, &catalog, is_lost)?,
        })
    }

    /// Gives a part, which has these pages of the document, its share.
    pub(crate) fn give(&self, part: &Document<'r>, pages: &[u32]) -> Result<()> {
        let catalog = part.catalog()?;
        for (key, value) in &self.plain {
            if let Ok(copy) = assemble::copy(part, &self.whole, value) {
                catalog.put(key, copy)?;
            }
        }
        if let Some(preferences) = &self.preferences
            && let Ok(copy) = assemble::copy(part, &self.whole, preferences)
        {
            if let Some(copy) = copy.as_dict() {
                // Pages by their numbers in the whole document.
                copy.remove("PrintPageRange")?;
            }
            catalog.put("ViewerPreferences", copy)?;
        }
        if let Some(intents) = &self.intents {
            catalog.put("OutputIntents", assemble::copy(part, &self.whole, intents)?)?;
        }
        if let Some(before) = &self.labels {
            let mut labels = PageLabels::default();
            labels.extend(before, pages.iter().copied());
            labels.write(part)?;
        }
        if let Some(outline) = &self.outline {
            outline.append(&mut OutlineEnd::of(part)?, pages, 0)?;
        }
        if let Some(mode) = &self.mode
            && can_be_shown(&catalog, mode)?
        {
            catalog.put("PageMode", mode)?;
        }
        // What scripts of fields call.
        if let Some(scripts) = &self.scripts
            && catalog.has("AcroForm")?
        {
            let names = part.parse("<<>>")?;
            names.put("JavaScript", assemble::copy(part, &self.whole, scripts)?)?;
            catalog.put("Names", names)?;
        }
        if let Some((bytes, mode)) = &self.packet {
            let dict = part.parse("<< /Type /Metadata /Subtype /XML >>")?;
            catalog.put("Metadata", part.stream(Some(&dict), *mode, bytes)?)?;
        }
        Ok(())
    }
}

/// Whether a part has what is to be shown beside its pages when it is opened.
fn can_be_shown(catalog: &Object<'_>, mode: &Value<'_>) -> Result<bool> {
    match mode.as_name() {
        Some(b"UseOutlines") => catalog.has("Outlines"),
        Some(b"UseOC") => catalog.has("OCProperties"),
        Some(b"UseAttachments") | None => Ok(false),
        Some(_) => Ok(true),
    }
}

/// Whether a copy of `value` succeeds, tried in a document that nobody gets.
fn can_be_copied(run: &Run<'_>, whole: &Document<'_>, value: &Value<'_>) -> Result<bool> {
    let trial = run.create(None)?;
    let can = assemble::copy(&trial, whole, value).is_ok();
    run.release(trial)?;
    Ok(can)
}

/// The packet for the parts; compressed if it is in the document, since archives must not have it so (ISO 19005-1, 6.7.2).
fn packet(
    run: &Run<'_>,
    catalog: &Object<'_>,
    is_lost: impl Fn(&Claim) -> bool,
) -> Result<Option<(Vec<u8>, Mode)>> {
    let Some(stream) = catalog.get("Metadata")?.and_then(|value| value.as_stream()) else {
        return Ok(None);
    };
    // A packet that cannot be decoded is of use to nobody, and no reason to refuse the pages.
    let Ok(bytes) = stream.decoded() else {
        return Ok(None);
    };
    let mode = match stream.has("Filter")? {
        true => Mode::Decoded,
        false => Mode::Raw,
    };
    let Ok(packet) = Packet::read(&bytes) else {
        return Ok(Some((bytes, mode)));
    };
    let lost: Vec<Claim> = packet.claims().into_iter().filter(is_lost).collect();
    if lost.is_empty() {
        return Ok(Some((bytes, mode)));
    }
    let names: Vec<String> = lost.iter().map(Claim::to_string).collect();
    let names = names.join(", ");
    run.warn(format!("the parts no longer claim to be {names}"));
    let standards: Vec<Standard> = lost.iter().map(|claim| claim.standard).collect();
    Ok(Some((packet.without(&standards).into_bytes(), mode)))
}

/// Whether a part is no longer what the whole document claims to be.
fn is_lost(claim: &Claim, has_layers: bool, intents_stay: bool) -> bool {
    match claim.standard {
        // They are about tags, about a tree of parts, about an attachment: none of them comes along.
        Standard::Accessible | Standard::Declared | Standard::VariablePrint | Standard::Invoice => {
            true
        }
        // Other levels want tags (a) or attachments (f). Whether a list of layers is one as archives want it is not looked at.
        Standard::Archive => !claim.is_visual() || has_layers || intents_stay,
        Standard::Print | Standard::Engineering => intents_stay,
    }
}
