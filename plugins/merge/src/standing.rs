//! What a document says of itself as a whole, and what of it is still so when others have been appended.

use dropleaf_plugin_sdk::prelude::*;
use dropleaf_xmp::Packet;
use dropleaf_xmp::claims::{Claim, PRINT_KEYS, Standard};

/// What one document says of itself.
struct Standing {
    has_tags: bool,
    has_layers: bool,
    claims: Vec<Claim>,
    intents: Vec<Intent>,
}

/// An output intent (ISO 32000-2, 14.11.5), as far as it tells two of them apart.
#[derive(PartialEq, Eq)]
struct Intent {
    subtype: Option<Vec<u8>>,
    condition: Option<Vec<u8>>,
    profile: Option<Vec<u8>>,
}

impl Standing {
    fn of(document: &Document<'_>) -> Result<Self> {
        let catalog = document.catalog()?;
        let mut intents = Vec::new();
        if let Some(list) = catalog
            .get("OutputIntents")?
            .and_then(|list| list.as_array())
        {
            for item in list.items()? {
                intents.extend(intent(&item)?);
            }
        }
        let mut claims = packet(&catalog)?.map_or_else(Vec::new, |packet| packet.claims());
        if !claims.iter().any(|claim| claim.standard == Standard::Print)
            && let Some(info) = document.trailer()?.object("Info")?
        {
            let look = |key: &str| info.get(key).ok().flatten().and_then(|text| text.as_text());
            claims.extend(Claim::of_info(look));
        }
        Ok(Self {
            has_tags: catalog.has("StructTreeRoot")?,
            has_layers: catalog.has("OCProperties")?,
            claims,
            intents,
        })
    }
}

fn intent(item: &Value<'_>) -> Result<Option<Intent>> {
    let Some(dict) = item.as_dict() else {
        return Ok(None);
    };
    let subtype = dict.get("S")?;
    let condition = dict.get("OutputConditionIdentifier")?;
    let profile = dict.get("DestOutputProfile")?;
    let profile = profile.and_then(|profile| profile.as_stream());
    Ok(Some(Intent {
        subtype: subtype.and_then(|name| name.as_name().map(<[u8]>::to_vec)),
        condition: condition.and_then(|text| text.as_bytes().map(<[u8]>::to_vec)),
        profile: profile.and_then(|profile| profile.decoded().ok()),
    }))
}

/// Corrects what the first document says, to which the others are to be appended, and warns of what is lost.
pub(crate) fn settle(run: &Run<'_>, target: &Document<'_>, others: &[Document<'_>]) -> Result<()> {
    if others.is_empty() {
        return Ok(());
    }
    let first = Standing::of(target)?;
    let mut lost: Vec<Claim> = first.claims.clone();
    lost.retain(|claim| {
        !can_stay(claim) || claim.standard == Standard::Archive && first.has_layers
    });
    let (mut tags, mut intents) = (Vec::new(), Vec::new());
    for (number, other) in (2..).zip(others) {
        let other = Standing::of(other)?;
        let is_alike = other.intents == first.intents;
        if other.has_tags {
            tags.push(number);
        }
        if !is_alike && !other.intents.is_empty() {
            intents.push(number);
        }
        for claim in &first.claims {
            let is_shared = claim.standard == Standard::Invoice
                || is_alike && other.claims.contains(claim) && !other.has_layers;
            if !is_shared && !lost.contains(claim) {
                lost.push(claim.clone());
            }
        }
    }
    if !tags.is_empty() {
        let tags = documents(&tags);
        run.warn(format!("the tags (structure tree) of {tags} are left out"));
    }
    if !intents.is_empty() {
        let intents = documents(&intents);
        run.warn(format!(
            "the output intents of {intents} are left out, which are not those of the first document"
        ));
    }
    if first.has_tags {
        run.warn("only pages of the first document have tags now: the result is no longer marked as tagged");
        unmark(target)?;
    }
    if !lost.is_empty() {
        let names: Vec<String> = lost.iter().map(Claim::to_string).collect();
        let names = names.join(", ");
        run.warn(format!("the result no longer claims to be {names}"));
        disclaim(target, &lost)?;
    }
    Ok(())
}

/// Whether a document that is put together of some that all claim this may claim it, too. The tags and the tree of parts of
/// the later ones are left out; the attachments of the first are not.
fn can_stay(claim: &Claim) -> bool {
    match claim.standard {
        Standard::Accessible | Standard::Declared | Standard::VariablePrint => false,
        Standard::Archive => claim.is_visual(),
        Standard::Print | Standard::Engineering | Standard::Invoice => true,
    }
}

/// Takes back that the whole document is tagged (14.7.1).
fn unmark(document: &Document<'_>) -> Result<()> {
    match document.catalog()?.object("MarkInfo")? {
        Some(info) => info.remove("Marked").map(|_| ()),
        None => Ok(()),
    }
}

fn disclaim(document: &Document<'_>, lost: &[Claim]) -> Result<()> {
    if lost.iter().any(|claim| claim.standard == Standard::Print)
        && let Some(info) = document.trailer()?.object("Info")?
    {
        for key in PRINT_KEYS {
            info.remove(key)?;
        }
    }
    let catalog = document.catalog()?;
    let Some(packet) = packet(&catalog)? else {
        return Ok(());
    };
    let Some(stream) = catalog.get("Metadata")?.and_then(|value| value.as_stream()) else {
        return Ok(());
    };
    let standards: Vec<Standard> = lost.iter().map(|claim| claim.standard).collect();
    stream.remove("Filter")?;
    stream.remove("DecodeParms")?;
    stream.set_raw(packet.without(&standards).as_bytes())
}

/// The XMP packet; one that cannot be read claims nothing.
fn packet(catalog: &Object<'_>) -> Result<Option<Packet>> {
    let stream = catalog.get("Metadata")?.and_then(|value| value.as_stream());
    let bytes = stream.and_then(|stream| stream.decoded().ok());
    Ok(bytes.and_then(|bytes| Packet::read(&bytes).ok()))
}

/// "document `2`", "documents `2`, `3`"
fn documents(numbers: &[usize]) -> String {
    let plural = if numbers.len() == 1 { "" } else { "s" };
    let numbers: Vec<String> = numbers.iter().map(|number| format!("`{number}`")).collect();
    format!("document{plural} {}", numbers.join(", "))
}
