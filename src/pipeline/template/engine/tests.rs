use super::*;
use serde_json::json;

fn context() -> Context {
    let values = json!({
        "input": {"stem": "a/b", "name": "a.pdf", "size": 10},
        "pdf": {"pages": 3, "signed": false, "title": null},
        "part": {"index": 2, "count": 3},
        "steps": {"extract-text": {"pages": 3, "characters": 12}, "skipped": {}},
        "env": {},
        "now": "2026-11-22T20:33:31+01:00",
        "list": [1, 2]
    });
    let Value::Object(map) = values else {
        unreachable!("an object");
    };
    Context::new(&map.into_iter().collect())
}

fn renders(template: &str) -> Result<String, String> {
    Engine::new()
        .render_string(template, &context())
        .map_err(|error| error.to_string())
}

#[test]
fn texts_are_filled_in() {
    for (template, expected) in [
        ("plain { text }", "plain { text }"),
        ("{{ input.name }}-{{ part.index | pad(2) }}", "a.pdf-02"),
        ("{{ pdf.title }}|", "|"),
        ("{{ pdf.signed }}, {{ not pdf.signed }}", "false, true"),
        ("{{ pdf.title or 'none' }}", "none"),
        ("{{ now | date('%d %b %Y') }}", "22 Nov 2026"),
        ("{{ steps['extract-text'].characters }}", "12"),
        ("{{ env.X | default('y') }}", "y"),
        ("{% if part.count > 1 %}-{{ part.index }}{% endif %}", "-2"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{{ '<&>' }}", "<&>"),
    ] {
        assert_eq!(renders(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn what_cannot_be_filled_in_says_why() {
    for (template, expected) in [
        (
            "{{ nope }}",
            "failed to fill in `{{ nope }}`: `nope` has no value",
        ),
        (
            "x {{ steps.a.b }}",
            "failed to fill in `x {{ steps.a.b }}`: `steps.a` has no value",
        ),
        (
            "{{ steps['extract-text'].letters }}",
            "`steps['extract-text'].letters` has no value; step `extract-text` has told `characters`, `pages`",
        ),
        (
            "{{ steps.skipped.pages }}",
            "`steps.skipped.pages` has no value; step `skipped` has told nothing",
        ),
        (
            "{{ env.X ~ 1 }}",
            "failed to fill in `{{ env.X ~ 1 }}`: `env.X` has no value",
        ),
        ("{{ now | date('%!') }}", "date"),
        ("{{ pdf.pages | upper | int }}", ""),
        ("{{ 1 / 0 }}", "unable to calculate 1 / 0"),
        ("{% for a in list %}", "end"),
    ] {
        match renders(template) {
            Ok(text) => assert_eq!(expected, "", "{template} became {text}"),
            Err(error) => assert!(error.contains(expected), "{template}: {error}"),
        }
    }
}

#[test]
fn hints_fit_what_went_wrong() {
    for (template, expected) in [
        ("{{ env.X ~ 1 }}", "write `env.X | default('')`"),
        ("{{ 1 / (pdf.pages - 3) }}", "`{{ a / b if b else 0 }}`"),
        ("{{ 7 // 0 }}", "`{{ a / b if b else 0 }}`"),
        ("{{ 7 % 0 }}", "`{{ a / b if b else 0 }}`"),
        ("{{ pdf.pages | pad(-1) }}", "correct the template"),
        ("{{ 'soon' | date }}", "correct the template"),
        ("{{ 'a' * 10000000000 }}", ""),
        (
            "{% for a in 'x' * 10000 %}{% for b in 'x' * 10000 %}{{ a }}{% endfor %}{% endfor %}",
            "let it loop over less",
        ),
    ] {
        let error = Engine::new().render_string(template, &context());
        let hint = error.expect_err(template).hint().unwrap_or_default();
        assert!(hint.contains(expected), "{template}: {hint}");
        let speaks_of_absence = hint.contains("absent") || hint.contains("missing");
        assert_eq!(speaks_of_absence, template.contains("env"), "{hint}");
    }
}

#[test]
fn bombs_end() {
    let doubling = format!(
        "{{% set s = 'aaaaaaaa' %}}{}{{{{ s }}}}",
        "{% set s = s ~ s %}".repeat(60)
    );
    let replaced = format!(
        "{{% set s = 'aaaaaaaaaaaaaaaa' %}}{}{{{{ s | length }}}}",
        "{% set s = s | replace('a', s) %}".repeat(8)
    );
    for template in [
        "{{ 'a' * 10000000000 }}",
        "{% for a in '                                                              ' * 1000 %}{% for b in 'x' * 10000 %}{{ a }}{% endfor %}{% endfor %}",
        "{{ 10 ** 10 ** 10 }}",
        &doubling,
        &replaced,
        &"{{ (".repeat(1000),
        &format!("{{{{ {}1{} }}}}", "[".repeat(3000), "]".repeat(3000)),
    ] {
        assert!(
            renders(template).is_err(),
            "{}",
            &template[..40.min(template.len())]
        );
    }
}

#[test]
fn bombs_end_in_single_expressions_and_conditions_too() {
    let engine = Engine::new();
    for bomb in [
        "'a' * 10000000000",
        "10 ** 10 ** 10",
        "('a' * 60000) | replace('a', 'b' * 60000)",
    ] {
        assert!(engine.eval_condition(bomb, &context()).is_err(), "{bomb}");
        let tree = json!(format!("{{{{ {bomb} }}}}"));
        assert!(
            engine
                .render_value(&tree, &BTreeMap::new(), &context())
                .is_err(),
            "{bomb}"
        );
    }
}

#[test]
fn a_single_expression_keeps_its_type() {
    let own = BTreeMap::from([(
        "/text".to_owned(),
        vec!["page".to_owned(), "pages".to_owned()],
    )]);
    let tree = json!({
        "angle": "{{ part.index * 90 }}",
        "flag": "{{ pdf.signed }}",
        "list": "{{ list }}",
        "title": "{{- pdf.title -}}",
        "map": "{{ {'a': 1} }}",
        "text": "{{ page }}/{{ pages }} of {{ input.name }}",
        "deep": [{"x~/y": "n{{ pdf.pages }}"}],
        "plain": 5
    });
    let rendered = Engine::new()
        .render_value(&tree, &own, &context())
        .expect("all known");
    assert_eq!(
        rendered,
        json!({
            "angle": 180,
            "flag": false,
            "list": [1, 2],
            "title": null,
            "map": {"a": 1},
            "text": "{{ page }}/{{ pages }} of a.pdf",
            "deep": [{"x~/y": "n3"}],
            "plain": 5
        })
    );
    let error = Engine::new().render_value(&json!(["{{ pdf.nope }}"]), &own, &context());
    assert!(matches!(error, Err(Error::Undefined { name, .. }) if name == "pdf.nope"));
}

#[test]
fn own_variables_stand_only_where_they_belong() {
    let own = BTreeMap::from([("/text".to_owned(), vec!["page".to_owned()])]);
    let engine = Engine::new();
    assert_eq!(
        engine
            .render_value(&json!({"text": "{{ page }}"}), &own, &context())
            .expect("left"),
        json!({"text": "{{ page }}"})
    );
    assert!(
        engine
            .render_value(&json!({"other": "{{ page }}"}), &own, &context())
            .is_err()
    );
}

#[test]
fn conditions_are_true_or_false() {
    for (expression, expected) in [
        ("pdf.pages > 1 and not pdf.signed", Some(true)),
        ("pdf.title", Some(false)),
        ("input.name is endingwith('.pdf')", Some(true)),
        ("'x' in list", Some(false)),
        ("env.X is defined", Some(false)),
        ("false", Some(false)),
        ("pdf.nope", None),
        ("pdf.nope.deeper", None),
        ("pdf.pages >", None),
    ] {
        assert_eq!(
            Engine::new().eval_condition(expression, &context()).ok(),
            expected,
            "{expression}"
        );
    }
}

#[test]
fn a_value_cannot_make_folders_in_a_name() {
    let name = Engine::new()
        .render_name("{{ input.stem }}/x.pdf", &context())
        .expect("renders");
    assert_eq!(name, "a_b/x.pdf");
}

#[test]
fn a_text_and_a_number_have_no_order() {
    let holds = |expression: &str| {
        Engine::new()
            .eval_condition(expression, &context())
            .map_err(|error| (error.to_string(), error.hint().unwrap_or_default()))
    };
    for (expression, expected) in [
        ("pdf.pages > 2", true),
        ("pdf.pages <= 2", false),
        ("2 < pdf.pages < 4", true),
        ("input.stem < 'b'", true),
        ("input.stem >= 'b'", false),
        ("now | date('%H') | int < 99", true),
        ("list < [1, 3]", true),
        ("pdf.signed < 1", true),
        ("input.stem is number and input.stem > 3", false),
    ] {
        assert_eq!(holds(expression), Ok(expected), "{expression}");
    }
    for (expression, expected) in [
        ("input.stem > 99", "the text `a/b` > the number 99"),
        ("99 <= input.stem", "the number 99 <= the text `a/b`"),
        (
            "now | date('%H') < pdf.pages",
            "the text `20` < the number 3",
        ),
        (
            "not (env.X | default('5')) >= 4",
            "the text `5` >= the number 4",
        ),
    ] {
        let (said, hint) = holds(expression).expect_err(expression);
        let reason = format!("a text and a number cannot be compared by size: {expected}");
        assert!(said.ends_with(&reason), "{said}");
        assert!(hint.contains("| float"), "{hint}");
    }
    let (said, _) = holds("env.X > 3").expect_err("no value");
    assert!(said.ends_with("`env.X` has no value"), "{said}");
}

#[test]
fn a_text_that_is_no_number_is_told_as_it_is() {
    for template in ["{{ 'abc' | int }}", "{{ 'abc' | float }}"] {
        let said = renders(template).expect_err(template);
        assert!(said.ends_with("the text `abc` is no number"), "{said}");
    }
    assert_eq!(renders("{{ 'abc' | int(7) }}").as_deref(), Ok("7"));
    assert_eq!(renders("{{ '12' | int }}").as_deref(), Ok("12"));
}
