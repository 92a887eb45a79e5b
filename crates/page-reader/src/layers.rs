//! Optional content that the reader passes over: visibility expressions of membership dictionaries, and the layers of
//! annotations (ISO 32000-2, 8.11.2.2 and 8.11.3.3). Both are put into the words that it knows.

use std::collections::HashSet;

use dropleaf_plugin_sdk::prelude::*;

/// How deep expressions may be nested; people write two or three.
const MAX_DEPTH: u32 = 32;
/// Operands of all expressions of a document together: they may share their parts without end.
const MAX_OPERANDS: usize = 1_000_000;
/// The flag of an annotation that is not shown at all (table 167).
const HIDDEN: i64 = 2;

/// What the reader has to be told in other words.
enum Change<'r> {
    /// This annotation is hidden.
    Hide(Object<'r>),
    /// What belongs to this membership dictionary is shown, or hidden.
    Settle(Object<'r>, Visibility),
}

enum Visibility {
    Shown,
    /// With a group that its expression speaks of.
    Hidden(Ref),
}

/// Whether `document` has layers at all.
pub(crate) fn exist(document: &Document<'_>) -> Result<bool> {
    Ok(below(&document.catalog()?, "OCProperties").is_some())
}

/// Whether something of `document` has to be said in other words.
pub(crate) fn any(document: &Document<'_>) -> Result<bool> {
    Ok(!changes(document)?.is_empty())
}

/// Says it in other words.
pub(crate) fn settle(document: &Document<'_>) -> Result<()> {
    let Some(groups) = Groups::read(document)? else {
        return Ok(());
    };
    for change in changes(document)? {
        match change {
            Change::Hide(annotation) => annotation.put("F", flags(&annotation) | HIDDEN)?,
            Change::Settle(membership, visibility) => {
                membership.remove("VE")?;
                membership.remove("OCGs")?;
                if let Visibility::Hidden(group) = visibility {
                    let policy = match groups.hidden.contains(&group) {
                        true => "AnyOn",
                        false => "AllOff",
                    };
                    membership.put("OCGs", document.array([group])?)?;
                    membership.put("P", Value::name(policy))?;
                }
            }
        }
    }
    Ok(())
}

fn changes<'r>(document: &Document<'r>) -> Result<Vec<Change<'r>>> {
    let Some(mut groups) = Groups::read(document)? else {
        return Ok(Vec::new());
    };
    let mut changes = Vec::new();
    for page in document.pages() {
        let annotations = below(&page?, "Annots").and_then(|annotations| annotations.items().ok());
        for annotation in annotations.iter().flatten().filter_map(Value::as_dict) {
            let layer = below(&annotation, "OC");
            let is_hidden = layer.is_some_and(|layer| !groups.show(&layer));
            if is_hidden && flags(&annotation) & HIDDEN == 0 {
                changes.push(Change::Hide(annotation));
            }
        }
    }
    for reference in document.objects()? {
        // What cannot be read is not looked at by the reader either.
        let object = document.object(reference).ok();
        let Some(object) = object.and_then(|value| value.as_object()) else {
            continue;
        };
        // The membership may stand in what belongs to it.
        let all = [below(&object, "OC"), Some(object)];
        for object in all.into_iter().flatten() {
            match groups.expressed(&object) {
                Some(visibility) => changes.push(Change::Settle(object, visibility)),
                None => object.release()?,
            }
        }
    }
    Ok(changes)
}

/// The groups of a document that its default configuration hides (8.11.4.3).
struct Groups {
    hidden: HashSet<Ref>,
    operands: usize,
}

impl Groups {
    fn read(document: &Document<'_>) -> Result<Option<Self>> {
        let Some(properties) = below(&document.catalog()?, "OCProperties") else {
            return Ok(None);
        };
        let mut hidden = HashSet::new();
        if let Some(default) = below(&properties, "D") {
            let base = default.get("BaseState").ok().flatten();
            if base.is_some_and(|base| base.is_name("OFF")) {
                hidden.extend(references(&properties, "OCGs"));
            }
            for group in references(&default, "ON") {
                hidden.remove(&group);
            }
            hidden.extend(references(&default, "OFF"));
        }
        Ok(Some(Self {
            hidden,
            operands: MAX_OPERANDS,
        }))
    }

