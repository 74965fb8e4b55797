//! Links and their files: the specification's own examples, another library's file, and everything that is refused.
//!
//! `data/specification.jwe` is the example of the specification, "Encrypting and Decrypting Files" (HL7, CC0); `data/jwcrypto-deflated.jwe`
//! was made by jwcrypto 1.6.1 with the key 00 01 … 1f.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_shl::{
    Access, ContentType, Gate, JweError, Key, Link, LinkError, MAX_FILE, MAX_FILES, MAX_MANIFEST, Manifest,
    ManifestError, Request, Source, Status, Wrong, open, seal,
};
use proptest::prelude::*;

/// Those of the specification, "Example SMART Health Link Generation", and of the IG's page of examples.
const EXAMPLE: &str = "shlink:/eyJ1cmwiOiJodHRwczovL2Voci5leGFtcGxlLm9yZy9xci9ZOXh3a1VkdG1OOXd3b0pvTjNmZkpJaFgyVUd2Q0wxSm5sUFZOTDNrRFdNL20iLCJmbGFnIjoiTFAiLCJrZXkiOiJyeFRnWWxPYUtKUEZ0Y0VkMHFjY2VOOHdFVTRwOTRTcUF3SVdRZTZ1WDdRIiwibGFiZWwiOiJCYWNrLXRvLXNjaG9vbCBpbW11bml6YXRpb25zIGZvciBPbGl2ZXIgQnJvd24ifQ";
const SUMMARY: &str = "https://viewer.tcpdev.org/shlink.html#shlink:/eyJ1cmwiOiJodHRwczovL3Jhdy5naXRodWJ1c2VyY29udGVudC5jb20vc2Vhbm5vL3NoYy1kZW1vLWRhdGEvbWFpbi9pcHMvSVBTX0lHLWJ1bmRsZS0wMS1lbmMudHh0IiwiZmxhZyI6IkxVIiwia2V5IjoicnhUZ1lsT2FLSlBGdGNFZDBxY2NlTjh3RVU0cDk0U3FBd0lXUWU2dVg3USIsImxhYmVsIjoiRGVtbyBTSEwgZm9yIElQU19JRy1idW5kbGUtMDEifQ";
const URL: &str = "https://shl.example/0";

/// Numbers of a test: distinct, and no secret.
struct Counting(u8);

