//! What SMART Health Links lead to, in the store: for whom, until when, and how often a passcode may be tried.

use countersign_ledger::{Hash, cbor};
use countersign_records::{Announced, Submission, Taken, Ticket};
use countersign_shl::{Gate, Manifest, Request, Source, Wrong};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use super::clinic::{Clinic, Owner, Shared, bearer, eventually, refused, store};
use crate::world::{Answer, random};

const DAY: u64 = 24 * 3600;

fn name(byte: char) -> String {
    byte.to_string().repeat(43)
}

/// A file as it is encrypted for a link.
fn file(text: &str) -> Vec<u8> {
    format!("{text}..of.a.file").into_bytes()
}

struct Case {
    clinic: Clinic,
    owner: Owner,
}

impl Case {
    fn new() -> Self {
        let clinic = Clinic::new();
        let owner = Owner::new(&clinic.site, clinic.node());
        Self { clinic, owner }
    }

    /// Uploads a file, if it is not there; a token.
    fn upload(&self, owner: &Owner, file: &[u8]) -> Vec<u8> {
        let draft = Ticket::draft(&owner.record, &store(), &[Announced::of(file).unwrap()], &[]).unwrap();
        let (certificate, key) = (&owner.member.certificate, &owner.member.key);
        let ticket = draft.sign(certificate, key, self.clinic.now(), random()).unwrap().as_bytes().to_vec();
        let taken = self.clinic.take(&Submission { ticket, rows: vec![] });
        let taken = Taken::from_bytes(&taken.body).unwrap();
        for _ in taken.lacking {
            assert_eq!(self.clinic.put(file, &taken.token).status, 204);
        }
        taken.token
    }

    fn path(name: &str) -> String {
        format!("/store/links/{name}")
    }

    fn gate(&self, name: &str, days: u64, passcode: Option<&str>) -> Vec<u8> {
        let (url, ends) = (format!("https://x.example/store/links/{name}"), self.clinic.now().seconds());
        Gate::new(&url, ends + days * DAY, passcode, &mut UnwrapErr(SysRng)).unwrap().to_json()
    }

    fn link(&self, name: &str, file: &[u8], gate: &[u8], token: &[u8]) -> Answer {
        let body = cbor::encode(|e| e.array(2)?.bytes(Hash::of(file).as_bytes())?.bytes(gate)?.ok());
        let url = format!("{}{}", self.clinic.client.base, Self::path(name));
        let request = self.clinic.client.http.put(url).header("authorization", bearer(token));
        Answer::of(request.body(body).send().unwrap())
    }

    fn unlink(&self, name: &str, token: &[u8]) -> Answer {
        let url = format!("{}{}", self.clinic.client.base, Self::path(name));
        let request = self.clinic.client.http.delete(url).header("authorization", bearer(token));
        Answer::of(request.send().unwrap())
    }

    fn linked(&self, byte: char, passcode: Option<&str>) -> String {
        let (name, file) = (name(byte), file(&byte.to_string()));
        let token = self.upload(&self.owner, &file);
        assert_eq!(self.link(&name, &file, &self.gate(&name, 30, passcode), &token).status, 204);
        name
    }

    fn get(&self, name: &str) -> Answer {
        self.clinic.client.get(&Self::path(name))
    }

    fn try_passcode(&self, name: &str, passcode: &str) -> Answer {
        let passcode = Some(passcode.to_owned().into());
        let request = Request { recipient: "Dr. Grace".to_owned(), passcode, embedded_length_max: None };
        self.clinic.client.post(&Self::path(name), &request.to_json())
    }

    fn is_gone(&self, text: &str) {
        eventually("the file is removed", || !self.clinic.lies(&self.owner, &file(text)));
    }
}

#[test]
fn a_file_is_given_out_to_whoever_has_the_link_until_it_ends_and_is_then_removed() {
    let mut case = Case::new();
    let name = case.linked('A', None);
    let given_out = |case: &Case| {
        let answer = case.get(&name);
        assert_eq!((answer.status, &answer.body), (200, &file("A")));
        assert_eq!(answer.headers["content-type"], "application/jose");
        assert_eq!(answer.headers["cache-control"], "no-store");
    };
    given_out(&case);
    case.clinic.restart();
    given_out(&case);
    // Its ticket has ended, and no index has ever named it.
    case.clinic.site.clock.advance(3 * DAY * 1000);
    std::thread::sleep(std::time::Duration::from_secs(3));
    given_out(&case);
    assert_eq!(case.try_passcode(&name, "1234").status, 404, "it is had directly");

    case.clinic.site.clock.advance(27 * DAY * 1000);
    assert_eq!(case.get(&name).status, 404);
    case.is_gone("A");
}

