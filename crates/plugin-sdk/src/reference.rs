//! The identity of indirect objects (ISO 32000-2, 7.3.10).

/// The identity of an indirect object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref {
    /// Object number.
    pub number: u32,
    /// Generation number.
    pub generation: u32,
}

impl Ref {
    /// `number generation R`.
    #[must_use]
    pub const fn new(number: u32, generation: u32) -> Self {
        Self { number, generation }
    }
}

impl From<(u32, u32)> for Ref {
    fn from((number, generation): (u32, u32)) -> Self {
        Self { number, generation }
    }
}

impl std::fmt::Display for Ref {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} R", self.number, self.generation)
    }
}