    /// Whether what belongs to `layer`, a group or a membership dictionary, is shown.
    fn show(&mut self, layer: &Object<'_>) -> bool {
        if !is_membership(layer) {
            return group(layer).is_none_or(|group| !self.hidden.contains(&group));
        }
        match self.expressed(layer) {
            Some(visibility) => matches!(visibility, Visibility::Shown),
            None => self.policy(layer),
        }
    }

    /// What the expression of a membership dictionary says, if it has one.
    fn expressed(&mut self, membership: &Object<'_>) -> Option<Visibility> {
        if !is_membership(membership) {
            return None;
        }
        let expression = membership.get("VE").ok().flatten()?.as_array()?;
        let mut met = None;
        let is_shown = self.expression(&expression, MAX_DEPTH, &mut met)?;
        Some(match is_shown {
            true => Visibility::Shown,
            false => Visibility::Hidden(met?),
        })
    }

    /// The value of an expression; `None` where it is none, or beyond all measure.
    fn expression(
        &mut self,
        expression: &Object<'_>,
        depth: u32,
        met: &mut Option<Ref>,
    ) -> Option<bool> {
        let depth = depth.checked_sub(1)?;
        self.operands = self.operands.checked_sub(expression.len().ok()?)?;
        let items = expression.items().ok()?;
        let (operator, operands) = items.split_first()?;
        let mut values = Vec::with_capacity(operands.len());
        for operand in operands {
            match operand {
                Value::Array(inner) => values.push(self.expression(inner, depth, met)?),
                Value::Dict(dict) => {
                    let group = group(dict)?;
                    *met = Some(group);
                    values.push(!self.hidden.contains(&group));
                }
                // A group that is gone has no say.
                _ => {}
            }
        }
        match (operator.as_name()?, &values[..]) {
            (_, []) => None,
            (b"And", values) => Some(values.iter().all(|value| *value)),
            (b"Or", values) => Some(values.iter().any(|value| *value)),
            (b"Not", [value]) => Some(!value),
            _ => None,
        }
    }

    /// What a membership dictionary without an expression says (table 97).
    fn policy(&self, membership: &Object<'_>) -> bool {
        let groups = match membership.get("OCGs").ok().flatten() {
            Some(Value::Dict(one)) => group(&one).into_iter().collect(),
            _ => references(membership, "OCGs"),
        };
        let policy = membership.get("P").ok().flatten();
        let is_policy = |name| policy.as_ref().is_some_and(|policy| policy.is_name(name));
        let mut hidden = groups.iter().map(|group| self.hidden.contains(group));
        if groups.is_empty() {
            true
        } else if is_policy("AllOn") {
            hidden.all(|hidden| !hidden)
        } else if is_policy("AnyOff") {
            hidden.any(|hidden| hidden)
        } else if is_policy("AllOff") {
            hidden.all(|hidden| hidden)
        } else {
            hidden.any(|hidden| !hidden)
        }
    }
}

fn is_membership(layer: &Object<'_>) -> bool {
    let kind = layer.get("Type").ok().flatten();
    kind.is_some_and(|kind| kind.is_name("OCMD"))
}

fn group(dict: &Object<'_>) -> Option<Ref> {
    dict.id().ok().flatten()
}

fn flags(annotation: &Object<'_>) -> i64 {
    let flags = annotation.get("F").ok().flatten();
    flags.and_then(|flags| flags.as_i64()).unwrap_or(0)
}

fn below<'r>(object: &Object<'r>, key: &str) -> Option<Object<'r>> {
    object.object(key).ok().flatten()
}

/// The references in an array.
fn references(dict: &Object<'_>, key: &str) -> Vec<Ref> {
    let Some(array) = below(dict, key) else {
        return Vec::new();
    };
    (0..array.len().unwrap_or(0))
        .filter_map(|index| array.at_raw(index).ok().flatten()?.as_ref())
        .collect()
}
