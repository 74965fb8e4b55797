//! Names: of subjects, of kinds, of members.

use countersign_ledger::{Identity, IndexKey, Kind, NameError, Subject};
use serde::{Deserialize, Serialize};

use crate::file::{Hex, Vectors};
use crate::reason;

#[derive(Serialize, Deserialize)]
struct Nothing {}

#[derive(Serialize, Deserialize)]
struct Text {
    text: String,
}

fn text(text: impl Into<String>) -> Text {
    Text { text: text.into() }
}

fn refused(error: NameError) -> String {
    reason::name(error).to_owned()
}

/// Where a subject stands in the subject index.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Place {
    family: String,
    key: Hex,
}

const CLASS: &str = "https://id.gs1.org/01/09506000134352";

#[test]
fn subjects() {
    let mut file = Vectors::new(
        &[
            "Subjects of statements: which texts are one, under which family the subject index lists it, and its key there.",
            "The key is the first 16 bytes of SHA-256(family) and all 32 of SHA-256(subject).",
            "Checks are made in this order: length, character, scheme. The first that fails is the reason.",
        ],
        Nothing {},
    );
    let mut accept = |name: &str, subject: &str, family: &str| {
        let key = IndexKey::new(family, subject);
        let key = [&key.family.0[..], &key.subject.0].concat().into();
        file.accept(name, text(subject), Place { family: family.to_owned(), key });
    };
    accept("a product class is its own family", CLASS, CLASS);
    accept("a lot is listed under its class", &format!("{CLASS}/10/L1"), CLASS);
    accept("a pack is listed under its lot", &format!("{CLASS}/10/L1/21/S1"), &format!("{CLASS}/10/L1"));
    let unit = "https://id.gs1.org/00/195060001343520000";
    accept("a logistic unit is its own family", unit, unit);
    let member = "spiffe://meds.example/supplier/ms";
    accept("a member is their own family", member, member);
    let record = "urn:countersign:record:77";
    accept("a record's thread is listed under the record", &format!("{record}:request:1"), record);
    accept("a record is its own family", record, record);
    let foreign = "urn:example:a/b/c:d:e";
    accept("a URN of others is its own family", foreign, foreign);
    let longest = format!("urn:{}", "x".repeat(236));
    accept("240 characters are the most", &longest, &longest);

    file.refuse("length", "no text", text(""));
    file.refuse("length", "241 characters", text(format!("urn:{}", "x".repeat(237))));
    file.refuse(
        "length",
        "too long comes before a wrong character",
        text(format!("urn:{}", " ".repeat(237))),
    );
    for (code, name) in [
        ("\"", "a quotation mark"),
        ("<", "less than"),
        (">", "greater than"),
        ("\\", "a backslash"),
        ("^", "a caret"),
        ("`", "a grave accent"),
        ("{", "an opening brace"),
        ("|", "a vertical bar"),
        ("}", "a closing brace"),
        ("?", "a query"),
        ("#", "a fragment"),
        (" ", "a space"),
        ("\t", "a tab"),
        ("\n", "a newline"),
        ("\0", "a zero byte"),
        ("\u{7f}", "a delete character"),
        ("\u{e4}", "a letter outside ASCII"),
        ("\u{200b}", "a space without width"),
    ] {
        file.refuse("character", &format!("{name} in a lot"), text(format!("{CLASS}/10/L{code}1")));
    }
    for (code, name) in
        [(" ", "a space before the scheme"), ("\u{feff}", "a byte order mark before the scheme")]
    {
        file.refuse("character", name, text(format!("{code}{CLASS}")));
    }
    file.refuse("character", "a newline at the end", text(format!("{CLASS}\n")));
    file.refuse("character", "a wrong character comes before a wrong scheme", text("mailto:a b"));
    for (name, subject) in [
        ("a digital link of another domain", "https://elsewhere.example/01/09506000134352"),
        ("a domain that begins like ours", "https://id.gs1.org.example/01/09506000134352"),
        ("without TLS", "http://id.gs1.org/01/09506000134352"),
        ("an upper-case scheme", "HTTPS://id.gs1.org/01/09506000134352"),
        ("an upper-case host", "https://ID.gs1.org/01/09506000134352"),
        ("a port", "https://id.gs1.org:443/01/09506000134352"),
        ("a user", "https://user@id.gs1.org/01/09506000134352"),
        ("the host alone", "https://id.gs1.org"),
        ("an upper-case URN", "URN:example:1"),
        ("an upper-case SPIFFE ID", "SPIFFE://meds.example/supplier/ms"),
        ("a SPIFFE ID with one slash", "spiffe:/meds.example/supplier/ms"),
        ("an element string", "(01)09506000134352"),
        ("a bare number", "09506000134352"),
        ("a scheme without its colon", "urn"),
        ("a relative path", "/01/09506000134352"),
        ("an address", "mailto:someone@meds.example"),
        ("a script", "javascript:alert(1)"),
        ("data", "data:text/plain,09506000134352"),
        ("another way of writing the scheme", "https:id.gs1.org/01/09506000134352"),
        ("a file", "file:///01/09506000134352"),
    ] {
        file.refuse("scheme", name, text(subject));
    }
    file.refuse("scheme", "a link within another text", text(format!("x{CLASS}")));
    file.check("subject/subject.json", |Nothing {}, Text { text }| {
        let subject = Subject::new(text.as_str()).map_err(refused)?;
        let key = IndexKey::of(&subject);
        let key = [&key.family.0[..], &key.subject.0].concat().into();
        Ok(Place { family: subject.family().to_owned(), key })
    });
}

