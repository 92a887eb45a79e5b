//! Templates and conditions against what is known in their place.

use crate::pipeline::check::checker::Checker;
use crate::pipeline::check::variables::{
    Remark, about_comparison, about_use, about_variable, second_half,
};
use crate::pipeline::template::found::{Broken, Constant, Scan};
use crate::pipeline::template::scope::Scope;
use crate::plugin::words::holds_template;
use std::collections::BTreeSet;

/// Remarks about one template.
const MAX_REMARKS: usize = 20;

/// A scope that owns its lists.
pub(super) struct OwnedScope {
    pub(super) without: Vec<(&'static str, &'static str)>,
    pub(super) earlier: Vec<String>,
    pub(super) all: Vec<String>,
    pub(super) own: Vec<String>,
    pub(super) env: Option<BTreeSet<String>>,
}

impl OwnedScope {
    pub(super) fn borrow(&self) -> Scope<'_> {
        Scope {
            without: &self.without,
            earlier: &self.earlier,
            all: &self.all,
            own: &self.own,
            env: self.env.as_ref(),
        }
    }
}

impl Checker<'_> {
    /// What output names and folders may speak of: everything.
    pub(super) fn scope_of_outputs(&self) -> OwnedScope {
        OwnedScope {
            without: Vec::new(),
            earlier: self.step_names.clone(),
            all: self.step_names.clone(),
            own: Vec::new(),
            env: self.surroundings.env.clone(),
        }
    }

    pub(super) fn passwords(&mut self, passwords: &[String]) {
        const WHY: &str = "passwords are tried before the document is open";
        let scope = OwnedScope {
            without: vec![("pdf", WHY), ("part", WHY), ("steps", WHY)],
            ..self.scope_of_outputs()
        };
        for (index, password) in passwords.iter().enumerate() {
            self.template(&format!("/passwords/{index}"), password, &scope.borrow());
        }
    }

    /// Checks the template in the text at `pointer`.
    pub(super) fn template(&mut self, pointer: &str, text: &str, scope: &Scope<'_>) {
        if !holds_template(text) {
            return;
        }
        let scan = Scan::template(text);
        if let Some(Broken { offset, why }) = &scan.broken {
            let remark = Remark {
                offset: *offset,
                message: format!("the template cannot be read: {}", plain_words(why)),
                hint: "a template is for example `{{ input.stem }}`".to_owned(),
            };
            return self.remark(pointer, text, remark);
        }
        self.names(pointer, text, &scan, scope);
    }

    /// Checks the expression at `pointer`.
    pub(super) fn condition(&mut self, pointer: &str, text: &str, scope: &Scope<'_>) {
        let whole = |message: &str, hint: String| Remark {
            offset: 0,
            message: message.to_owned(),
            hint,
        };
        if text.trim().is_empty() {
            return self.remark(
                pointer,
                text,
                whole(
                    "`if` is empty",
                    "leave the key out to run the step always".to_owned(),
                ),
            );
        }
        if holds_template(text) {
            let bare = text
                .trim()
                .trim_start_matches("{{")
                .trim_end_matches("}}")
                .trim();
            let hint = format!("write `if: {}`", bare.chars().take(100).collect::<String>());
            return self.remark(
                pointer,
                text,
                whole("`if` is an expression already and takes no braces", hint),
            );
        }
        let scan = Scan::expression(text);
        if let Some(Broken { offset, why }) = &scan.broken {
            let hint = if ["&&", "||", "!", "="]
                .iter()
                .any(|sign| text.contains(sign))
            {
                "compare with `==` and `!=`; join with `and`, `or`, `not`"
            } else {
                "for example `pdf.pages > 1 and not pdf.signed`"
            };
            let remark = Remark {
                offset: *offset,
                message: format!("`if` cannot be read: {}", plain_words(why)),
                hint: hint.to_owned(),
            };
            return self.remark(pointer, text, remark);
        }
        if let Some(Constant::Other(value)) = &scan.constant {
            let message = format!("`if` is always `{value}` and decides nothing");
            return self.remark(pointer, text, whole(&message, "for example `pdf.pages > 1`; a text to compare with needs quotes, a variable none".to_owned()));
        }
        self.names(pointer, text, &scan, scope);
    }

    fn names(&mut self, pointer: &str, text: &str, scan: &Scan, scope: &Scope<'_>) {
        let guarded: BTreeSet<&String> = scan
            .variables
            .iter()
            .filter(|variable| variable.root == "env" && variable.guarded)
            .filter_map(|variable| variable.path.first())
            .collect();
        // `steps.stamp-text.x` reads as `steps.stamp` minus `text.x`; the second half is no fault of its own.
        let halves: Vec<&str> = scan
            .variables
            .iter()
            .filter_map(|variable| second_half(variable, scope))
            .collect();
        let variables = scan
            .variables
            .iter()
            .filter(|variable| !halves.contains(&variable.root.as_str()))
            .filter_map(|variable| about_variable(variable, scope, &guarded));
        let uses = scan.uses.iter().filter_map(about_use);
        let mismatches = scan.mismatches.iter().map(about_comparison);
        let remarks = variables.chain(uses).chain(mismatches);
        for remark in remarks.take(MAX_REMARKS).collect::<Vec<_>>() {
            self.remark(pointer, text, remark);
        }
    }

    fn remark(&mut self, pointer: &str, text: &str, remark: Remark) {
        let offset = remark.offset.min(text.len());
        let place = self.tree.inside(self.text, pointer, offset);
        let fault = self.fault_at(place, pointer, remark.message);
        fault.hint = (!remark.hint.is_empty()).then_some(remark.hint);
    }
}

/// minijinja's words for tokens, as they are written.
fn plain_words(why: &str) -> String {
    why.replace("end of variable block", "`}}`")
        .replace("end of block", "`%}`")
}
