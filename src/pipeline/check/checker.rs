//! One check of one file: what it looks at and the faults it has found so far.

use crate::pipeline::fault::Fault;
use crate::pipeline::surroundings::Surroundings;
use crate::pipeline::yaml::flaw::Place;
use crate::pipeline::yaml::tree::Tree;
use crate::plugin::catalog::Catalog;
use std::collections::HashSet;

/// One check of one file.
pub(super) struct Checker<'a> {
    pub(super) id: &'a str,
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    pub(super) tree: &'a Tree,
    pub(super) catalog: &'a Catalog,
    pub(super) surroundings: &'a Surroundings,
    /// Pointers of values that had a fault and are treated as absent.
    pub(super) cut: HashSet<String>,
    /// Pointers of values that could not be read: their faults are told.
    pub(super) lost: HashSet<String>,
    /// Ids of all steps.
    pub(super) step_names: Vec<String>,
    pub(super) faults: Vec<Fault>,
}

impl Checker<'_> {
    /// A fault at `place` that is about `pointer`.
    pub(super) fn fault_at(
        &mut self,
        place: Place,
        pointer: &str,
        message: impl Into<String>,
    ) -> &mut Fault {
        self.faults.push(Fault {
            file: self.file.to_owned(),
            line: place.line,
            column: place.column,
            pointer: pointer.to_owned(),
            message: message.into(),
            hint: None,
        });
        let last = self.faults.len() - 1;
        &mut self.faults[last]
    }

    /// A fault of the value at `pointer`.
    pub(super) fn fault(&mut self, pointer: &str, message: impl Into<String>, hint: &str) {
        let place = self.tree.value_at(pointer);
        let fault = self.fault_at(place, pointer, message);
        fault.hint = (!hint.is_empty()).then(|| hint.to_owned());
    }
}
