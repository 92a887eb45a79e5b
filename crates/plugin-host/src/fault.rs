//! Why a host function refused: the status that the plugin gets, and the text that `last_error` tells.

use std::borrow::Cow;

use dropleaf_plugin_abi as abi;

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: abi::Status,
    pub(crate) text: Text,
}

/// What happened, put into words when somebody asks: most who look for something and do not find it never do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Plain(Cow<'static, str>),
    NoKey(Box<[u8]>),
    NoItem { index: usize, len: usize },
}

impl Text {
    /// Nothing has happened.
    pub(crate) const NONE: Self = Self::Plain(Cow::Borrowed(""));

    pub(crate) fn into_owned(self) -> String {
        match self {
            Self::Plain(text) => text.into_owned(),
            Self::NoKey(key) => format!("no key `/{}`", key.escape_ascii()),
            Self::NoItem { index, len } => format!("no item {index}: the array has {len}"),
        }
    }
}

pub(crate) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    pub(crate) fn new(status: abi::Status, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            text: Text::Plain(text.into()),
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
        Self {
            status: abi::E_NOT_FOUND,
            text: Text::NoKey(key.into()),
        }
    }

    pub(crate) fn no_item(index: usize, len: usize) -> Self {
        Self {
            status: abi::E_NOT_FOUND,
            text: Text::NoItem { index, len },
        }
    }

    pub(crate) fn not_a(wanted: &str, found: &str) -> Self {
        Self::new(abi::E_TYPE, format!("expected {wanted}, found {found}"))
    }
}
