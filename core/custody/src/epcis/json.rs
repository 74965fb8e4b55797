//! JSON, bounded and strict: a name stands once in an object, `null` is an absent member, and there is an end to how many
//! values there are.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// Most values of one event: some 250,000 serial numbers in it, or a hundred megabytes of anything else.
const MAX_VALUES: usize = 500_000;

/// The members of an object, their values unread; those that are `null` are left out.
pub(super) fn members(json: &str) -> Result<Vec<(String, &RawValue)>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let members = deserializer.deserialize_map(MembersVisitor)?;
    deserializer.end()?;
    Ok(members)
}

/// The elements of a list, unread; one more than `most`, if there are more.
pub(super) fn elements(json: &str, most: usize) -> Result<Vec<&RawValue>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let elements = deserializer.deserialize_seq(ElementsVisitor(most))?;
    deserializer.end()?;
    Ok(elements)
}

/// A value.
pub(super) fn value(json: &str) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = Strict(&Cell::new(MAX_VALUES)).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(String, &RawValue)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            if members.iter().any(|(known, _)| *known == name) {
                return Err(twice(&name));
            }
            if members.len() == MAX_MEMBERS {
                return Err(A::Error::custom("too many members"));
            }
            members.push((name, value));
        }
        members.retain(|(_, value)| value.get() != "null");
        Ok(members)
    }
}

/// Most members of a document's outer objects.
const MAX_MEMBERS: usize = 256;

struct ElementsVisitor(usize);

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            if elements.len() <= self.0 {
                elements.push(element);
            }
        }
        Ok(elements)
    }
}

/// Reads a value while there are some left to read.
struct Strict<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.0.get().checked_sub(1).ok_or_else(|| D::Error::custom("too many values"))?;
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number without end"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Strict(self.0))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(twice(&name));
            }
            let value = map.next_value_seed(Strict(self.0))?;
            members.insert(name, value);
        }
        members.retain(|_, value| !value.is_null());
        Ok(Value::Object(members))
    }
}

fn twice<E: Error>(name: &str) -> E {
    E::custom(format_args!("`{name}` stands twice"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_is_absent_and_a_name_stands_once() {
        assert_eq!(value(r#"{"a":null,"b":[null,{"c":null}]}"#).unwrap(), json!({ "b": [null, {}] }));
        for json in [r#"{"a":1,"a":2}"#, r#"{"a":null,"a":2}"#, r#"{"b":[{"a":1,"\u0061":2}]}"#] {
            assert!(value(json).unwrap_err().to_string().contains("`a` stands twice"), "{json}");
        }
        assert!(members(r#"{"a":1,"a":2}"#).unwrap_err().to_string().contains("`a` stands twice"));
        assert_eq!(members(r#"{"a":null,"b":[1]}"#).unwrap().len(), 1);
    }

    #[test]
    fn there_is_an_end_to_how_much_is_read() {
        let zeros = |count: usize| format!("[{}0]", "0,".repeat(count));
        assert!(value(&zeros(MAX_VALUES - 2)).is_ok());
        assert!(value(&zeros(MAX_VALUES)).unwrap_err().to_string().contains("too many values"));
        assert!(value(&"[".repeat(100_000)).is_err());
        let many: Vec<String> = (0..=MAX_MEMBERS).map(|name| format!("\"{name}\":0")).collect();
        assert!(members(&format!("{{{}}}", many.join(","))).is_err());
        assert_eq!(elements(&zeros(100), 7).unwrap().len(), 8);
    }
}
