use crate::assemble::{self, Outline, OutlineEnd};
use crate::prelude::*;
use crate::testing;

/// Objects of an outline are in PDF syntax, the root first: `#3` stands for one of them, `@2` for a page, both from 0; `=` is
/// before what is no container.
#[derive(Deserialize, JsonSchema)]
struct Take {
    /// The outline of the document that gives.
    from: Vec<String>,
    /// What else its catalog has.
    #[serde(default)]
    catalog: String,
    /// The outline of the one that takes, if it has one.
    #[serde(default)]
    to: Vec<String>,
    pages: Vec<u32>,
    /// How often.
    #[serde(default)]
    rounds: Option<u32>,
}

impl Operation for Take {
    const NAME: &'static str = "take";
    const SUMMARY: &'static str = "Take pages and their outline";

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let from = run.document();
        let to = run.open(&testing::sample(2))?;
        draw(&from, &self.from, &self.catalog)?;
        draw(&to, &self.to, "")?;
        let catalog = from.catalog()?;
        PageLabels::read(&from)?;
        assert!(catalog.has("Pages")?, "a handle of the caller is gone");
        let outline = Outline::read(&from)?;
        assert!(catalog.has("Pages")?, "a handle of the caller is gone");
        for _ in 0..self.rounds.unwrap_or(1) {
            let at = to.page_count()?;
            assemble::append(&to, &from, &self.pages)?;
            if let Some(outline) = &outline {
                outline.append(&mut OutlineEnd::of(&to)?, &self.pages, at)?;
            }
        }
        // Of a very large one only the numbers are of interest, and no result may be as large.
        let told = told(&to)?;
        if told.len() < 200_000 {
            run.result("outline", told)?;
        }
        let items = outline.as_ref().map_or(0, |outline| outline.items.len());
        run.result("items", items)?;
        run.result("cut", outline.is_some_and(|outline| outline.is_cut()))
    }
}

/// Makes the objects and hangs the first of them into the catalog, with what else is to be there.
fn draw(document: &Document<'_>, objects: &[String], catalog: &str) -> Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let empty = document.parse("<<>>")?;
    let refs: Vec<Ref> = objects
        .iter()
        .map(|_| document.add(empty))
        .collect::<Result<_>>()?;
    let pages: Vec<Ref> = document
        .pages()
        .map(|page| Ok(page?.id()?.expect("a page has a number")))
        .collect::<Result<_>>()?;
    let written = |text: &str| {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['#', '@']) {
            let (before, mark) = rest.split_at(at);
            let digits: String = mark[1..].chars().take_while(char::is_ascii_digit).collect();
            let number: usize = digits.parse().expect("a number");
            let list = if mark.starts_with('#') { &refs } else { &pages };
            out += before;
            out += &list[number].to_string();
            rest = &mark[1 + digits.len()..];
        }
        out + rest
    };
    for (text, &reference) in objects.iter().zip(&refs) {
        let value = match text.strip_prefix('=') {
            Some(scalar) => document
                .parse(format!("[{}]", written(scalar)))?
                .at_raw(0)?,
            None => Some(document.parse(written(text))?.into()),
        };
        let object = document.object(reference)?.as_dict().expect("just made");
        object.replace(value.expect("a value"))?;
    }
    document.catalog()?.put("Outlines", refs[0])?;
    let more = document.parse(format!("<<{}>>", written(catalog)))?;
    for (key, value) in more.entries()? {
        document.catalog()?.put(key, value)?;
    }
    Ok(())
}

/// The outline in a line: `a>2/XYZ 1 2 3[b>3 c]` with `+` before open and `-` before closed lists. All links are checked.
fn told(document: &Document<'_>) -> Result<String> {
    let catalog = document.catalog()?;
    let Some(root) = catalog.object("Outlines")? else {
        return Ok("none".to_owned());
    };
    let pages: Vec<Ref> = document
        .pages()
        .map(|page| Ok(page?.id()?.expect("a page has a number")))
        .collect::<Result<_>>()?;
    let (text, seen) = list(&root, &pages)?;
    let count = root.get("Count")?.and_then(|count| count.as_i64());
    assert_eq!(count, Some(seen), "{text}");
    Ok(text)
}

