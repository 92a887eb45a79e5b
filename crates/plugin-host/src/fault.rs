//! Why a host function refused: the status that the plugin gets, and the text that `last_error` tells.

use std::borrow::Cow;

use dropleaf_plugin_abi as abi;

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: abi::Status,
    pub(crate) text: Cow<'static, str>,
}

pub(crate) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    pub(crate) fn new(status: abi::Status, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }

    pub(crate) fn argument(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(abi::E_ARG, text)
    }

    pub(crate) fn limit(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(abi::E_LIMIT, text)
    }

    pub(crate) fn handle() -> Self {
        Self::new(abi::E_HANDLE, "stale or forged handle")
    }

    pub(crate) fn no_key(key: &[u8]) -> Self {
        Self::new(
            abi::E_NOT_FOUND,
            format!("no key `/{}`", key.escape_ascii()),
        )
    }

    pub(crate) fn no_item(index: usize, len: usize) -> Self {
        Self::new(
            abi::E_NOT_FOUND,
            format!("no item {index}: the array has {len}"),
        )
    }

    pub(crate) fn not_a(wanted: &str, found: &str) -> Self {
        Self::new(abi::E_TYPE, format!("expected {wanted}, found {found}"))
    }
}
