//! Rows as JSON, as serde_json writes them to the byte, in a third of the instructions: names of fields are known to need
//! no escapes, and texts are looked through a word at a time. What is no part of any row is left to serde_json. Must not
//! know what a row is.

use serde::ser::{
    Error as _, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple,
    Serializer,
};
use serde_json::Error;

/// Appends a value. `Err`: it is of a kind that is not written here, and nothing of it is there.
pub fn put(out: &mut Vec<u8>, value: &impl Serialize) -> Result<(), Error> {
    let start = out.len();
    let written = match value.serialize(Json(out)) {
        Ok(()) => Ok(()),
        Err(_) => {
            out.truncate(start);
            serde_json::to_writer(&mut *out, value)
        }
    };
    if written.is_err() {
        out.truncate(start);
    }
    written
}

struct Json<'a>(&'a mut Vec<u8>);

/// Something with members: what stands before the next one, and what at the end.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
    end: u8,
}

impl<'a> Members<'a> {
    fn new(out: &'a mut Vec<u8>, begin: u8, end: u8) -> Members<'a> {
        out.push(begin);
        Members {
            out,
            empty: true,
            end,
        }
    }

    fn next(&mut self) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
    }

    fn close(self) -> Result<(), Error> {
        self.out.push(self.end);
        Ok(())
    }
}

fn other<T>() -> Result<T, Error> {
    Err(Error::custom("no value of this kind is written here"))
}

const LOW: u64 = 0x0101_0101_0101_0101;

/// Whether one of eight bytes needs an escape: a control character, a quote or a backslash.
fn needs_escape(word: u64) -> bool {
    let zero = |word: u64| word.wrapping_sub(LOW) & !word;
    let below = word.wrapping_sub(LOW * 0x20) & !word;
    let found = below | zero(word ^ LOW * u64::from(b'"')) | zero(word ^ LOW * u64::from(b'\\'));
    found & LOW << 7 != 0
}

fn put_text(out: &mut Vec<u8>, text: &str) -> Result<(), Error> {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    let mut words = words.iter().chain([&last]);
    if words.any(|word| needs_escape(u64::from_le_bytes(*word))) {
        return serde_json::to_writer(out, text);
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    Ok(())
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    // 18,446,744,073,709,551,615 has 20 digits.
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

impl<'a> Serializer for Json<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'a>;
    type SerializeTuple = Members<'a>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        let word: &[u8] = if value { b"true" } else { b"false" };
        self.0.extend_from_slice(word);
        Ok(())
    }
    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }
    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }
    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }
    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        if value < 0 {
            self.0.push(b'-');
        }
        put_number(self.0, value.unsigned_abs());
        Ok(())
    }
    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }
    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }
    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }
    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        put_number(self.0, value);
        Ok(())
    }
    fn serialize_f32(self, _: f32) -> Result<(), Error> {
        other()
    }
    fn serialize_f64(self, _: f64) -> Result<(), Error> {
        other()
    }
    fn serialize_char(self, _: char) -> Result<(), Error> {
        other()
    }
    fn serialize_str(self, text: &str) -> Result<(), Error> {
        put_text(self.0, text)
    }
    fn serialize_bytes(self, _: &[u8]) -> Result<(), Error> {
        other()
    }
    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), Error> {
        self.0.extend_from_slice(b"null");
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        put_text(self.0, variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        other()
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(Members::new(self.0, b'[', b']'))
    }
    fn serialize_tuple(self, _: usize) -> Result<Members<'a>, Error> {
        Ok(Members::new(self.0, b'[', b']'))
    }
    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        other()
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        other()
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(Members::new(self.0, b'{', b'}'))
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a>, Error> {
        Ok(Members::new(self.0, b'{', b'}'))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        other()
    }
}

impl SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = Error;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.out.reserve(name.len() + 4);
        self.next();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        value.serialize(Json(self.out))
    }
    fn end(self) -> Result<(), Error> {
        self.close()
    }
}

impl SerializeSeq for Members<'_> {
    type Ok = ();
    type Error = Error;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.next();
        value.serialize(Json(self.out))
    }
    fn end(self) -> Result<(), Error> {
        self.close()
    }
}

impl SerializeTuple for Members<'_> {
    type Ok = ();
    type Error = Error;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        SerializeSeq::serialize_element(self, value)
    }
    fn end(self) -> Result<(), Error> {
        self.close()
    }
}

impl SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Error;
    /// Keys are texts, of labels and of what is told together with others.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.next();
        let start = self.out.len();
        key.serialize(Json(self.out))?;
        // serde_json would put other keys into quotes.
        match self.out.get(start) {
            Some(b'"') => Ok(()),
            _ => other(),
        }
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.out.push(b':');
        value.serialize(Json(self.out))
    }
    fn end(self) -> Result<(), Error> {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::super::contract::row;
    use super::super::super::{Attempt, Outcome, Price, Repricing, Row};
    use super::*;
    use crate::chat::{Bucket, Tier, Usage};
    use crate::resources::Stamp;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn same(value: &impl Serialize) {
        let mut out = b"before".to_vec();
        put(&mut out, value).unwrap();
        let wanted = serde_json::to_string(value).unwrap();
        assert_eq!(
            std::str::from_utf8(&out).unwrap(),
            format!("before{wanted}")
        );
        // Nothing of it was left to serde_json.
        assert!(value.serialize(Json(&mut Vec::new())).is_ok());
    }

    #[test]
    fn rows_with_everything_in_them_are_as_serde_json_writes_them() {
        let text = || Some("é\"\\\n\u{1}".to_owned());
        let mut all = Row {
            labels: Some(Arc::new([("a\"".to_owned(), "b".to_owned())].into())),
            environment: Some("live".into()),
            rule: Some(2),
            path: text(),
            outcome: Outcome::FailedAfterCommit,
            unpriced: Some(Bucket::Input),
            tier: Tier::Priority,
            waited_ms: u64::MAX,
            dropped: vec!["a".into(), "b".into()],
            limit: text(),
            shadowed: vec![String::new()],
            error: text(),
            cost_pico: Some(i64::MIN),
            usage: Usage {
                billed: Some((1, 2)),
                searches: 3,
                ..Usage::default()
            },
            attempts: vec![
                Attempt::default(),
                Attempt {
                    status: Some(503),
                    retry_after: Some(9),
                    reason: text(),
                    injected: text(),
                    ..Attempt::default()
                },
            ],
            ..row(12)
        };
        same(&all);
        Repricing::lay(&mut all, Price::default(), Stamp(-1), "ann");
        same(&all);
        same(&Row::default());
        (0..50).for_each(|number| same(&row(number)));
    }

    #[test]
    fn what_is_not_written_here_is_left_to_serde_json() {
        let numbers = BTreeMap::from([(1, 0.5)]);
        let mut out = b"x".to_vec();
        put(&mut out, &(true, &numbers)).unwrap();
        assert_eq!(out, br#"x[true,{"1":0.5}]"#);
        let mut out = b"x".to_vec();
        assert!(put(&mut out, &BTreeMap::from([(vec![1], 1)])).is_err());
        assert_eq!(out, b"x");
    }

    proptest! {
        #[test]
        fn texts_and_numbers_are_as_serde_json_writes_them(text in "[\\x00-\\x7fé\"\\\\]{0,24}", signed in any::<i64>(), number in any::<u64>(), small in 0_u64..100_000) {
            same(&(&text, signed, number, small));
        }
    }
}