fn list(above: &Object<'_>, pages: &[Ref]) -> Result<(String, i64)> {
    let (mut out, mut seen) = (Vec::new(), 0);
    let mut next = above.object("First")?;
    let mut before: Option<Ref> = None;
    while let Some(item) = next {
        assert_eq!(reference(&item, "Prev")?, before);
        assert_eq!(reference(&item, "Parent")?, above.id()?);
        before = item.id()?;
        let title = item.get("Title")?.and_then(|title| title.as_text());
        let mut text = title.expect("a title");
        if let Some(to) = item.object("Dest")? {
            let syntax = String::from_utf8_lossy(&to.to_syntax()?).into_owned();
            let page = to.at_raw(0)?.and_then(|page| page.as_ref());
            let page = pages.iter().position(|known| Some(*known) == page);
            let view = syntax.split_once('R').expect("a reference").1;
            let view = view.trim_end_matches(']').trim();
            text += &format!(">{}{view}", page.expect("a page of the document"));
        }
        for key in ["A", "C"] {
            if let Some(value) = item.object(key)? {
                text += &String::from_utf8_lossy(&value.to_syntax()?);
            }
        }
        if let Some(style) = item.get("F")?.and_then(|style| style.as_i64()) {
            text += &format!("*{style}");
        }
        seen += 1;
        if item.has("First")? {
            let (inner, below) = list(&item, pages)?;
            let count = item.get("Count")?.and_then(|count| count.as_i64());
            let count = count.expect("a count");
            assert_eq!(count.abs(), below, "{text}");
            seen += count.max(0);
            text += &format!("{}[{inner}]", if count > 0 { "+" } else { "-" });
        } else {
            assert!(!item.has("Count")?);
        }
        out.push(text);
        next = item.object("Next")?;
    }
    assert_eq!(reference(above, "Last")?, before);
    Ok((out.join(" "), seen))
}

fn reference(object: &Object<'_>, key: &str) -> Result<Option<Ref>> {
    Ok(object.get_raw(key)?.and_then(|value| value.as_ref()))
}

fn take(with: Json) -> testing::Ran {
    let ran = testing::run::<Take>(with, &[testing::sample(4)]).expect("it runs");
    assert_eq!(ran.warnings, [""; 0]);
    ran
}

fn check(with: Json, expected: &str) {
    let shown = with.to_string();
    assert_eq!(take(with).results["outline"], expected, "{shown}");
}

/// a(b c(d)) e, of which a is open and c is closed.
fn nested() -> [&'static str; 6] {
    [
        "<</First #1/Last #5/Count 4>>",
        "<</Title(a)/Dest[@0/Fit]/First #2/Last #3/Next #5/Count 2/C[1 0 0.5]/F 3/SE 1 0 R/X 1>>",
        "<</Title(b)/Dest[@1/XYZ 1 2.5 null]/Next #3/Prev #1/Parent #1>>",
        "<</Title(c)/A<</S/GoTo/D[@2/FitH 7]>>/First #4/Last #4/Count -1>>",
        "<</Title(d)/Dest[@3/Fit]>>",
        "<</Title(e)/Dest[@0/FitB]>>",
    ]
}

#[test]
fn all_pages_bring_the_whole_outline() {
    let with = json!({ "from": nested(), "pages": [0, 1, 2, 3] });
    check(
        with,
        "a>2/Fit[1 0 0.5]*3+[b>3/XYZ 1 2.5 null c>4/FitH 7-[d>5/Fit]] e>2/FitB",
    );
}

#[test]
fn pages_bring_their_items_and_what_these_are_below() {
    let part = |pages: &[u32], expected: &str| {
        check(json!({ "from": nested(), "pages": pages }), expected);
    };
    part(&[3], "a>2/Fit[1 0 0.5]*3+[c>2/Fit-[d>2/Fit]]");
    part(
        &[2, 1],
        "a>3/XYZ 1 2.5 null[1 0 0.5]*3+[b>3/XYZ 1 2.5 null c>2/FitH 7]",
    );
    part(&[0, 0], "a>2/Fit[1 0 0.5]*3 e>2/FitB");
    let from = ["<</First #1>>", "<</Title(a)/Dest[@0/Fit]>>"];
    check(json!({ "from": from, "pages": [1, 2, 3] }), "none");
}

