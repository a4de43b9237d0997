//! What a condition is once it is read: a small tree that is quick to evaluate. Names are places in the table
//! of variables, patterns are compiled, lists of constants are made.

use super::value::Value;
use regex::Regex;

#[derive(Debug)]
pub(super) enum Node {
    Constant(Value<'static>),
    /// A row of the table.
    Variable(usize),
    /// The element that the loop around is at: there is one loop at most.
    Element,
    Field(Box<Node>, Box<str>),
    Has(Box<Node>, Box<str>),
    At(Box<[Node; 2]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    If(Box<[Node; 3]>),
    Equal(Box<[Node; 2]>),
    Differ(Box<[Node; 2]>),
    Order(Order, Box<[Node; 2]>),
    In(Box<[Node; 2]>),
    Compute(Compute, Box<[Node; 2]>),
    Find(Find, Box<[Node; 2]>),
    Matches(Box<Node>, Regex),
    Call(Call, Box<Node>),
    List(Box<[Node]>),
    Map(Box<[[Node; 2]]>),
    Loop(Box<Loop>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Compute {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Looking for one text in another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Find {
    Contains,
    StartsWith,
    EndsWith,
}

/// Functions of one value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Size,
    String,
    Int,
    UInt,
    Double,
    Bool,
    Type,
}

#[derive(Debug)]
pub(super) struct Loop {
    pub range: Node,
    pub does: Does,
}

/// What a loop asks of each element, or makes of it.
#[derive(Debug)]
pub(super) enum Does {
    All(Node),
    Exists(Node),
    ExistsOne(Node),
    /// Where the first holds, if it is there, the second.
    Make(Option<Node>, Node),
}

macro_rules! written {
    ($kind:ident $($value:ident $text:literal)*) => {
        impl $kind {
            /// As it is written in conditions.
            pub fn written(self) -> &'static str {
                match self {
                    $($kind::$value => $text),*
                }
            }

            /// What is written so.
            pub fn named(text: &str) -> Option<$kind> {
                match text {
                    $($text => Some($kind::$value),)*
                    _ => None,
                }
            }
        }
    };
}

written! { Order Less "<" LessOrEqual "<=" Greater ">" GreaterOrEqual ">=" }
written! { Compute Add "+" Subtract "-" Multiply "*" Divide "/" Remainder "%" }
written! { Find Contains "contains" StartsWith "startsWith" EndsWith "endsWith" }
written! { Call Size "size" String "string" Int "int" UInt "uint" Double "double" Bool "bool" Type "type" }