#[test]
fn kinds() {
    let mut file = Vectors::new(
        &[
            "Kinds of statements: which names are one, and the content type that stands for it in the protected header.",
            "A kind has 1 to 48 characters: words of lower-case letters and digits, joined by `.` and `-`.",
        ],
        Nothing {},
    );
    let content_type = |kind: &str| format!("application/vnd.countersign.{kind}.v1+cbor");
    for (name, kind) in [
        ("one word", "enrol"),
        ("words joined by a point and a hyphen", "medicine.material-request"),
        ("digits", "0.1-2"),
        ("48 characters are the most", &"a".repeat(48)),
    ] {
        file.accept(name, text(kind), content_type(kind));
    }
    file.refuse("length", "no name", text(""));
    file.refuse("length", "49 characters", text("a".repeat(49)));
    for (name, kind) in [
        ("an upper-case letter", "Recall"),
        ("an upper-case letter within", "medicine.reCall"),
        ("a point first", ".recall"),
        ("a point last", "medicine."),
        ("two points", "medicine..recall"),
        ("a hyphen first", "-recall"),
        ("a hyphen last", "recall-"),
        ("a hyphen beside a point", "medicine.-recall"),
        ("a slash", "medicine/recall"),
        ("an underscore", "medicine_recall"),
        ("a plus sign", "recall+cbor"),
        ("a semicolon", "recall;v=1"),
        ("a space", "medicine recall"),
        ("a space last", "recall "),
        ("a newline last", "recall\n"),
        ("a zero byte", "recall\0"),
        ("a letter outside ASCII", "r\u{fc}ckruf"),
        ("a digit outside ASCII", "recall\u{0661}"),
    ] {
        file.refuse("character", name, text(kind));
    }
    file.check("subject/kind.json", |Nothing {}, Text { text }| {
        let kind = Kind::new(text.as_str()).map_err(refused)?;
        assert_eq!(Kind::from_content_type(&kind.content_type()), Some(kind.clone()));
        Ok(kind.content_type())
    });
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Parts {
    domain: String,
    role: String,
    name: String,
}

#[test]
fn identities() {
    let mut file = Vectors::new(
        &[
            "Identities of members: SPIFFE IDs of the form spiffe://<trust domain>/<role>/<name>.",
            "Each part has 1 to 64 characters: a-z, 0-9, `-`, `.` and `_`, in a name A-Z as well. No part is `.` or `..`.",
        ],
        Nothing {},
    );
    let parts = |domain: &str, role: &str, name: &str| Parts {
        domain: domain.to_owned(),
        role: role.to_owned(),
        name: name.to_owned(),
    };
    let mut accept = |name: &str, said: Parts| {
        file.accept(name, text(format!("spiffe://{}/{}/{}", said.domain, said.role, said.name)), said);
    };
    accept("a member", parts("meds.example", "manufacturer", "northwind"));
    accept("a name in mixed case", parts("meds.example", "courier", "Anna_1-b.c"));
    accept("three parts of 64 characters", parts(&"d".repeat(64), &"r".repeat(64), &"N".repeat(64)));
    for (name, identity) in [
        ("no text", String::new()),
        ("nothing after the scheme", "spiffe://".into()),
        ("a trust domain alone", "spiffe://meds.example".into()),
        ("no name", "spiffe://meds.example/courier".into()),
        ("an empty name", "spiffe://meds.example/courier/".into()),
        ("an empty role", "spiffe://meds.example//anna".into()),
        ("an empty trust domain", "spiffe:///courier/anna".into()),
        ("a fourth part", "spiffe://meds.example/courier/anna/1".into()),
        ("a slash last", "spiffe://meds.example/courier/anna/".into()),
        ("an upper-case trust domain", "spiffe://Meds.example/courier/anna".into()),
        ("an upper-case role", "spiffe://meds.example/Courier/anna".into()),
        ("an upper-case scheme", "SPIFFE://meds.example/courier/anna".into()),
        ("another scheme", "https://meds.example/courier/anna".into()),
        ("a name that leads upward", "spiffe://meds.example/courier/..".into()),
        ("a role that leads nowhere", "spiffe://meds.example/./anna".into()),
        ("a space", "spiffe://meds.example/courier/anna b".into()),
        ("a port", "spiffe://meds.example:443/courier/anna".into()),
        ("a percent sign", "spiffe://meds.example/courier/ann%61".into()),
        ("a query", "spiffe://meds.example/courier/anna?x".into()),
        ("a letter outside ASCII", "spiffe://meds.example/courier/\u{e4}nna".into()),
        ("a newline last", "spiffe://meds.example/courier/anna\n".into()),
        ("a trust domain of 65 characters", format!("spiffe://{}/courier/anna", "d".repeat(65))),
        ("a role of 65 characters", format!("spiffe://meds.example/{}/anna", "r".repeat(65))),
        ("a name of 65 characters", format!("spiffe://meds.example/courier/{}", "n".repeat(65))),
    ] {
        file.refuse("identity", name, text(identity));
    }
    file.check("subject/identity.json", |Nothing {}, Text { text }| {
        let identity = Identity::parse(text).map_err(|_| "identity".to_owned())?;
        Ok(parts(identity.domain(), identity.role(), identity.name()))
    });
}
