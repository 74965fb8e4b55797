//! JSON (RFC 8259) by byte positions: nothing is copied and nothing is written again.
//!
//! In scope: one strict, bounded, iterative pass over a whole document; the range of each value and of each member; names and
//! texts as they read once their escapes are undone. A second member of one name is refused, since readers differ in which of
//! them they read. Out of scope: numbers as numbers (a decimal keeps its trailing zeros), writing.

use std::borrow::Cow;
use std::ops::Range;

/// Largest document in bytes. Summaries of real patients have up to some two million.
pub const MAX_DOCUMENT: usize = 16 * 1024 * 1024;
/// Deepest nesting of objects and lists.
pub const MAX_DEPTH: usize = 64;
/// Most values of one document: eight bytes for each in the largest. FHIR needs sixteen and more.
pub const MAX_VALUES: usize = MAX_DOCUMENT / 8;
/// The byte order mark, which some senders put first.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Why bytes are not JSON that we read. Positions are in bytes from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// More than [`MAX_DOCUMENT`] bytes.
    #[error("it has more than {} MiB", MAX_DOCUMENT / 1024 / 1024)]
    TooLarge,
    /// Not UTF-8.
    #[error("byte {0} is not UTF-8")]
    Utf8(usize),
    /// Not JSON.
    #[error("it is not JSON from byte {0} on")]
    Syntax(usize),
    /// An object has two members of one name.
    #[error("a name stands twice in the object that ends at byte {0}")]
    Duplicate(usize),
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("it is nested deeper than {MAX_DEPTH} levels at byte {0}")]
    Depth(usize),
    /// More than [`MAX_VALUES`] values.
    #[error("it has more than {MAX_VALUES} values")]
    Values,
}

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Object,
    List,
    Text,
    Number,
    Word,
}

/// A value: where it is, its name if it is a member, and which value comes after all that is in it.
#[derive(Clone, Copy)]
struct Node {
    kind: Kind,
    start: u32,
    end: u32,
    /// Of the name with its quotation marks; empty for what is no member.
    name: (u32, u32),
    next: u32,
}

/// A document that was read. Values are kept in the order in which they begin.
pub(crate) struct Json<'a> {
    bytes: Cow<'a, [u8]>,
    nodes: Vec<Node>,
}

/// One value of a document.
#[derive(Clone, Copy)]
pub(crate) struct Value<'j> {
    json: &'j Json<'j>,
    at: usize,
}

impl<'a> Json<'a> {
    /// Reads a document that fills `bytes`, but for white space and a byte order mark.
    pub(crate) fn parse(bytes: impl Into<Cow<'a, [u8]>>) -> Result<Self, JsonError> {
        let bytes = bytes.into();
        if bytes.len() > MAX_DOCUMENT {
            return Err(JsonError::TooLarge);
        }
        std::str::from_utf8(&bytes).map_err(|error| JsonError::Utf8(error.valid_up_to()))?;
        let at = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
        let mut scanner =
            Scanner { bytes: &bytes, at, nodes: Vec::new(), open: Vec::new(), names: Vec::new() };
        scanner.document()?;
        let nodes = scanner.nodes;
        Ok(Self { bytes, nodes })
    }

    /// The outermost value.
    pub(crate) const fn root(&self) -> Value<'_> {
        Value { json: self, at: 0 }
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at && std::ptr::eq(self.json, other.json)
    }
}

impl<'j> Value<'j> {
    fn node(self) -> Node {
        self.json.nodes[self.at]
    }

    pub(crate) fn kind(self) -> Kind {
        self.node().kind
    }

    /// Where the value is, without its name.
    pub(crate) fn range(self) -> Range<usize> {
        self.node().start as usize..self.node().end as usize
    }

    /// Where the member is, from its name on.
    pub(crate) fn member_range(self) -> Range<usize> {
        self.node().name.0 as usize..self.node().end as usize
    }