#[test]
fn a_passcode_may_be_tried_ten_times_in_all_also_across_restarts() {
    let mut case = Case::new();
    let name = case.linked('B', Some("1234"));
    assert_eq!(case.get(&name).status, 404, "not without the passcode");
    let manifest = Manifest::parse(&case.try_passcode(&name, "1234").body).unwrap();
    let [one] = &manifest.files[..] else { panic!("{manifest:?}") };
    assert_eq!(one.source, Source::Embedded("B..of.a.file".to_owned()));

    for left in (1..10).rev() {
        let answer = case.try_passcode(&name, "4321");
        assert_eq!(answer.status, 401);
        assert_eq!(Wrong::parse(&answer.body).unwrap().remaining_attempts, left);
        if left == 5 {
            // Its owner says the same again, and the node is started anew: neither gives attempts back.
            let token = case.upload(&case.owner, &file("B"));
            let gate = case.gate(&name, 30, Some("1234"));
            assert_eq!(case.link(&name, &file("B"), &gate, &token).status, 204);
            case.clinic.restart();
        }
    }
    assert_eq!(case.try_passcode(&name, "4321").status, 401);
    assert_eq!(case.try_passcode(&name, "1234").status, 404, "it has ended for good");
}

#[test]
fn a_link_is_made_and_ended_by_the_records_owner_alone() {
    let case = Case::new();
    let name = case.linked('C', None);
    let stranger = Owner::new(&case.clinic.site, case.clinic.node());
    let other = file("D");
    let theirs = case.upload(&stranger, &other);
    // Ending what is another's changes nothing, and says nothing.
    assert_eq!(case.unlink(&name, &theirs).status, 204);
    assert_eq!(case.get(&name).status, 200);
    assert_eq!(case.unlink(&name, b"no token").status, 403);
    assert_eq!(case.get(&name).status, 200);
    // Nor is another's file given out, or another's name taken.
    let gate = |name: &str| case.gate(name, 30, None);
    let (d, e) = (super::links::name('D'), super::links::name('E'));
    assert_eq!(refused(&case.link(&d, &file("C"), &gate(&d), &theirs)).1, "unnamed");
    assert_eq!(refused(&case.link(&name, &other, &gate(&name), &theirs)).1, "unnamed");
    assert_eq!(case.get(&name).body, file("C"));

    let token = case.upload(&case.owner, &file("E"));
    let malformed = |name: &str, gate: &[u8]| {
        let answer = refused(&case.link(name, &file("E"), gate, &token));
        assert_eq!((answer.0, answer.1.as_str()), (400, "malformed"), "{}", answer.2);
        answer.2
    };
    assert!(malformed("short", &gate("short")).contains("base64url"));
    assert!(malformed(&e, b"{}").contains("gate"));
    assert!(malformed(&e, &gate(&d)).contains("another address"));
    assert!(malformed(&e, &case.gate(&e, 400, None)).contains("within a year"));
    assert_eq!(refused(&case.link(&e, &file("never came"), &gate(&e), &token)).1, "unnamed");

    let token = case.upload(&case.owner, &file("C"));
    assert_eq!(case.unlink(&name, &token).status, 204);
    assert_eq!(case.get(&name).status, 404);
    assert_eq!(case.unlink(&name, &token).status, 204, "again is harmless");
}

#[test]
fn a_record_has_so_many_links_and_what_else_needs_their_files_keeps_them() {
    let case = Case::new();
    let (token, file) = (case.upload(&case.owner, &file("F")), file("F"));
    for number in 0..33 {
        let name = format!("{number:043}");
        let answer = case.link(&name, &file, &case.gate(&name, 30, None), &token);
        match number {
            32 => assert_eq!(refused(&answer).1, "too-large"),
            _ => assert_eq!(answer.status, 204),
        }
    }
    // The file lies there once, and stays for as long as one of them leads to it.
    let before = case.clinic.objects();
    for number in 1..32 {
        assert_eq!(case.unlink(&format!("{number:043}"), &token).status, 204);
    }
    case.clinic.site.clock.advance(2 * DAY * 1000);
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!((case.get(&format!("{:043}", 0)).status, case.clinic.objects()), (200, before));
    // A record that is shared goes on beside it.
    let nine = Shared::new(2, 500);
    case.clinic.upload(&case.owner, &[&nine]);
    assert_eq!(case.get(&format!("{:043}", 0)).status, 200);
}