#[test]
fn items_follow_those_that_are_there() {
    let to = [
        "<</Type/Outlines/First #1/Last #2/Count 9>>",
        "<</Title(x)/Parent #0/Next #2/First #3/Last #3/Count 1>>",
        "<</Title(y)/Parent #0/Prev #1>>",
        "<</Title(z)/Parent #1>>",
    ];
    let from = ["<</First #1>>", "<</Title(a)/Dest[@0/Fit]>>"];
    let with = json!({ "from": from, "to": to, "pages": [0, 1, 2, 3], "rounds": 2 });
    check(with, "x+[z] y a>2/Fit a>6/Fit");
}

#[test]
fn a_damaged_outline_goes_on_from_what_can_be_reached() {
    let onto = |to: &[&str], expected: &str| {
        let from = ["<</First #1>>", "<</Title(a)>>"];
        let with = json!({ "from": from, "to": to, "pages": [0, 1, 2, 3] });
        check(with, expected);
    };
    onto(&["<<>>"], "a");
    onto(&["[1 2]"], "a");
    onto(&["<</First 99 0 R/Last(x)>>"], "a");
    onto(&["<</First #1>>", "<</Title(x)/Parent #0/Next #1>>"], "x a");
    onto(&["<</First #0/Last #0/Next #0>>"], "a");
    onto(
        &[
            "<</Last #2>>",
            "<</Title(x)/Parent #0/Next #2>>",
            "<</Title(y)/Parent #0/Prev #1>>",
        ],
        "x y a",
    );
    // The page tree is no outline.
    onto(&["<</Type/Pages/Count 1/Kids[]>>"], "a");
}

#[test]
fn names_are_looked_up_in_both_lists() {
    let from = [
        "<</First #1>>",
        "<</Title(old)/Dest/one/Next #2>>",
        "<</Title(new)/Dest(two)/Next #3>>",
        "<</Title(deed)/A<</S/GoTo/D(three)>>/Next #4>>",
        "<</Title(lost)/Dest(four)/Next #5>>",
        "<</Title(other list)/Dest null/A #6>>",
        "<</S/GoTo/D(one)>>",
        "<</Limits[(a)(b)]/Kids[#8 #7 #9 null 5]>>",
        "<</Limits[(x)(z)]/Names[(five)[@0/Fit](two)#10(odd)]>>",
        "<</Kids[#7]/Names 5>>",
        "<</D[@1/FitH 3(x)]/X 1>>",
        "<</one[@0/FitV 9]/three(two)>>",
        "<</Names[(three)[2/FitR 1 2 3 4]]>>",
    ];
    let catalog = "/Dests #11/Names<</Dests<</Kids[#7 #12]>>>>";
    let with = json!({ "from": from, "catalog": catalog, "pages": [0, 1, 2, 3] });
    check(
        with,
        "old>2/FitV 9 new>3/FitH 3 null deed>4/FitR 1 2 3 4 lost other list>2/FitV 9",
    );
}

#[test]
fn what_leads_to_no_page_comes_with_all_pages_only() {
    let from = [
        "<</First #1>>",
        "<</Title(heading)/First #2/Next #3>>",
        "<</Title(below)/Dest[@1/Fit]>>",
        "<</Title(link)/A<</S/URI/URI #5/Next #6>>/Next #4>>",
        "<</Title(file)/A<</S/GoToR/F #7/D[3/Fit]>>/Next #8>>",
        "=(x:y)",
        "<</S/GoTo/D[@0/Fit]>>",
        "<</F #5>>",
        "<</Title(script)/A<</S/JavaScript/JS(1)>>/Next #9>>",
        "<</Title(far)/Dest[9/Fit]/Next #10>>",
        "<</Title(no page)/Dest[#1/Fit]/Next #11>>",
        "<</Title(next)/A<</S/Named/N/NextPage>>/Next #12>>",
        "<</Title(last)/A<</S/Named/N/LastPage>>>>",
    ];
    let with = json!({ "from": from, "pages": [0, 1, 2, 3] });
    check(
        with,
        "heading-[below>3/Fit] link<</S/URI/URI(x:y)>> file<</S/GoToR/F<</F(x:y)>>/D[3/Fit]>> script far no page \
         next<</S/Named/N/NextPage>> last>5/XYZ null null null",
    );
    check(
        json!({ "from": from, "pages": [1] }),
        "heading-[below>2/Fit]",
    );
}