    /// The value as it is written.
    pub(crate) fn raw(self) -> &'j [u8] {
        &self.json.bytes[self.range()]
    }

    /// The member's name; empty for what is no member.
    pub(crate) fn name(self) -> Cow<'j, [u8]> {
        let (start, end) = self.node().name;
        if start == end {
            Cow::Borrowed(&[])
        } else {
            unescaped(&self.json.bytes[start as usize..end as usize])
        }
    }

    /// The text, if it is one. Half of a surrogate pair reads as U+FFFD.
    pub(crate) fn text(self) -> Option<String> {
        (self.kind() == Kind::Text).then(|| String::from_utf8_lossy(&unescaped(self.raw())).into_owned())
    }

    /// The members of an object, the items of a list; nothing of anything else.
    pub(crate) fn inner(self) -> impl Iterator<Item = Value<'j>> {
        let end = self.node().next as usize;
        let value = move |at: usize| (at < end).then_some(Value { json: self.json, at });
        std::iter::successors(value(self.at + 1), move |last| value(last.node().next as usize))
    }

    /// The items of a list; a single value counts as a list of itself.
    pub(crate) fn items(self) -> impl Iterator<Item = Value<'j>> {
        let list = self.kind() == Kind::List;
        let own = (!list).then_some(self);
        own.into_iter().chain(list.then(|| self.inner()).into_iter().flatten())
    }

    /// The value and all that is in it, in the order of the document.
    pub(crate) fn all(self) -> impl Iterator<Item = Value<'j>> {
        (self.at..self.node().next as usize).map(move |at| Value { json: self.json, at })
    }

    /// The member of this name, if this is an object that has it.
    pub(crate) fn get(self, name: &str) -> Option<Value<'j>> {
        let object = self.kind() == Kind::Object;
        self.inner().find(|member| object && *member.name() == *name.as_bytes())
    }

    /// The text of the member of this name.
    pub(crate) fn text_of(self, name: &str) -> Option<String> {
        self.get(name)?.text()
    }

    /// All values under these names, one within the other, through every list on the way.
    pub(crate) fn at(self, path: &[&str]) -> Vec<Value<'j>> {
        path.iter().fold(vec![self], |values, name| {
            let found = values.into_iter().filter_map(|value| value.get(name));
            found.flat_map(Value::items).collect()
        })
    }
}

/// The bytes of a text without its quotation marks and escapes, as UTF-8 in which half a surrogate pair stands for itself.
fn unescaped(quoted: &[u8]) -> Cow<'_, [u8]> {
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        at += 1;
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        let escape = inner.get(at).copied().unwrap_or_default();
        at += 1;
        match escape {
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'u' => {
                let high = unit(inner, at);
                at += 4;
                let low = if inner.get(at..at + 2) == Some(b"\\u") { unit(inner, at + 2) } else { 0 };
                let pair = (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low);
                let code = if pair { 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00) } else { high };
                at += if pair { 6 } else { 0 };
                push_code(&mut text, code);
            }
            other => text.push(other),
        }
    }
    Cow::Owned(text)
}

/// The four hexadecimal digits at `at`; the scanner has seen that they are.
fn unit(bytes: &[u8], at: usize) -> u32 {
    let digits = bytes.get(at..at + 4).unwrap_or_default();
    digits.iter().fold(0, |unit, &digit| unit << 4 | (digit as char).to_digit(16).unwrap_or_default())
}

fn push_code(text: &mut Vec<u8>, code: u32) {
    if let Some(c) = char::from_u32(code) {
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        return;
    }
    // Half of a pair, which no `char` holds: three bytes, as for its neighbours.
    let low_six = |value: u32| 0x80 | (value & 0x3f).to_le_bytes()[0];
    text.extend([0xe0 | (code >> 12 & 0xf).to_le_bytes()[0], low_six(code >> 6), low_six(code)]);
}

