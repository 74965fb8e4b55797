//! The body of a statement: a few named values.

use std::collections::BTreeMap;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

/// Most fields in one body.
const MAX_FIELDS: u64 = 24;
/// Longest field name.
const MAX_NAME: usize = 23;
/// Longest text value in bytes; a sentence or two.
const MAX_TEXT: usize = 1024;
/// Longest byte string value; a certificate fits.
const MAX_BYTES: usize = 2048;

/// Why a body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// Not a map from names to unsigned integers, texts and byte strings.
    #[error("the body is not a map of named values")]
    Shape,
    /// More fields than the format allows.
    #[error("the body has too many fields")]
    Count,
    /// A name that is empty, too long or not lower-case.
    #[error("a field's name is outside the format")]
    Name,
    /// A value longer than the format allows.
    #[error("a field's value is too long")]
    Length,
}

/// A value in a statement's body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// A number, an amount or a time in milliseconds since 1970.
    Uint(u64),
    /// Text.
    Text(String),
    /// A digest, a statement id, a certificate.
    Bytes(Vec<u8>),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Uint(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<crate::Hash> for Value {
    fn from(value: crate::Hash) -> Self {
        Self::Bytes(value.0.to_vec())
    }
}

/// Named values, written in deterministic order.
///
/// ```cddl
/// body = { * name => uint / tstr / bstr }
/// name = tstr .regexp "[a-z][a-z0-9-]{0,22}"
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fields(BTreeMap<String, Value>);

impl Fields {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// These fields and one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.insert(name, value.into());
        self
    }

    /// Sets a field.
    pub fn insert(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A number.
    pub fn uint(&self, name: &str) -> Option<u64> {
        if let Value::Uint(value) = self.get(name)? { Some(*value) } else { None }
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        if let Value::Text(value) = self.get(name)? { Some(value) } else { None }
    }

    /// A byte string.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        if let Value::Bytes(value) = self.get(name)? { Some(value) } else { None }
    }

    /// A digest.
    pub fn hash(&self, name: &str) -> Option<crate::Hash> {
        crate::Hash::from_slice(self.bytes(name)?)
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Refuses a body that the format does not allow, before it is signed.
    pub(crate) fn check(&self) -> Result<(), FieldsError> {
        if self.0.len() as u64 > MAX_FIELDS {
            return Err(FieldsError::Count);
        }
        self.0.iter().try_for_each(|(name, value)| check(name, value))
    }

    /// Writes the body.
    pub fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.map(self.0.len() as u64)?;
        // Deterministic order is that of the encoded keys: shorter names first.
        let mut names: Vec<_> = self.0.keys().collect();
        names.sort_by_key(|name| (name.len(), *name));
        for name in names {
            e.str(name)?;
            match &self.0[name] {
                Value::Uint(value) => e.u64(*value)?,
                Value::Text(value) => e.str(value)?,
                Value::Bytes(value) => e.bytes(value)?,
            };
        }
        Ok(())
    }

    /// Reads a body. The caller checks that the encoding is deterministic.
    pub fn decode(d: &mut Decoder<'_>) -> Result<Self, FieldsError> {
        let shape = |_| FieldsError::Shape;
        let count = d.map().map_err(shape)?.ok_or(FieldsError::Shape)?;
        if count > MAX_FIELDS {
            return Err(FieldsError::Count);
        }
        let mut fields = Self::new();
        for _ in 0..count {
            let name = d.str().map_err(shape)?;
            let value = match d.datatype().map_err(shape)? {
                Type::String => Value::Text(d.str().map_err(shape)?.to_owned()),
                Type::Bytes => Value::Bytes(d.bytes().map_err(shape)?.to_vec()),
                _ => Value::Uint(d.u64().map_err(shape)?),
            };
            check(name, &value)?;
            fields.insert(name, value);
        }
        Ok(fields)
    }
}

fn check(name: &str, value: &Value) -> Result<(), FieldsError> {
    let lower = |c: u8| c.is_ascii_lowercase();
    if name.len() > MAX_NAME
        || !name.bytes().next().is_some_and(lower)
        || !name.bytes().all(|c| lower(c) || c.is_ascii_digit() || c == b'-')
    {
        return Err(FieldsError::Name);
    }
    let fits = match value {
        Value::Uint(_) => true,
        Value::Text(text) => text.len() <= MAX_TEXT,
        Value::Bytes(bytes) => bytes.len() <= MAX_BYTES,
    };
    if fits { Ok(()) } else { Err(FieldsError::Length) }
}
