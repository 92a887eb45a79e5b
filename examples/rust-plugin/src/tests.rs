use dropleaf_plugin_sdk::testing;

use super::*;

testing::examples!(dropleaf_entry());

fn run(with: Json, pages: u32) -> Result<testing::Ran, testing::Failed> {
    testing::run::<AddBlankPages>(with, &[testing::sample(pages)])
}

#[test]
fn blank_pages_come_after_the_pages_named() {
    let ran = run(json!({ "after": "1,3", "count": 2 }), 3).expect("it runs");
    assert_eq!(ran.pages(), [7]);
    assert_eq!(ran.results["added"], 4);
    assert_eq!(ran.progress, [(1, 2), (2, 2)]);
}

#[test]
fn a_page_that_does_not_exist_is_refused() {
    let failed = run(json!({ "after": 9 }), 3).expect_err("there is no page 9");
    assert_eq!(failed.message, "page `9` does not exist: the document has 3 pages");
}
