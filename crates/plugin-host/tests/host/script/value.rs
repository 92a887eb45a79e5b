//! A value as tests write it, and as it crosses the interface.

use dropleaf_plugin_abi as abi;

/// A value as tests write it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Real(f64),
    Name(Vec<u8>),
    Text(Vec<u8>),
    Array(abi::Obj),
    Dict(abi::Obj),
    Stream(abi::Obj),
    Ref(u32, u32),
}

impl Value {
    pub(crate) fn name(name: &str) -> Self {
        Self::Name(name.as_bytes().to_vec())
    }

    pub(crate) fn obj(&self) -> abi::Obj {
        match self {
            Self::Array(obj) | Self::Dict(obj) | Self::Stream(obj) => *obj,
            other => panic!("{other:?} is no container"),
        }
    }

    pub(crate) fn raw(&self) -> abi::Val {
        let (type_, u) = match self {
            Self::Null => (abi::NULL, abi::ValUnion { i: 0 }),
            Self::Bool(value) => (
                abi::BOOL,
                abi::ValUnion {
                    i: i64::from(*value),
                },
            ),
            Self::Int(value) => (abi::INT, abi::ValUnion { i: *value }),
            Self::Real(value) => (abi::REAL, abi::ValUnion { r: *value }),
            Self::Name(text) => (
                abi::NAME,
                abi::ValUnion {
                    s: abi::Str::new(text),
                },
            ),
            Self::Text(text) => (
                abi::STRING,
                abi::ValUnion {
                    s: abi::Str::new(text),
                },
            ),
            Self::Array(obj) => (abi::ARRAY, abi::ValUnion { obj: *obj }),
            Self::Dict(obj) => (abi::DICT, abi::ValUnion { obj: *obj }),
            Self::Stream(obj) => (abi::STREAM, abi::ValUnion { obj: *obj }),
            Self::Ref(num, gen_) => {
                let reference = abi::Reference {
                    num: *num,
                    gen_: *gen_,
                };
                (abi::REF, abi::ValUnion { reference })
            }
        };
        abi::Val { type_, flags: 0, u }
    }

    pub(crate) fn of(value: abi::Val) -> Self {
        // SAFETY: the host wrote the member that the type says; its text lives until the next change.
        unsafe {
            match value.type_ {
                abi::BOOL => Self::Bool(value.u.i != 0),
                abi::INT => Self::Int(value.u.i),
                abi::REAL => Self::Real(value.u.r),
                abi::NAME => Self::Name(value.u.s.as_bytes().to_vec()),
                abi::STRING => Self::Text(value.u.s.as_bytes().to_vec()),
                abi::ARRAY => Self::Array(value.u.obj),
                abi::DICT => Self::Dict(value.u.obj),
                abi::STREAM => Self::Stream(value.u.obj),
                abi::REF => Self::Ref(value.u.reference.num, value.u.reference.gen_),
                _ => Self::Null,
            }
        }
    }
}