/// An object or list that has not ended: its value, and where the names of its members begin.
struct Open {
    node: usize,
    names: usize,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    open: Vec<Open>,
    /// The names in all open objects.
    names: Vec<Cow<'a, [u8]>>,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), JsonError> {
        self.space();
        self.value((0, 0))?;
        while let Some(open) = self.open.last() {
            let object = self.nodes[open.node].kind == Kind::Object;
            let first = self.nodes.len() == open.node + 1;
            self.space();
            if self.peek() == Some(if object { b'}' } else { b']' }) {
                self.close()?;
                continue;
            }
            if !first {
                self.expect(b',')?;
                self.space();
            }
            let name = if object { self.member_name()? } else { (0, 0) };
            self.value(name)?;
        }
        self.space();
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.syntax()) }
    }

    /// Reads a value that is no container, or begins one.
    fn value(&mut self, name: (u32, u32)) -> Result<(), JsonError> {
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::List,
            Some(b'"') => Kind::Text,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            _ => Kind::Word,
        };
        match kind {
            Kind::Object | Kind::List => {
                if self.open.len() == MAX_DEPTH {
                    return Err(JsonError::Depth(self.at));
                }
                self.open.push(Open { node: self.nodes.len(), names: self.names.len() });
                self.at += 1;
            }
            Kind::Text => self.text()?,
            Kind::Number => self.number()?,
            Kind::Word => {
                let rest = &self.bytes[self.at..];
                let words = [&b"true"[..], b"false", b"null"];
                self.at += words.iter().find(|word| rest.starts_with(word)).ok_or(self.syntax())?.len();
            }
        }
        if self.nodes.len() == MAX_VALUES {
            return Err(JsonError::Values);
        }
        let next = position(self.nodes.len() + 1);
        self.nodes.push(Node { kind, start: position(start), end: position(self.at), name, next });
        Ok(())
    }

    fn close(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        let next = position(self.nodes.len());
        // safe: called while a container is open.
        let Some(Open { node, names }) = self.open.pop() else { return Ok(()) };
        self.nodes[node].end = position(self.at);
        self.nodes[node].next = next;
        let own = &mut self.names[names..];
        own.sort_unstable();
        if own.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(JsonError::Duplicate(self.at));
        }
        self.names.truncate(names);
        Ok(())
    }

    fn member_name(&mut self) -> Result<(u32, u32), JsonError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.syntax());
        }
        self.text()?;
        let end = self.at;
        self.names.push(unescaped(&self.bytes[start..end]));
        self.space();
        self.expect(b':')?;
        self.space();
        Ok((position(start), position(end)))
    }

    fn text(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
                        Some(b'u') => {
                            let digits = self.bytes.get(self.at + 1..self.at + 5);
                            if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                                return Err(self.syntax());
                            }
                            self.at += 5;
                        }
                        _ => return Err(self.syntax()),
                    }
                }
                Some(0x20..) => self.at += 1,
                _ => return Err(self.syntax()),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        self.skip(b"-");
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.skip(b".") {
            self.digits()?;
        }
        if self.skip(b"eE") {
            self.skip(b"+-");
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(self.syntax()) }
    }

    fn skip(&mut self, one_of: &[u8]) -> bool {
        let there = self.peek().is_some_and(|byte| one_of.contains(&byte));
        self.at += usize::from(there);
        there
    }

    fn space(&mut self) {
        while self.skip(b" \t\r\n") {}
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.skip(&[byte]) { Ok(()) } else { Err(self.syntax()) }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    const fn syntax(&self) -> JsonError {
        JsonError::Syntax(self.at)
    }
}

