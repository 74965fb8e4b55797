//! A draft of a statement, as a file: `import` writes it, `sign --draft` reads it, and a person may edit it.
//!
//! ```json
//! { "kind": "medicine.commission", "about": "https://id.gs1.org/01/…/10/L1",
//!   "fields": { "expiry": "2028-11-30" }, "serials": ["S1"] }
//! ```
//! Fields are written as on the command line. Other members say where the draft comes from, and keep what a partner had
//! added to the event.

use anyhow::{Context as _, Result, bail};
use countersign_custody::epcis::Proposal;
use countersign_custody::{FieldType, Profile};
use countersign_ledger::{Day, UnixMillis, Value};
use serde_json::{Map, json};

/// What such a file is.
pub const DRAFT: &str = "a draft, as `countersign import` writes it";
/// Largest file: some 500,000 serial numbers.
pub const MAX_DRAFT: usize = 16 * 1024 * 1024;

/// The statement to sign.
pub struct Draft {
    /// The kind of statement.
    pub kind: String,
    /// Its subject: a picture, the text of a code, a Digital Link or a URN.
    pub about: String,
    /// Fields, as name=value.
    pub fields: Vec<String>,
    /// The packs to be commissioned; none, if it commissions nothing.
    pub serials: Vec<String>,
    /// What a partner had added to the event that it was drafted from.
    pub extensions: Map<String, serde_json::Value>,
    /// Its origin.
    origin: serde_json::Value,
}

impl Draft {
    /// What an event proposes.
    pub fn new(proposal: &Proposal, profile: &Profile) -> Self {
        let step = profile.step(&proposal.kind);
        let field = |(name, value): (&str, &Value)| {
            let kind = step.and_then(|step| step.fields.get(name)).map(|rule| rule.kind);
            format!("{name}={}", written(value, kind))
        };
        Self {
            kind: proposal.kind.as_str().to_owned(),
            about: proposal.subject.as_str().to_owned(),
            fields: proposal.fields.iter().map(field).collect(),
            serials: proposal.serials.clone(),
            extensions: proposal.extensions.clone(),
            origin: json!({
                "event": proposal.event,
                "time": proposal.at.to_string(),
                "receiver": proposal.receiver,
                "missing": proposal.missing(profile),
            }),
        }
    }

    /// The draft that the command line gives.
    pub fn asked(kind: &str, about: &str, fields: &[String], serials: Vec<String>) -> Self {
        let (kind, about) = (kind.to_owned(), about.to_owned());
        let (extensions, origin) = (Map::new(), serde_json::Value::Null);
        Self { kind, about, fields: fields.to_vec(), serials, extensions, origin }
    }

    /// Reads what [`Draft::to_json`] wrote.
    pub fn parse(json: &[u8]) -> Result<Self> {
        let file: serde_json::Value = serde_json::from_slice(json).context("a draft must be JSON")?;
        let text = |name: &str| {
            file[name].as_str().map(str::to_owned).with_context(|| format!("the draft has no `{name}`"))
        };
        let none = Map::new();
        let fields = file["fields"].as_object().unwrap_or(&none).iter().map(|(name, value)| {
            let value = value
                .as_str()
                .with_context(|| format!("the value of the field `{name}` must be a string"))?;
            Ok(format!("{name}={value}"))
        });
        let serials = file["serials"].as_array().map_or(&[][..], Vec::as_slice).iter();
        let serials =
            serials.map(|one| one.as_str().map(str::to_owned).context("a serial number must be a string"));
        Ok(Self {
            kind: text("kind")?,
            about: text("about")?,
            fields: fields.collect::<Result<_>>()?,
            serials: serials.collect::<Result<_>>()?,
            extensions: file["extensions"].as_object().cloned().unwrap_or_default(),
            origin: file["origin"].clone(),
        })
    }

    /// The draft as a file.
    pub fn to_json(&self) -> String {
        let fields = self.fields.iter().filter_map(|field| field.split_once('='));
        let fields: Map<_, _> = fields.map(|(name, value)| (name.to_owned(), json!(value))).collect();
        let Self { kind, about, serials, extensions, origin, .. } = self;
        let mut file = json!({
            "kind": kind, "about": about, "fields": fields, "serials": serials, "origin": origin,
        });
        if !extensions.is_empty() {
            file["extensions"] = json!(extensions);
        }
        format!("{file:#}\n")
    }

    /// Adds the fields given on the command line; these override the draft's.
    pub fn add(&mut self, given: &[String]) -> Result<()> {
        for field in given {
            let Some((name, _)) = field.split_once('=') else { bail!("`{field}` is not NAME=VALUE") };
            self.fields.retain(|known| known.split_once('=').is_none_or(|(known, _)| known != name));
            self.fields.push(field.clone());
        }
        Ok(())
    }
}

/// A value as it is written on the command line.
fn written(value: &Value, kind: Option<FieldType>) -> String {
    match (value, kind) {
        (Value::Uint(millis), Some(FieldType::Time)) => Day::of(UnixMillis(*millis)).to_string(),
        (Value::Uint(number), _) => number.to_string(),
        (Value::Text(text), _) => text.clone(),
        (Value::Bytes(bytes), _) => base16ct::lower::encode_string(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_that_was_written_is_read_and_the_command_line_counts_before_it() {
        let fields = ["expiry=2028-11-30".to_owned(), "to=somebody".to_owned()];
        let draft =
            Draft::asked("medicine.commission", "(01)09506000134352(10)L1", &fields, vec!["A=1".into()]);
        let mut read = Draft::parse(draft.to_json().as_bytes()).unwrap();
        assert_eq!(
            (read.kind.as_str(), read.serials.as_slice()),
            ("medicine.commission", &["A=1".to_owned()][..])
        );
        assert_eq!(read.fields, fields);
        read.add(&["expiry=2029-01-31".into(), "note=a=b".into()]).unwrap();
        assert_eq!(read.fields, ["to=somebody", "expiry=2029-01-31", "note=a=b"]);
    }

    #[test]
    fn what_is_no_draft_is_refused_by_name() {
        for (json, reason) in [
            ("", "a draft must be JSON"),
            ("{}", "no `kind`"),
            (r#"{"kind":"a","about":"b","fields":{"n":1}}"#, "must be a string"),
            (r#"{"kind":"a","about":"b","serials":[1]}"#, "a serial number must be a string"),
        ] {
            let error = Draft::parse(json.as_bytes()).err().unwrap().to_string();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }
}
