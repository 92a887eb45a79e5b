//! COS values (ISO 32000-2, 7.3): scalars as Rust values, containers as handles into the document.

use dropleaf_plugin_abi as abi;

use crate::handle::{Kind, Object};
use crate::reference::Ref;
use crate::session::{Session, copied};
use crate::text;

/// One value of a document. Arrays, dictionaries and streams are [`Object`]s: handles, not copies.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value<'r> {
    /// `null`, or nothing there.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A real number.
    Real(f64),
    /// A name, without its solidus and with `#xx` decoded.
    Name(Vec<u8>),
    /// A string's bytes. [`Value::text`] and [`Value::as_text`] know the encodings of *text* strings.
    String(Vec<u8>),
    /// A string's bytes, written `<...>`.
    HexString(Vec<u8>),
    /// An array.
    Array(Object<'r>),
    /// A dictionary.
    Dict(Object<'r>),
    /// A stream.
    Stream(Object<'r>),
    /// A reference, as the `_raw` readers give it.
    Ref(Ref),
    /// A type of a newer host, to be passed back as it is.
    Opaque(Opaque<'r>),
}

/// A value of a type that this SDK does not know.
#[derive(Clone, Copy)]
pub struct Opaque<'r> {
    val: abi::Val,
    _run: std::marker::PhantomData<&'r Session>,
}

impl std::fmt::Debug for Opaque<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opaque(type {})", self.val.type_)
    }
}

impl<'r> Value<'r> {
    /// A name: `Value::name("Page")`.
    pub fn name(name: impl AsRef<[u8]>) -> Self {
        Self::Name(name.as_ref().to_vec())
    }

    /// A string of bytes, as they are.
    pub fn string(bytes: impl AsRef<[u8]>) -> Self {
        Self::String(bytes.as_ref().to_vec())
    }