/// A position or a count within a document, which [`MAX_DOCUMENT`] bounds.
fn position(at: usize) -> u32 {
    // safe: bounded by `MAX_DOCUMENT`.
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> JsonError {
        Json::parse(text.as_bytes()).err().unwrap()
    }

    #[test]
    fn values_and_members_are_found_where_they_are() {
        let text = " { \"a\" : [1.50, {\"b\":\"x\"}, []] , \"c\":null}\r\n";
        let json = Json::parse(text.as_bytes()).unwrap();
        let a = json.root().get("a").unwrap();
        assert_eq!(&text[a.member_range()], "\"a\" : [1.50, {\"b\":\"x\"}, []]");
        let items: Vec<_> = a.inner().map(|item| &text[item.range()]).collect();
        assert_eq!(items, ["1.50", "{\"b\":\"x\"}", "[]"]);
        assert_eq!(json.root().get("c").unwrap().raw(), b"null");
        assert_eq!(json.root().at(&["a", "b"])[0].text().unwrap(), "x");
        assert_eq!(json.root().all().count(), 7);
        assert!(json.root().get("d").is_none() && a.get("b").is_none());
    }

    #[test]
    fn every_other_form_has_its_reason_and_its_place() {
        for (text, reason) in [
            ("", JsonError::Syntax(0)),
            ("{} x", JsonError::Syntax(3)),
            ("[1,]", JsonError::Syntax(3)),
            ("[,1]", JsonError::Syntax(1)),
            ("{\"a\":1,}", JsonError::Syntax(7)),
            ("{\"a\" 1}", JsonError::Syntax(5)),
            ("{a:1}", JsonError::Syntax(1)),
            ("[01]", JsonError::Syntax(2)),
            ("[1.]", JsonError::Syntax(3)),
            ("[.5]", JsonError::Syntax(1)),
            ("[1e]", JsonError::Syntax(3)),
            ("[+1]", JsonError::Syntax(1)),
            ("[NaN]", JsonError::Syntax(1)),
            ("[\"\t\"]", JsonError::Syntax(2)),
            ("[\"\\x\"]", JsonError::Syntax(3)),
            ("[\"\\u12g4\"]", JsonError::Syntax(3)),
            ("[\"", JsonError::Syntax(2)),
            ("[1}", JsonError::Syntax(2)),
            ("{\"a\":1,\"b\":2,\"a\":3}", JsonError::Duplicate(19)),
            ("[{\"a\":1,\"\\u0061\":2}]", JsonError::Duplicate(19)),
            ("{\"\\ud800\":1,\"\\ud800\":2}", JsonError::Duplicate(23)),
        ] {
            assert_eq!(error(text), reason, "{text}");
        }
        assert_eq!(Json::parse(b"[\"\xff\"]").err(), Some(JsonError::Utf8(2)));
        // Two unlike halves of surrogate pairs, and one name in two objects, are no duplicates.
        for text in ["{\"\\ud800\":1,\"\\ud801\":2}", "{\"a\":{\"a\":1}}", "\u{feff}{}", "1"] {
            assert!(Json::parse(text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn depth_size_and_number_of_values_are_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Json::parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(error(&nested(MAX_DEPTH + 1)), JsonError::Depth(MAX_DEPTH));
        assert_eq!(error(&"[".repeat(1_000_000)), JsonError::Depth(MAX_DEPTH));
        assert_eq!(error(&" ".repeat(MAX_DOCUMENT + 1)), JsonError::TooLarge);
        assert_eq!(error(&format!("[{}0]", "0,".repeat(MAX_VALUES))), JsonError::Values);
    }

    #[test]
    fn escapes_are_undone() {
        let json = Json::parse(br#"["\u00e9\n\/\ud83d\ude00", "\ud83dx", "a\"b"]"#).unwrap();
        let texts: Vec<_> = json.root().inner().map(|item| item.text().unwrap()).collect();
        assert_eq!(texts[0], "é\n/😀");
        assert!(texts[1].starts_with('\u{fffd}') && texts[1].ends_with('x'), "{}", texts[1]);
        assert_eq!(texts[2], "a\"b");
    }

    /// What another reader says of bytes.
    fn accepted_elsewhere(bytes: &[u8]) -> bool {
        let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
        std::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
    }

    proptest! {
        #[test]
        fn it_accepts_what_another_reader_accepts(text in r#"[\[\]{},:0-9.eE+\-"\\uabtrlsfn \n]{0,24}"#) {
            let read = Json::parse(text.as_bytes());
            let other = accepted_elsewhere(text.as_bytes());
            match read {
                Ok(_) => prop_assert!(other),
                Err(JsonError::Duplicate(_)) => {}
                Err(_) => prop_assert!(!other),
            }
        }

        #[test]
        fn what_another_writer_wrote_reads_the_same(
            texts in prop::collection::vec(any::<String>(), 0..6),
            pretty in any::<bool>(),
        ) {
            let members: serde_json::Map<String, serde_json::Value> =
                texts.iter().map(|text| (text.clone(), text.as_str().into())).collect();
            let value = serde_json::Value::Object(members.clone());
            let bytes = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            let json = Json::parse(&bytes).unwrap();
            for (name, text) in &members {
                prop_assert_eq!(json.root().text_of(name), text.as_str().map(str::to_owned));
            }
            prop_assert_eq!(json.root().inner().count(), members.len());
        }
    }
}
