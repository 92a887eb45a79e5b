//! Bringing the Info dictionary and the XMP packet to the same values.

use std::collections::{BTreeMap, BTreeSet};

use dropleaf_plugin_sdk::prelude::*;
use dropleaf_xmp::claims::{Claim, Standard};
use dropleaf_xmp::property::{DC, Form, Name, PDF, XMP};
use dropleaf_xmp::{Edit, Packet};

use crate::date::Date;
use crate::property::{Change, NOT_TEXT, STANDARD, keywords};

/// The namespace of what describes further entries of an archive's packet.
const EXTENSION: &str = "http://www.aiim.org/pdfa/ns/extension/";

/// Changes the document's metadata.
pub(crate) fn apply(run: &Run<'_>, change: &Change) -> Result<()> {
    let document = run.document();
    let info = document
        .trailer()?
        .get("Info")?
        .and_then(|value| value.as_dict());
    let before = match &info {
        Some(info) => Before::read(&document, info)?,
        None => Before::default(),
    };
    let catalog = document.catalog()?;
    let is_there = catalog.has("Metadata")?;
    let packet = read_packet(run, &catalog)?;
    let is_new = packet.is_none();
    let packet = packet.unwrap_or_else(Packet::empty);
    let plan = plan(&before, &packet, change, is_new);
    let archive = packet
        .claims()
        .into_iter()
        .find(|claim| claim.standard == Standard::Archive);
    // It must have none (ISO 19005-4, 6.1.3), but for what applications keep of their own.
    let is_without_info = archive.as_ref().is_some_and(|archive| archive.part == "4");
    if info.is_some() || !is_without_info || catalog.has("PieceInfo")? {
        write_info(&document, info, &plan.info)?;
    }
    if !plan.xmp.is_empty() || is_new && is_there {
        let mut text = packet.edited(&plan.xmp);
        if let Some(archive) = archive
            && let Some(entry) = unknown(&packet, &archive, change)
            && let Ok(packet) = Packet::read(text.as_bytes())
        {
            run.warn(format!(
                "the document no longer claims to be {archive}: its XMP packet has no schema for `{entry}`"
            ));
            text = packet.without(&[Standard::Archive]);
        }
        write_packet(&document, text.as_bytes())?;
    }
    run.result("changed", plan.info.keys().collect::<Vec<_>>())
}

/// A new entry that the packet of an archive may not have: one of nobody's schema that it does not describe (ISO 19005-1, 6.7.8;
/// ISO 19005-2 and 3, 6.6.2.3). Later ones may have any.
fn unknown<'c>(packet: &Packet, archive: &Claim, change: &'c Change) -> Option<&'c str> {
    if !["1", "2", "3"].contains(&archive.part.as_str()) {
        return None;
    }
    let text = packet.edited(&[]);
    let is_described = |key: &str| text.contains(EXTENSION) && text.contains(&format!(">{key}<"));
    let is_own = |key: &str| {
        !NOT_TEXT.contains(&key) && STANDARD.iter().all(|(standard, ..)| *standard != key)
    };
    let set = change.entries.iter().filter(|(_, value)| value.is_some());
    set.map(|(key, _)| key.as_str())
        .filter(|key| is_own(key) && packet.get(&Name::custom(key)).is_none())
        .find(|key| !is_described(key))
}

/// What is to be written where.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// By key; `None` removes.
    info: BTreeMap<String, Option<String>>,
    xmp: Vec<Edit>,
}

/// The Info dictionary as it is.
#[derive(Default)]
struct Before {
    texts: BTreeMap<String, String>,
    /// Entries of another type, which have no place among texts; `Trapped` is a name (ISO 32000-2, table 349).
    others: BTreeSet<String>,
}

impl Before {
    fn read(document: &Document<'_>, info: &Object<'_>) -> Result<Self> {
        let mut before = Self::default();
        for (key, value) in info.entries()? {
            let Ok(key) = String::from_utf8(key) else {
                continue;
            };
            match document.resolve(value)?.as_text() {
                Some(text) => _ = before.texts.insert(key, text),
                None => _ = before.others.insert(key),
            }
        }
        Ok(before)
    }

    fn has(&self, key: &str) -> bool {
        self.texts.contains_key(key) || self.others.contains(key)
    }
}