impl rand_core::TryRng for Counting {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for byte in bytes {
            (*byte, self.0) = (self.0, self.0.wrapping_add(1));
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Counting {}

/// 00 01 … 1f.
fn key() -> Key {
    Key::random(&mut Counting(0))
}

fn link(payload: &str) -> Result<Link, LinkError> {
    Link::parse(&format!("shlink:/{}", URL_SAFE_NO_PAD.encode(payload)))
}

/// A payload with these members beside address and key.
fn with(members: &str) -> Result<Link, LinkError> {
    link(&format!(r#"{{"url":"{URL}","key":"{}"{members}}}"#, URL_SAFE_NO_PAD.encode([7; 32])))
}

#[test]
fn the_links_of_the_specification_are_read_and_written_the_same() {
    let read = Link::parse(EXAMPLE).unwrap();
    assert_eq!(read.url(), "https://ehr.example.org/qr/Y9xwkUdtmN9wwoJoN3ffJIhX2UGvCL1JnlPVNL3kDWM/m");
    assert_eq!((read.access(), read.is_long_term(), read.expires()), (Access::Passcode, true, None));
    assert_eq!(read.label(), Some("Back-to-school immunizations for Oliver Brown"));
    assert_eq!(*read.to_uri(), EXAMPLE);

    let summary = Link::parse(SUMMARY).unwrap();
    assert_eq!((summary.access(), summary.label()), (Access::Direct, Some("Demo SHL for IPS_IG-bundle-01")));
    assert_eq!(*summary.to_uri(), SUMMARY.split_once('#').unwrap().1);
    assert_eq!(Link::parse(&format!(" {SUMMARY}\n")).unwrap(), summary);
    assert_eq!(summary.key(), read.key());
}

#[test]
fn the_file_of_the_specification_opens_with_the_key_of_its_link() {
    let file = open(include_str!("data/specification.jwe"), Link::parse(EXAMPLE).unwrap().key()).unwrap();
    assert_eq!(file.content_type, Some(ContentType::HealthCard));
    assert_eq!(file.bytes.len(), 846);
    assert!(file.bytes.starts_with(b"{\n  \"verifiableCredential\": [\n    \"eyJ6aXAi"));
}

#[test]
fn a_file_of_another_library_opens_and_is_inflated() {
    let file = open(include_str!("data/jwcrypto-deflated.jwe"), &key()).unwrap();
    assert_eq!(file.content_type, Some(ContentType::Fhir));
    let once = r#"{"resourceType":"Bundle","type":"document","entry":[]}"#;
    assert_eq!(file.bytes.as_slice(), once.repeat(40).as_bytes());
}

#[test]
fn what_a_payload_may_have_besides_is_passed_over() {
    let read = with(r#","flag":"UXL","v":1,"exp":1700000000.5,"label":null,"extension":{"a":[1]},"_x":2"#);
    let read = read.unwrap();
    assert_eq!((read.access(), read.is_long_term(), read.label()), (Access::Direct, true, None));
    assert_eq!(read.expires(), Some(1_700_000_000));
    assert!(!read.has_expired(1_699_999_999) && read.has_expired(1_700_000_000));
    // A time in milliseconds and as a text, as in the IG's example payload; and what is no time.
    assert_eq!(with(r#","exp":"1767225600000""#).unwrap().expires(), Some(1_767_225_600));
    for nothing in ["null", "-1", "\"soon\"", "[]", "1e400"] {
        assert_eq!(with(&format!(",\"exp\":{nothing}")).ok().and_then(|link| link.expires()), None);
    }
    assert_eq!(with(r#","flag":"""#).unwrap().access(), Access::Manifest);
    assert_eq!(with(&format!(",\"label\":\"{}\"", "é".repeat(200))).unwrap().label(), Some(&*"é".repeat(80)));
    // Padding, and a key whose last digit has spare bits.
    let padded = base64::engine::general_purpose::URL_SAFE
        .encode(format!(r#"{{"url":"{URL}","key":"{}x"}}"#, "A".repeat(42)));
    assert!(padded.ends_with('=') && Link::parse(&format!("SHLINK:/{padded}")).is_ok());
}

#[test]
fn each_way_to_be_no_link_has_its_own_reason() {
    let key = URL_SAFE_NO_PAD.encode([7; 32]);
    for text in ["", "shlink:", "https://shl.example/0", "shc:/567", "https://viewer.example#x", "é#shlink/é"]
    {
        assert_eq!(Link::parse(text), Err(LinkError::NotALink), "{text}");
    }
    assert_eq!(Link::parse("shlink:/e~"), Err(LinkError::Base64));
    assert_eq!(Link::parse(&format!("shlink:/{}", "a".repeat(9000))), Err(LinkError::TooLong));
    for payload in [
        "",
        "[]",
        "{}",
        r#"{"url":"https://a"}"#,
        r#"{"url":1,"key":"a"}"#,
        "{\"url\":\"https://a\"",
        "\u{fffd}",
    ] {
        assert_eq!(link(payload), Err(LinkError::Payload), "{payload}");
    }
    let twice = format!(r#"{{"url":"{URL}","url":"https://evil.example","key":"{key}"}}"#);
    assert_eq!(link(&twice), Err(LinkError::Payload));
    for url in
        ["", "https://", "ftp://a.example", "javascript:alert(1)", "https://a b", "https://a\\u001b[2J"]
    {
        assert_eq!(link(&format!(r#"{{"url":"{url}","key":"{key}"}}"#)), Err(LinkError::Url), "{url}");
    }
    for key in ["", "AA", &"A".repeat(44), "?"] {
        assert_eq!(link(&format!(r#"{{"url":"{URL}","key":"{key}"}}"#)), Err(LinkError::Key), "{key}");
    }
    assert_eq!(with(r#","flag":"PU""#), Err(LinkError::DirectWithPasscode));
    let newer = LinkError::Version { version: 2, label: Some("Lab".to_owned()) };
    // What a later version calls its members nobody knows.
    assert_eq!(link(r#"{"v":2,"label":"Lab","urls":[]}"#), Err(newer));
    assert!(with(r#","v":0"#).is_err());
}

#[test]
fn a_link_of_ours_keeps_to_the_specification() {
    let new = |url: &str| Link::new(url, key(), Access::Direct);
    assert_eq!(new(&format!("https://{}", "a".repeat(121))), Err(LinkError::UrlTooLong));
    assert_eq!(new("shl.example"), Err(LinkError::Url));
    assert_eq!(new(URL).unwrap().with_label(&"é".repeat(81)), Err(LinkError::LabelTooLong));
    let made = new(URL).unwrap().with_label("Summary").unwrap().with_expiry(1_800_000_000);
    let uri = made.to_uri();
    let payload = URL_SAFE_NO_PAD.decode(uri.strip_prefix("shlink:/").unwrap()).unwrap();
    let key = URL_SAFE_NO_PAD.encode(std::array::from_fn::<u8, 32, _>(|at| u8::try_from(at).unwrap()));
    assert_eq!(
        String::from_utf8(payload).unwrap(),
        format!(r#"{{"url":"{URL}","flag":"U","key":"{key}","exp":1800000000,"label":"Summary"}}"#)
    );
    assert!(!format!("{made:?}").contains(&key), "a key is never logged");
}

/// A file with this header and these contents, encrypted right.
fn file(header: &str, contents: &[u8]) -> String {
    use aes_gcm::aead::{Aead as _, Payload};
    use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
    let header = URL_SAFE_NO_PAD.encode(header);
    let cipher = Aes256Gcm::new(&std::array::from_fn::<u8, 32, _>(|at| u8::try_from(at).unwrap()).into());
    let payload = Payload { msg: contents, aad: header.as_bytes() };
    let sealed = cipher.encrypt(&Nonce::from([5; 12]), payload).unwrap();
    let (sealed, tag) = sealed.split_at(sealed.len() - 16);
    let [nonce, sealed, tag] = [&[5; 12][..], sealed, tag].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    format!("{header}..{nonce}.{sealed}.{tag}")
}

fn deflated(contents: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(contents).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn each_way_for_a_file_not_to_open_has_its_own_reason() {
    let good = r#"{"alg":"dir","enc":"A256GCM"}"#;
    let whole = file(good, b"{}");
    let opened = open(&whole, &key()).unwrap();
    assert_eq!((opened.bytes.as_slice(), opened.content_type), (&b"{}"[..], None));
    let refused = |text: &str| open(text, &key()).map(|_| ()).unwrap_err();
    for text in ["", "....", "a.b.c.d", &format!("{whole}."), &whole.replace('.', "~."), "{\"files\":[]}"] {
        assert!(matches!(refused(text), JweError::Form | JweError::Header), "{text}");
    }
    for header in ["", "[]", r#"{"alg":"dir"}"#, r#"{"alg":"dir","alg":"none","enc":"A256GCM"}"#] {
        assert_eq!(refused(&file(header, b"{}")), JweError::Header, "{header}");
    }
    let long = format!(r#"{{"alg":"dir","enc":"A256GCM","x":"{}"}}"#, "x".repeat(5000));
    assert_eq!(refused(&file(&long, b"{}")), JweError::Header);
    for header in [
        r#"{"alg":"none","enc":"A256GCM"}"#,
        r#"{"alg":"A256KW","enc":"A256GCM"}"#,
        r#"{"alg":"dir","enc":"A128GCM"}"#,
        r#"{"alg":"DIR","enc":"A256GCM"}"#,
    ] {
        assert_eq!(refused(&file(header, b"{}")), JweError::Algorithm, "{header}");
    }
    assert_eq!(refused(&whole.replacen("..", ".QUJD.", 1)), JweError::Algorithm);
    let header = |member: &str| format!(r#"{{"alg":"dir","enc":"A256GCM",{member}}}"#);
    assert_eq!(refused(&file(&header(r#""zip":"GZIP""#), b"{}")), JweError::Compression);
    assert_eq!(refused(&file(&header(r#""crit":["b64"]"#), b"{}")), JweError::Critical);
    let zip = header(r#""zip":"DEF""#);
    assert_eq!(refused(&file(&zip, b"\xff\xff\xff")), JweError::Inflated);
    let cut = deflated(&[7; 4000]);
    assert_eq!(refused(&file(&zip, &cut[..cut.len() - 1])), JweError::Inflated);
    assert_eq!(refused(&"a".repeat(30 << 20)), JweError::TooLarge);
    assert_eq!(open(&whole, &Key::random(&mut Counting(1))).map(|_| ()), Err(JweError::NotOpened));
    let other_header = file(&header(r#""cty":"x""#), b"{}");
    let (header, rest) = (other_header.split('.').next().unwrap(), whole.split_once('.').unwrap().1);
    assert_eq!(refused(&format!("{header}.{rest}")), JweError::NotOpened, "the header is authenticated");
}

#[test]
fn kilobytes_that_stand_for_gigabytes_are_not_inflated() {
    let zip = r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#;
    let most = deflated(&vec![0; MAX_FILE]);
    assert!(most.len() < MAX_FILE / 100);
    assert_eq!(open(&file(zip, &most), &key()).unwrap().bytes.len(), MAX_FILE);
    let bomb = deflated(&vec![0; MAX_FILE + 1]);
    assert_eq!(open(&file(zip, &bomb), &key()).map(|_| ()), Err(JweError::TooLarge));
    assert_eq!(
        seal(&vec![0; MAX_FILE + 1], &ContentType::Fhir, &key(), &mut Counting(0)),
        Err(JweError::TooLarge)
    );
}

#[test]
fn a_manifest_lists_files_that_are_in_it_and_files_that_are_elsewhere() {
    let json = r#"{ "list": {"resourceType":"List"}, "files": [
        {"contentType":"application/fhir+json","location":"https://a.example/1","lastUpdated":"2025-03-09T15:29:46Z",
         "status":"finalized","fhirVersion":"4.0.1"},
        {"contentType":"application/smart-health-card","embedded":"a..b.c.d","status":"of another specification"},
        {"contentType":"text/plain","embedded":"x","location":"https://a.example/2","status":"no-longer-valid"} ] }"#;
    let files = Manifest::parse(json.as_bytes()).unwrap().files;
    assert_eq!(files[0].source, Source::Location("https://a.example/1".to_owned()));
    assert_eq!((&files[0].content_type, files[0].status), (&ContentType::Fhir, Some(Status::Finalized)));
    assert_eq!(files[0].last_updated.as_deref(), Some("2025-03-09T15:29:46Z"));
    assert_eq!(files[0].fhir_version.as_deref(), Some("4.0.1"));
    assert_eq!((&files[1].source, files[1].status), (&Source::Embedded("a..b.c.d".to_owned()), None));
    assert_eq!(files[2].source, Source::Embedded("x".to_owned()));
    assert_eq!(files[2].status, Some(Status::NoLongerValid));
    let manifest = Manifest { files };
    assert_eq!(Manifest::parse(&manifest.to_json()), Ok(manifest));
    assert!(Manifest::parse(b"{}").unwrap().files.is_empty());
}

#[test]
fn each_way_to_be_no_manifest_has_its_own_reason() {
    let refused = |json: &str| Manifest::parse(json.as_bytes()).unwrap_err();
    for json in ["", "[]", r#"{"files":{}}"#, r#"{"files":[{"embedded":"x"}]}"#, r#"{"files":[],"files":[]}"#]
    {
        assert_eq!(refused(json), ManifestError::Malformed, "{json}");
    }
    let files = |count: usize, file: &str| format!(r#"{{"files":[{}]}}"#, vec![file; count].join(","));
    let embedded = r#"{"contentType":"application/fhir+json","embedded":"x"}"#;
    assert_eq!(Manifest::parse(files(MAX_FILES, embedded).as_bytes()).unwrap().files.len(), MAX_FILES);
    assert_eq!(refused(&files(MAX_FILES + 1, embedded)), ManifestError::TooManyFiles);
    assert_eq!(refused(&files(1, r#"{"contentType":"x"}"#)), ManifestError::NoSource(1));
    let far = format!(r#"{{"contentType":"x","location":"https://{}"}}"#, "a".repeat(5000));
    assert_eq!(refused(&files(1, &far)), ManifestError::Location(1));
    assert_eq!(refused(&" ".repeat(MAX_MANIFEST + 1)), ManifestError::TooLarge);
}

#[test]
fn a_request_names_who_asks_and_a_wrong_passcode_counts() {
    let mut request =
        Request { recipient: "Dr. \"Grace\"".to_owned(), passcode: None, embedded_length_max: Some(9) };
    assert_eq!(request.to_json().as_slice(), br#"{"recipient":"Dr. \"Grace\"","embeddedLengthMax":9}"#);
    (request.passcode, request.embedded_length_max) = (Some("1234".to_owned().into()), None);
    assert_eq!(request.to_json().as_slice(), br#"{"recipient":"Dr. \"Grace\"","passcode":"1234"}"#);
    let read = Request::parse(&request.to_json()).unwrap();
    assert_eq!((read.recipient, read.passcode), (request.recipient, request.passcode));
    assert!(Request::parse(br#"{"passcode":"1234"}"#).is_none(), "who asks is required");
    assert_eq!(Wrong::parse(&Wrong { remaining_attempts: 4 }.to_json()).unwrap().remaining_attempts, 4);
    assert_eq!(Wrong::parse(br#"{"remainingAttempts":4}"#), Some(Wrong { remaining_attempts: 4 }));
    for other in [&b""[..], b"{}", br#"{"remainingAttempts":-1}"#, br#"{"remainingAttempts":"4"}"#] {
        assert_eq!(Wrong::parse(other), None);
    }
}

#[test]
fn a_gate_counts_wrong_passcodes_over_its_whole_life() {
    let mut gate = Gate::new(URL, 1000, Some("1234"), &mut Counting(0)).unwrap();
    assert!(gate.is_open(999) && !gate.is_open(1000) && gate.wants_passcode());
    assert!(gate.admits("1234") && !gate.admits("4321") && !gate.admits(""));
    for left in (0..gate.attempts()).rev() {
        assert!(gate.is_open(0));
        gate = Gate::parse(&gate.spend().to_json()).unwrap();
        assert_eq!(gate.attempts(), left);
    }
    assert!(!gate.is_open(0), "it has ended for good");
    assert_eq!(gate.spend().attempts(), 0);
    let kept = String::from_utf8(gate.to_json()).unwrap();
    assert!(!kept.contains("1234") && kept.contains(URL), "{kept}");
    let direct = Gate::new(URL, 1000, None, &mut Counting(0)).unwrap();
    assert!(!direct.wants_passcode() && !direct.admits("") && direct.is_open(0));
    assert!(
        Gate::parse(b"{}").is_none() && Gate::parse(&[direct.to_json(), b"x".to_vec()].concat()).is_none()
    );
}

proptest! {
    #[test]
    fn a_link_reads_as_it_was_written(
        path in "[a-zA-Z0-9_-]{0,60}", label in proptest::option::of(".{0,80}"), exp in proptest::option::of(0..253_402_300_800_u64),
        seed: u8, access in prop_oneof![Just(Access::Direct), Just(Access::Manifest), Just(Access::Passcode)],
    ) {
        let key = Key::random(&mut Counting(seed));
        let mut made = Link::new(&format!("https://shl.example/{path}"), key, access).unwrap();
        if let Some(label) = label {
            made = made.with_label(&label).unwrap();
        }
        if let Some(exp) = exp {
            made = made.with_expiry(exp);
        }
        let read = Link::parse(&made.to_uri()).unwrap();
        prop_assert_eq!(read.to_uri(), made.to_uri());
        prop_assert_eq!(read, made);
    }

    #[test]
    fn a_file_opens_as_it_was_sealed_and_in_no_other_form(
        contents in proptest::collection::vec(any::<u8>(), 0..200), seed: u8, at: prop::sample::Index, bit in 0..7_u32,
    ) {
        let sealed = seal(&contents, &ContentType::Fhir, &key(), &mut Counting(seed)).unwrap();
        let opened = open(&sealed, &key()).unwrap();
        prop_assert_eq!(opened.bytes.as_slice(), contents.as_slice());
        prop_assert_eq!(opened.content_type, Some(ContentType::Fhir));
        let mut altered = sealed.into_bytes();
        let at = at.index(altered.len());
        altered[at] ^= 1 << bit;
        let altered = String::from_utf8(altered).unwrap();
        prop_assert!(open(&altered, &key()).is_err(), "{}", altered);
    }

    #[test]
    fn anything_is_read_or_refused(text in "\\PC{0,200}", bytes: Vec<u8>) {
        let _ = (Link::parse(&text), link(&text), open(&text, &key()), Manifest::parse(&bytes), Wrong::parse(&bytes));
    }
}