#[test]
fn damage_ends_a_chain_and_nothing_else() {
    let read = |from: &[&str], expected: &str| {
        check(json!({ "from": from, "pages": [0, 1, 2, 3] }), expected);
    };
    read(&["<</First #1>>", "<</Title(a)/Next #1/First #1>>"], "a");
    read(&["<</First #1>>", "<</Title(a)/Next #0/First #0>>"], "a");
    // An item that two lists share is in the first of them.
    read(
        &[
            "<</First #1>>",
            "<</Title(a)/Next #2/First #3>>",
            "<</Title(b)/First #3>>",
            "<</Title(c)>>",
        ],
        "a-[c] b",
    );
    read(&["<</First #1>>", "<</Title(a)/Next #2>>", "[1 2]"], "a");
    read(&["<</First #1>>", "=7"], "none");
    read(&["<</First 1>>"], "none");
    read(&["[1]"], "none");
    // Without a title: those below take its place.
    read(
        &[
            "<</First #1>>",
            "<</Title(a)/Next #2>>",
            "<</Title 7/First #3/Next #5>>",
            "<</Title(b)/Next #4>>",
            "<</Title #6/C[1 2]/F/x/Count/y>>",
            "<</Title(d)/Dest<</D<</D<</D<</D<</D[@0/Fit]>>>>>>>>>>>>",
            "=(c)",
        ],
        "a b c d",
    );
}

#[test]
fn what_leads_to_the_catalog_takes_no_handle_of_it() {
    let check = |root: &str, more: &str| {
        let from = [root, "<</Title(a)>>"];
        let with = json!({ "from": from, "catalog": more, "pages": [0, 1, 2, 3] });
        assert!(testing::run::<Take>(with, &[testing::sample(4)]).is_ok());
    };
    check("<</First 1 0 R>>", "");
    check("<</First #1>>", "/PageLabels<</Kids[1 0 R]>>");
}

#[test]
fn actions_that_lead_round_in_a_circle_are_left_out() {
    let from = [
        "<</First #1>>",
        "<</Title(a)/A<</S/Launch/F #2>>/Next #3>>",
        "<</F[#2]>>",
        "<</Title(b)/A #4>>",
        "<</S/GoTo/D #4>>",
    ];
    check(json!({ "from": from, "pages": [0, 1, 2, 3] }), "a b");
}

#[test]
fn very_large_outlines_are_cut() {
    let chain = |count: usize, link: &str| -> Vec<String> {
        let item = |next: usize| format!("<</Title(t)/{link} #{next}>>");
        let items = (2..=count).map(item);
        let mut all = vec!["<</First #1>>".to_owned()];
        all.extend(items);
        all.push("<</Title(t)>>".to_owned());
        all
    };
    let check = |from: Vec<String>, items: u32, is_cut: bool| {
        let ran = take(json!({ "from": from, "pages": [0, 1, 2, 3] }));
        assert_eq!(
            (&ran.results["items"], &ran.results["cut"]),
            (&json!(items), &json!(is_cut))
        );
    };
    check(chain(66_000, "Next"), 65_536, true);
    check(chain(64, "First"), 64, false);
    check(chain(5_000, "First"), 64, true);
    let mut heavy = vec!["<</First #1>>".to_owned()];
    heavy.extend((2..1_000).map(|next| format!("<</Title #1000/Next #{next}>>")));
    heavy.push("<</Title #1000>>".to_owned());
    heavy.push(format!("=({})", "x".repeat(30_000)));
    check(heavy, 560, true);
}
