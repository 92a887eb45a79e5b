//! What a template names: variables, filters, tests and calls, each with its place, read off the syntax tree.

mod walk;

use crate::pipeline::template::found::{Broken, Constant, Scan};
use crate::pipeline::template::scan::walk::Walk;
use minijinja::machinery::{ast, parse, parse_expr};
use minijinja::value::ValueKind;

/// Bytes that a template may have.
const MAX_TEMPLATE: usize = 16 << 10;

impl Scan {
    /// What the template in `text` names.
    pub(crate) fn template(text: &str) -> Self {
        if let Some(too_long) = too_long(text) {
            return too_long;
        }
        match parse(text, "template", minijinja::syntax::SyntaxConfig::default()) {
            Ok(tree) => {
                let mut walk = Walk::default();
                walk.statement(&tree);
                let one_expression = matches!(
                    &tree,
                    ast::Stmt::Template(whole) if matches!(whole.children.as_slice(), [ast::Stmt::EmitExpr(_)])
                        && text.starts_with("{{") && text.ends_with("}}")
                );
                Self {
                    one_expression,
                    ..walk.scan
                }
            }
            Err(error) => broken(&error),
        }
    }

    /// What the expression in `text` names.
    pub(crate) fn expression(text: &str) -> Self {
        if let Some(too_long) = too_long(text) {
            return too_long;
        }
        match parse_expr(text) {
            Ok(tree) => {
                let mut walk = Walk::default();
                walk.expression(&tree);
                let constant = tree.as_const().map(|value| match value.kind() {
                    ValueKind::Bool => Constant::Bool,
                    _ => Constant::Other(value.to_string().chars().take(60).collect()),
                });
                Self {
                    constant,
                    ..walk.scan
                }
            }
            Err(error) => broken(&error),
        }
    }
}

fn broken(error: &minijinja::Error) -> Scan {
    Scan {
        broken: Some(Broken {
            offset: error.range().map_or(0, |range| range.start),
            why: error.detail().unwrap_or("syntax error").to_owned(),
        }),
        ..Scan::default()
    }
}

fn too_long(text: &str) -> Option<Scan> {
    (text.len() > MAX_TEMPLATE).then(|| Scan {
        broken: Some(Broken {
            offset: 0,
            why: format!(
                "it has {} bytes; a template may have {MAX_TEMPLATE}",
                text.len()
            ),
        }),
        ..Scan::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(scan: &Scan) -> String {
        let variables = scan.variables.iter().map(|variable| {
            let mut name = format!("{}@{}", variable.root, variable.offset);
            for part in &variable.path {
                name.push_str(&format!(".{part}"));
            }
            for (flag, mark) in [
                (variable.computed, "[]"),
                (variable.guarded, "?"),
                (variable.alone, "!"),
            ] {
                name.push_str(if flag { mark } else { "" });
            }
            name
        });
        let uses = scan
            .uses
            .iter()
            .map(|used| format!("{:?} {}", used.what, used.name));
        variables.chain(uses).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn every_name_is_found_once_with_its_place() {
        for (template, expected) in [
            ("plain", ""),
            ("{{ input.stem }}.pdf", "input@3.stem"),
            ("{{ page }}/{{pages}}", "page@3!, pages@13!"),
            ("{{ steps['a-b'].words + x }}", "steps@3.a-b.words, x@24"),
            ("{{ env[name] }}", "name@7, env@3[]"),
            (
                "{{ env.A | default('') ~ env.B }}",
                "env@3.A?, env@25.B, Filter default",
            ),
            (
                "{% if env.C is defined %}{{ env.C }}{% endif %}",
                "env@6.C?, env@28.C, Test defined",
            ),
            (
                "{% for k in part.list %}{{ k }}{{ loop.index }}{% endfor %}{{ k }}",
                "part@12.list, k@62!",
            ),
            ("{% set a = input.x %}{{ a }}", "input@11.x"),
            ("{{ a.b().c(d) }}", "a@3, d@11, Method b, Method c"),
            ("{{ f(1) | date('%Y') }}", "Function f, Filter date"),
            ("{{ a[1:b] if c else d }}", "a@3, b@7, c@13, d@20"),
            ("{{ [a, {b: c}] }}", "a@4, b@8, c@11"),
            ("{% with q = r %}{{ q }}{% endwith %}{{ q }}", "r@12, q@39!"),
            (
                "{% filter upper %}{{ z }}{% endfilter %}",
                "z@21!, Filter upper",
            ),
        ] {
            let scan = Scan::template(template);
            assert!(scan.broken.is_none(), "{template}: {:?}", scan.broken);
            assert_eq!(names(&scan), expected, "{template}");
        }
    }

    #[test]
    fn broken_templates_say_where() {
        for (template, offset) in [
            ("{{ a", 3),
            ("ab {{ + }}", 6),
            ("{% include 'x' %}", 3),
            ("{% macro f() %}{% endmacro %}", 3),
        ] {
            let broken = Scan::template(template).broken.expect(template);
            assert_eq!(broken.offset, offset, "{template}: {}", broken.why);
        }
    }

    #[test]
    fn constants_and_single_expressions_are_told() {
        assert_eq!(Scan::expression("true").constant, Some(Constant::Bool));
        assert_eq!(
            Scan::expression("'yes'").constant,
            Some(Constant::Other("yes".to_owned()))
        );
        assert_eq!(Scan::expression("a > 1").constant, None);
        assert!(Scan::template("{{ a + 1 }}").one_expression);
        assert!(!Scan::template("{{ a }} ").one_expression);
        assert!(!Scan::template("{{ a }}{{ b }}").one_expression);
    }
}
