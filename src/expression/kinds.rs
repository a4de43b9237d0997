//! What is known of a value before there is one: enough to refuse what could never be evaluated when the
//! condition is read, at its place. What only the values tell is [`Kind::Any`].

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Null,
    Bool,
    Int,
    UInt,
    Double,
    Text,
    List,
    /// A list of strings.
    Texts,
    Map,
    /// A map of strings.
    Fields,
    Type,
}

/// A kind, and whether it may be null instead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub kind: Kind,
    pub nullable: bool,
}

impl From<Kind> for Known {
    fn from(kind: Kind) -> Known {
        Known {
            kind,
            nullable: matches!(kind, Kind::Any | Kind::Null),
        }
    }
}

impl Known {
    /// As a table of variables declares it: `string`, `int or null`. A `map` may hold anything and be anything
    /// else, as JSON is.
    pub fn declared(text: &str) -> Known {
        let (kind, nullable) = match text.strip_suffix(" or null") {
            Some(kind) => (kind, true),
            None => (text, false),
        };
        let kind = match kind {
            "bool" => Kind::Bool,
            "int" => Kind::Int,
            "double" => Kind::Double,
            "string" => Kind::Text,
            "list of strings" => Kind::Texts,
            "map of strings" => Kind::Fields,
            _ => Kind::Any,
        };
        Known {
            kind,
            nullable: nullable || kind == Kind::Any,
        }
    }

    pub fn is(self, kind: Kind) -> bool {
        self.kind == kind || self.kind == Kind::Any
    }

    pub fn is_number(self) -> bool {
        matches!(self.kind, Kind::Any | Kind::Int | Kind::UInt | Kind::Double)
    }

    /// What may be equal to one another.
    pub fn may_equal(self, other: Known) -> bool {
        use Kind::{Any, Fields, List, Map, Null, Texts};
        match (self.kind, other.kind) {
            (Any, _) | (_, Any) => true,
            (Null, _) => other.nullable,
            (_, Null) => self.nullable,
            (List | Texts, List | Texts) | (Map | Fields, Map | Fields) => true,
            (one, other) if one == other => true,
            _ => self.is_number() && other.is_number(),
        }
    }

    /// What has an order among one another.
    pub fn may_be_ordered(self, other: Known) -> bool {
        let ordered = |it: Known| it.is_number() || matches!(it.kind, Kind::Text | Kind::Bool);
        ordered(self) && ordered(other) && self.may_equal(other)
    }
}

impl Kind {
    /// In the words people are told.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Any => "anything",
            Kind::Null => "null",
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::UInt => "uint",
            Kind::Double => "double",
            Kind::Text => "string",
            Kind::List | Kind::Texts => "list",
            Kind::Map | Kind::Fields => "map",
            Kind::Type => "type",
        }
    }
}