/// Compares what is there with what is to be. Of entries that nobody named, the Info dictionary's value holds, then XMP's.
fn plan(before: &Before, packet: &Packet, change: &Change, is_new: bool) -> Plan {
    let info = &before.texts;
    let mut plan = Plan {
        info: BTreeMap::new(),
        xmp: Vec::new(),
    };
    let custom: BTreeSet<&str> = change
        .entries
        .keys()
        // A packet that is there may be an archive's (PDF/A), which needs a schema for each such entry: only what is
        // asked for goes in.
        .chain(info.keys().filter(|_| is_new))
        .map(String::as_str)
        .filter(|key| {
            !NOT_TEXT.contains(key) && STANDARD.iter().all(|(standard, ..)| standard != key)
        })
        .collect();
    let standard = STANDARD
        .iter()
        .map(|&(key, space, local, form)| (key, Name::new(space, local), form));
    let custom = custom
        .into_iter()
        .map(|key| (key, Name::custom(key), Form::Simple));
    for (key, name, form) in standard.chain(custom) {
        let (ours, theirs) = (
            info.get(key).filter(|text| !text.is_empty()),
            packet.get(&name),
        );
        let value = match change.entries.get(key) {
            Some(value) => value.clone(),
            None => ours
                .cloned()
                .or_else(|| theirs.clone().filter(|text| !text.is_empty())),
        };
        if key == "Keywords" {
            subject(
                &mut plan,
                packet,
                change,
                (theirs.as_deref(), value.as_deref()),
            );
        }
        let differs = match value {
            Some(_) => ours != value.as_ref(),
            None => change.entries.contains_key(key) && before.has(key),
        };
        if differs {
            plan.info.insert(key.to_owned(), value.clone());
        }
        if theirs != value {
            plan.xmp.push(Edit::text(name, form, value));
        }
    }
    for key in NOT_TEXT {
        if change.entries.contains_key(key) && before.has(key) {
            plan.info.insert(key.to_owned(), None);
        }
    }
    let trapped = Name::new(PDF, "Trapped");
    if change.entries.contains_key("Trapped") && packet.get(&trapped).is_some() {
        plan.xmp.push(Edit::text(trapped, Form::Simple, None));
    }
    dates(&mut plan, info, packet, change);
    plan
}

/// The single keywords: those that were given, or the parts of the one text that is to be.
fn subject(
    plan: &mut Plan,
    packet: &Packet,
    change: &Change,
    (theirs, value): (Option<&str>, Option<&str>),
) {
    let name = Name::new(DC, "subject");
    let words = match &change.keywords {
        Some(words) => words.clone(),
        None if theirs == value && !change.entries.contains_key("Keywords") => return,
        None => keywords(value.unwrap_or_default()),
    };
    if packet.items(&name) != words {
        let values = (!words.is_empty()).then_some(words);
        plan.xmp.push(Edit {
            name,
            form: Form::Bag,
            values,
        });
    }
}

/// Brings the dates to one point in time: the Info dictionary's, or XMP's where the other says none.
fn dates(plan: &mut Plan, info: &BTreeMap<String, String>, packet: &Packet, change: &Change) {
    for (key, local) in [("CreationDate", "CreateDate"), ("ModDate", "ModifyDate")] {
        let name = Name::new(XMP, local);
        let there = packet.get(&name);
        if change.entries.contains_key(key) {
            if there.is_some() {
                plan.xmp.push(Edit::text(name, Form::Simple, None));
            }
            continue;
        }
        let ours = info.get(key).and_then(|date| Date::from_info(date));
        let theirs = there.and_then(|date| Date::from_xmp(&date));
        match (ours, theirs) {
            (Some(ours), theirs) if theirs.as_ref().is_none_or(|theirs| !theirs.agrees(&ours)) => {
                let edit = Edit::text(name, Form::Simple, Some(ours.to_xmp()));
                plan.xmp.push(edit);
            }
            (None, Some(theirs)) if !info.contains_key(key) => {
                plan.info.insert(key.to_owned(), Some(theirs.to_info()));
            }
            _ => {}
        }
    }
}

/// Writes entries of the Info dictionary, which is made if there is none and something to put in.
fn write_info(
    document: &Document<'_>,
    info: Option<Object<'_>>,
    entries: &BTreeMap<String, Option<String>>,
) -> Result<()> {
    let Some(info) = info else {
        let texts = entries
            .iter()
            .filter_map(|(key, value)| Some((key, Value::text(value.as_deref()?))));
        let made = document.dict(texts)?;
        if !made.is_empty()? {
            document.trailer()?.put("Info", document.add(made)?)?;
        }
        return Ok(());
    };
    for (key, value) in entries {
        match value {
            Some(value) => info.put(key, Value::text(value))?,
            None => _ = info.remove(key)?,
        }
    }
    Ok(())
}

/// The XMP packet; `None`, with a warning, where it cannot be read.
fn read_packet(run: &Run<'_>, catalog: &Object<'_>) -> Result<Option<Packet>> {
    let Some(stream) = catalog.get("Metadata")?.and_then(|value| value.as_stream()) else {
        return Ok(None);
    };
    let packet = match stream.decoded() {
        Ok(bytes) => Packet::read(&bytes),
        Err(error) => Err(error.message().to_owned()),
    };
    match packet {
        Ok(packet) => Ok(Some(packet)),
        Err(reason) => {
            run.warn(format!(
                "the XMP packet cannot be read and is made anew: {reason}"
            ));
            Ok(None)
        }
    }
}

/// Writes the packet uncompressed: archives ask for it (ISO 19005-1, 6.7.2), and programs look for it in the plain file.
fn write_packet(document: &Document<'_>, bytes: &[u8]) -> Result<()> {
    let catalog = document.catalog()?;
    if let Some(stream) = catalog.get("Metadata")?.and_then(|value| value.as_stream()) {
        stream.remove("Filter")?;
        stream.remove("DecodeParms")?;
        return stream.set_raw(bytes);
    }
    let dict = document.parse("<< /Type /Metadata /Subtype /XML >>")?;
    catalog.put("Metadata", document.stream(Some(&dict), Mode::Raw, bytes)?)
}

#[cfg(test)]
mod tests;
