//! Licence expressions (SPDX 3, annex B): whether what is allowed is enough to use something under its terms.

/// Whether `expression` can be met by licences for which `is_allowed` says yes; a licence with an exception is asked for with it
/// (`Apache-2.0 WITH LLVM-exception`). What cannot be read is not met.
pub(super) fn is_met(expression: &str, is_allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut words = words(expression).into_iter().peekable();
    let met = any(&mut words, is_allowed);
    met == Some(true) && words.next().is_none()
}

type Words = std::iter::Peekable<std::vec::IntoIter<String>>;

/// A slash is how crates wrote `OR` before there was one.
fn words(expression: &str) -> Vec<String> {
    let spread = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    spread.split_whitespace().map(str::to_owned).collect()
}

fn any(words: &mut Words, is_allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut met = all(words, is_allowed)?;
    while words.next_if(|word| word == "OR").is_some() {
        met |= all(words, is_allowed)?;
    }
    Some(met)
}

fn all(words: &mut Words, is_allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut met = one(words, is_allowed)?;
    while words.next_if(|word| word == "AND").is_some() {
        met &= one(words, is_allowed)?;
    }
    Some(met)
}

fn one(words: &mut Words, is_allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let word = words.next()?;
    if word == "(" {
        let met = any(words, is_allowed)?;
        return (words.next()? == ")").then_some(met);
    }
    if [")", "OR", "AND", "WITH"].contains(&word.as_str()) {
        return None;
    }
    if words.next_if(|word| word == "WITH").is_some() {
        let exception = words.next()?;
        return Some(is_allowed(&format!("{word} WITH {exception}")));
    }
    Some(is_allowed(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_must_take_along_counts_and_what_one_may_choose_does_not() {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"];
        let met = |expression: &str| is_met(expression, &|licence| allowed.contains(&licence));
        for expression in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0 OR (MIT AND Apache-2.0)",
            "MIT/Apache-2.0",
            "(MIT OR GPL-3.0) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
            "((MIT))",
            "GPL-3.0 AND BSL-1.0 OR MIT",
        ] {
            assert!(met(expression), "{expression}");
        }
        for expression in [
            "",
            "GPL-3.0",
            "(MIT OR X) AND GPL-3.0",
            "MIT AND GPL-3.0",
            "MIT AND (GPL-3.0 OR X)",
            "GPL-2.0 WITH Classpath-exception-2.0",
            "MIT WITH LLVM-exception",
            "(MIT",
            "MIT)",
            "MIT OR",
            "MIT Apache-2.0",
            "SEE LICENSE IN LICENSE.md",
        ] {
            assert!(!met(expression), "{expression}");
        }
    }
}
