//! The pages behind the `type` of every problem, of requests and of jobs alike: what it means and what to do.
//!
//! Their text is `docs/problems.md`: a `## slug: Title` for each, then paragraphs with `code` in back-quotes.

use crate::http::call::Call;
use crate::http::content;
use crate::http::page::POLICY;
use crate::http::refusal::Refusal;
use crate::http::reply::{self, Response};
use http::header::CONTENT_SECURITY_POLICY;
use std::fmt::Write as _;

const CATALOGUE: &str = include_str!("../../docs/problems.md");

/// One entry of the catalogue.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    slug: &'a str,
    title: &'a str,
    text: &'a str,
}

fn entries() -> impl Iterator<Item = Entry<'static>> {
    CATALOGUE.split("\n## ").skip(1).filter_map(|section| {
        let (head, text) = section.split_once('\n')?;
        let (slug, title) = head.split_once(": ")?;
        Some(Entry {
            slug: slug.trim(),
            title: title.trim(),
            text: text.trim(),
        })
    })
}

pub(crate) async fn index(call: Call) -> Result<Response, Refusal> {
    let mut body = String::from("<h1>Problems</h1>\n<ul>\n");
    for entry in entries() {
        writeln!(
            body,
            "<li><a href=\"/problems/{0}\"><code>{0}</code></a> {1}</li>",
            entry.slug,
            escape(entry.title)
        )
        .expect("a string takes any text");
    }
    body.push_str("</ul>\n");
    Ok(html(&call, "Problems", &body))
}

pub(crate) async fn page(call: Call) -> Result<Response, Refusal> {
    let slug = call.part("slug");
    let Some(entry) = entries().find(|entry| entry.slug == slug) else {
        return Err(Refusal::not_found(format!("there is no problem `{slug}`"))
            .hint("/problems lists them"));
    };
    let mut body = format!(
        "<p><a href=\"/problems\">Problems</a></p>\n<h1>{}</h1>\n<p><code>{}</code></p>\n",
        escape(entry.title),
        entry.slug
    );
    for paragraph in entry.text.split("\n\n") {
        writeln!(body, "<p>{}</p>", inline(paragraph)).expect("a string takes any text");
    }
    Ok(html(&call, entry.title, &body))
}

fn html(call: &Call, title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{} - Dropleaf</title>\n<link rel=\"stylesheet\" href=\"/page.css\">\n\
         <link rel=\"icon\" href=\"/icon.svg\">\n</head>\n<body class=\"text\">\n<main>\n{body}</main>\n</body>\n</html>\n",
        escape(title)
    );
    let response = content::text(&call.head, "text/html; charset=utf-8", page.into());
    reply::with(response, CONTENT_SECURITY_POLICY, POLICY)
}

/// `code` and **strong**; everything else is text.
fn inline(text: &str) -> String {
    alternate(text, "`", "code", |plain| {
        alternate(plain, "**", "strong", escape)
    })
}

fn alternate(text: &str, mark: &str, tag: &str, plain: impl Fn(&str) -> String) -> String {
    let mut html = String::new();
    for (index, piece) in text.split(mark).enumerate() {
        if index % 2 == 0 {
            html.push_str(&plain(piece));
        } else {
            write!(html, "<{tag}>{}</{tag}>", escape(piece)).expect("a string takes any text");
        }
    }
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::refusal::Kind;
    use crate::problem::Code;
    use std::collections::BTreeMap;

    #[test]
    fn every_problem_has_its_page_and_no_page_is_without_a_problem() {
        let mut titles: BTreeMap<&str, &str> = Kind::ALL
            .iter()
            .map(|kind| (kind.slug(), kind.title()))
            .collect();
        titles.extend(Code::ALL.iter().map(|code| (code.as_str(), code.title())));
        let mut written = BTreeMap::new();
        for entry in entries() {
            assert!(
                written.insert(entry.slug, entry.title).is_none(),
                "{} twice",
                entry.slug
            );
            assert!(
                entry.text.contains("**What to do.**"),
                "{} gives no advice",
                entry.slug
            );
        }
        assert_eq!(written, titles);
    }

    #[test]
    fn text_is_text_and_code_is_code() {
        assert_eq!(
            inline("a `b<c` **d** & e"),
            "a <code>b&lt;c</code> <strong>d</strong> &amp; e"
        );
    }
}