    /// A text string (ISO 32000-2, 7.9.2.2): PDFDocEncoding where it suffices, UTF-16BE elsewhere.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::String(text::encode(text))
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// `true` or `false`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// An integer; a real number without a fraction counts as one (writers disagree about `90` and `90.0`).
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "checked to be a whole number of that range"
            )]
            Self::Real(value) if value.fract() == 0.0 && value.abs() < 9.0e15 => {
                Some(*value as i64)
            }
            _ => None,
        }
    }

    /// Any number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "PDF numbers are small")]
            Self::Int(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            _ => None,
        }
    }

    /// A name's bytes.
    #[must_use]
    pub fn as_name(&self) -> Option<&[u8]> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    /// Whether this is the name `name`.
    #[must_use]
    pub fn is_name(&self, name: &str) -> bool {
        self.as_name() == Some(name.as_bytes())
    }

    /// A string's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::String(bytes) | Self::HexString(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A text string, decoded.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        self.as_bytes().map(text::decode)
    }

    /// An array, a dictionary or a stream.
    #[must_use]
    pub fn as_object(&self) -> Option<Object<'r>> {
        match self {
            Self::Array(object) | Self::Dict(object) | Self::Stream(object) => Some(*object),
            _ => None,
        }
    }

    /// An array.
    #[must_use]
    pub fn as_array(&self) -> Option<Object<'r>> {
        match self {
            Self::Array(object) => Some(*object),
            _ => None,
        }
    }

    /// A dictionary, or a stream for the sake of its dictionary.
    #[must_use]
    pub fn as_dict(&self) -> Option<Object<'r>> {
        match self {
            Self::Dict(object) | Self::Stream(object) => Some(*object),
            _ => None,
        }
    }

    /// A stream.
    #[must_use]
    pub fn as_stream(&self) -> Option<Object<'r>> {
        match self {
            Self::Stream(object) => Some(*object),
            _ => None,
        }
    }

    /// A reference.
    #[must_use]
    pub fn as_ref(&self) -> Option<Ref> {
        match self {
            Self::Ref(reference) => Some(*reference),
            _ => None,
        }
    }

    /// # Safety
    /// `val` was written by the host in the call just made.
    pub(crate) unsafe fn from_abi(session: &'r Session, val: abi::Val) -> Self {
        // SAFETY: `type_` says which member the host wrote (the header's table of types); views are copied at once.
        unsafe {
            match val.type_ {
                abi::NULL => Self::Null,
                abi::BOOL => Self::Bool(val.u.i != 0),
                abi::INT => Self::Int(val.u.i),
                abi::REAL => Self::Real(val.u.r),
                abi::NAME => Self::Name(copied(val.u.s)),
                abi::STRING if val.flags & abi::F_HEX != 0 => Self::HexString(copied(val.u.s)),
                abi::STRING => Self::String(copied(val.u.s)),
                abi::ARRAY => Self::Array(Object::new(session, val.u.obj, Kind::Array)),
                abi::DICT => Self::Dict(Object::new(session, val.u.obj, Kind::Dict)),
                abi::STREAM => Self::Stream(Object::new(session, val.u.obj, Kind::Stream)),
                abi::REF => Self::Ref(Ref::new(val.u.reference.num, val.u.reference.gen_)),
                _ => Self::Opaque(Opaque {
                    val,
                    _run: std::marker::PhantomData,
                }),
            }
        }
    }

    /// The value as the host reads it; its views live as long as `self`.
    pub(crate) fn to_abi(&self) -> abi::Val {
        let (type_, flags, u) = match self {
            Self::Null => (abi::NULL, 0, abi::ValUnion { i: 0 }),
            Self::Bool(value) => (
                abi::BOOL,
                0,
                abi::ValUnion {
                    i: i64::from(*value),
                },
            ),
            Self::Int(value) => (abi::INT, 0, abi::ValUnion { i: *value }),
            Self::Real(value) => (abi::REAL, 0, abi::ValUnion { r: *value }),
            Self::Name(name) => (
                abi::NAME,
                0,
                abi::ValUnion {
                    s: abi::Str::new(name),
                },
            ),
            Self::String(bytes) => (
                abi::STRING,
                0,
                abi::ValUnion {
                    s: abi::Str::new(bytes),
                },
            ),
            Self::HexString(bytes) => (
                abi::STRING,
                abi::F_HEX,
                abi::ValUnion {
                    s: abi::Str::new(bytes),
                },
            ),
            Self::Array(object) => (
                abi::ARRAY,
                0,
                abi::ValUnion {
                    obj: object.handle(),
                },
            ),
            Self::Dict(object) => (
                abi::DICT,
                0,
                abi::ValUnion {
                    obj: object.handle(),
                },
            ),
            Self::Stream(object) => (
                abi::STREAM,
                0,
                abi::ValUnion {
                    obj: object.handle(),
                },
            ),
            Self::Ref(reference) => (
                abi::REF,
                0,
                abi::ValUnion {
                    reference: abi::Reference {
                        num: reference.number,
                        gen_: reference.generation,
                    },
                },
            ),
            Self::Opaque(opaque) => return opaque.val,
        };
        abi::Val { type_, flags, u }
    }
}

/// A place for the host to write a value into.
pub(crate) const EMPTY: abi::Val = abi::Val {
    type_: abi::NULL,
    flags: 0,
    u: abi::ValUnion { i: 0 },
};

macro_rules! from {
    ($($source:ty => $value:ident $make:expr;)*) => {$(
        impl From<$source> for Value<'_> {
            fn from($value: $source) -> Self {
                $make
            }
        }
    )*};
}

from! {
    bool => value Self::Bool(value);
    i32 => value Self::Int(i64::from(value));
    u32 => value Self::Int(i64::from(value));
    i64 => value Self::Int(value);
    f32 => value Self::Real(f64::from(value));
    f64 => value Self::Real(value);
    Ref => value Self::Ref(value);
}

impl<'r> From<Object<'r>> for Value<'r> {
    fn from(object: Object<'r>) -> Self {
        match object.kind() {
            Kind::Array => Self::Array(object),
            Kind::Dict => Self::Dict(object),
            Kind::Stream => Self::Stream(object),
        }
    }
}

impl<'r> From<&Object<'r>> for Value<'r> {
    fn from(object: &Object<'r>) -> Self {
        (*object).into()
    }
}

impl<'r> From<&Value<'r>> for Value<'r> {
    fn from(value: &Value<'r>) -> Self {
        value.clone()
    }
}
