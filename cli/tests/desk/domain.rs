//! Data across trust domains at a desk: two hospitals with a ledger each, and one that they share.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{NodeProcess, countersign, succeed};

const POLICY: &str = "allow read, derive for TREAT from north.example level 2 credit 30";

/// The ledgers, with wallets in one folder.
struct Town {
    folder: tempfile::TempDir,
    shared: NodeProcess,
    north: NodeProcess,
    south: NodeProcess,
}

fn config(folder: &Path, domain: &str, further: &str) -> PathBuf {
    let own = folder.join(domain);
    fs::create_dir_all(&own).unwrap();
    let text = format!(
        "name = \"ledger.{domain}.example\"\ndomain = \"{domain}.example\"\ndata = \"data\"\nlisten = \"127.0.0.1:0\"\n\
         [[log]]\nname = \"trust\"\nheld = \"whole\"\n\
         [[log]]\nname = \"supply\"\nheld = \"followed\"\ndomain = \"{domain}.example\"\n{further}\
         [[witness]]\nname = \"w1\"\n[[witness]]\nname = \"w2\"\n[[witness]]\nname = \"w3\"\n"
    );
    let path = own.join("node.toml");
    fs::write(&path, text).unwrap();
    path
}

impl Town {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [north, south] = ["north", "south"].map(|domain| {
            let log = format!("[[log]]\nname = \"data\"\nheld = \"whole\"\ndomain = \"{domain}.example\"\n");
            NodeProcess::start(&config(folder.path(), domain, &log))
        });
        let other = |domain: &str| {
            format!(
                "[[other_domain]]\nname = \"{domain}.example\"\ngenesis = \"../{domain}/data/genesis.json\"\n\
                 roles = [\"notary\", \"domain-authority\", \"data-owner\"]\n"
            )
        };
        let log = "[[log]]\nname = \"authorization\"\nheld = \"whole\"\n";
        let further = [log, &other("north"), &other("south")].concat();
        let shared = NodeProcess::start(&config(folder.path(), "shared", &further));
        Self { folder, shared, north, south }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn node(&self, domain: &str, arguments: &[&str]) -> String {
        let config = self.path(&format!("{domain}/node.toml"));
        let all = [&["node", "--config", config.as_str()], arguments].concat();
        succeed(self.folder.path(), &all).trim().to_owned()
    }

    /// What a wallet's command prints.
    fn say(&self, who: &str, arguments: &[&str]) -> String {
        succeed(&self.folder.path().join(who), &[&["domain"], arguments].concat())
    }

    /// The same as JSON, line by line.
    fn json(&self, who: &str, arguments: &[&str]) -> Vec<Value> {
        let said = succeed(&self.folder.path().join(who), &[&["--json", "domain"], arguments].concat());
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Why a wallet's command fails: one line.
    fn refused(&self, who: &str, arguments: &[&str]) -> String {
        let output = countersign(&self.folder.path().join(who), &[&["domain"], arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{who} {arguments:?}: {said}");
        assert_eq!((output.stdout.len(), said.lines().count()), (0, 1), "{who} {arguments:?}: {said}");
        said
    }

    /// A wallet with all three ledgers.
    fn wallet(&self, name: &str) {
        let home = self.folder.path().join(name);
        let genesis = self.path("shared/data/genesis.json");
        succeed(&home, &["init", &genesis, "--node", &self.shared.address]);
        for (domain, node) in [("north", &self.north), ("south", &self.south)] {
            let genesis = self.path(&format!("{domain}/data/genesis.json"));
            self.say(name, &["ledger", &genesis, "--node", &node.address]);
        }
    }

    /// A member of a domain, whom its registrar introduces if that is wanted; returns their certificate.
    fn member(&self, name: &str, domain: &str, role: &str, introduced: bool) -> String {
        self.wallet(name);
        let code = self.node(domain, &["code", role, name]);
        let own = format!("{domain}.example");
        let enrolled = self.json(name, &["enrol", &code, "--domain", &own]).remove(0);
        assert_eq!(enrolled["identity"], format!("spiffe://{own}/{role}/{name}"));
        let certificate = enrolled["certificate"].as_str().unwrap().to_owned();
        if introduced {
            let file = self.path("introduction");
            fs::write(&file, self.node(domain, &["introduce", &certificate])).unwrap();
            let said = self.say(name, &["submit", &file]);
            assert!(said.contains("of the log supply"), "{said}");
        }
        certificate
    }

    /// The notaries look at what waits, one after the other, until the master has written it down.
    fn tend(&self) -> Vec<Value> {
        let rounds = ["n1", "n2", "n1"].map(|notary| self.json(notary, &["notary", "--once"]));
        rounds.concat()
    }

    fn registered(&self) {
        for (desk, domain) in [("north-desk", "north.example"), ("south-desk", "south.example")] {
            let moved = self.json(desk, &["register"]).remove(0);
            assert_eq!(moved["log"], "authorization");
            // The same again is the same motion.
            assert_eq!(self.json(desk, &["register"]).remove(0)["statement"], moved["statement"], "{domain}");
        }
        self.tend();
        let group = self.json("lab", &["group"]);
        assert_eq!(group[0]["seats"].as_array().unwrap().len(), 2, "{group:?}");
        let active = |line: &&Value| line["active"] == true;
        assert_eq!(group.iter().filter(active).count(), 2, "{group:?}");
    }

    /// The user's pseudonym, after the five messages.
    fn handshake(&self, user: &str) -> String {
        let file = |name: &str| self.path(name);
        let [hello, vouch, challenge, answer, record] =
            ["hello", "vouch", "challenge", "answer", "record"].map(file);
        for (who, arguments) in [
            (user, ["hello", "south.example", "-o", &hello].to_vec()),
            ("north-desk", ["vouch", &hello, "--level", "2", "-o", &vouch].to_vec()),
            ("south-desk", ["challenge", &vouch, "-o", &challenge].to_vec()),
            (user, ["answer", &challenge, "-o", &answer].to_vec()),
            ("south-desk", ["record", &answer, "-o", &record].to_vec()),
        ] {
            let said = self.say(who, &[&["handshake"], arguments.as_slice()].concat());
            assert!(said.contains(": for the "), "{said}");
        }
        // Each message comes once.
        let again = self.refused("south-desk", &["handshake", "challenge", &vouch, "-o", &challenge]);
        assert!(again.contains("came before"), "{again}");
        self.say("south-desk", &["admit", &record]);
        let known = self.json(user, &["handshake", "keep", &record]).remove(0);
        assert_eq!(known["level"], 2);
        known["user"].as_str().unwrap().to_owned()
    }

    fn requests(&self) -> Vec<Value> {
        self.json("ada", &["requests"])
    }
}

fn text(line: &Value, field: &str) -> String {
    line[field].as_str().unwrap_or_else(|| panic!("{field} is not in {line}")).to_owned()
}

#[test]
fn data_goes_across_domains_under_licences_that_are_audited_and_fall() {
    let town = Town::new();
    for notary in ["n1", "n2"] {
        let domain = if notary == "n1" { "north" } else { "south" };
        let certificate = town.member(notary, domain, "notary", true);
        fs::write(town.path(&format!("{notary}.certificate")), certificate).unwrap();
    }
    town.member("north-desk", "north", "domain-authority", true);
    town.member("south-desk", "south", "domain-authority", true);
    town.member("lab", "south", "data-owner", true);
    town.member("ada", "north", "doctor", false);
    let none = town.refused("north-desk", &["register"]);
    assert!(none.contains("no group of notaries is in office"), "{none}");
    let notaries =
        ["n1", "n2"].map(|notary| fs::read_to_string(town.path(&format!("{notary}.certificate"))).unwrap());
    town.node("shared", &["found", &notaries[0], &notaries[1]]);
    town.registered();

    let (key, state) = data_is_published_with_its_policy(&town);
    let (licensed, user) = requests_are_decided_with_their_reasons(&town, &key);
    an_access_is_answered_once_and_noted(&town, &licensed, &key);
    what_was_derived_is_traced(&town, (&key, &state), &licensed);
    what_was_made_up_is_invalid_and_its_licences_fall(&town, &key, &user);
    each_refusal_is_one_sentence(&town, &key);
    what_ends_has_ended(&town, &key, &user);
}

fn data_is_published_with_its_policy(town: &Town) -> (String, String) {
    let file = town.path("results.txt");
    fs::write(&file, "potassium 4.2 mmol/L\n").unwrap();
    let stated = town.json("lab", &["state", &file]).remove(0);
    assert_eq!(town.json("lab", &["state", &file]).remove(0)["state"], stated["state"], "stated once");
    let wrong = town.refused("lab", &["policy", &file, "allow read for TREAT from north.example level 999"]);
    assert!(wrong.contains("no policy, from `999` on: byte "), "{wrong}");
    town.say("lab", &["policy", &file, POLICY]);
    let listed = town.json("lab", &["policy"]);
    let (key, state) = (text(&stated, "data"), text(&stated, "state"));
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0]["data"], &listed[0]["state"], &listed[0]["policy"], &listed[0]["version"]),
        (&json!(key), &json!(state), &json!(POLICY), &json!(1))
    );
    (key, state)
}

/// A licence, and who has it.
fn requests_are_decided_with_their_reasons(town: &Town, key: &str) -> (String, String) {
    let stranger = "ab".repeat(32);
    let unknown = town.refused("north-desk", &["ask", key, "--user", &stranger]);
    assert!(unknown.contains("does not know this user"), "{unknown}");
    let user = town.handshake("ada");
    let ask = |more: &[&str]| {
        let arguments = [&["ask", &key[..8], "--user", &user], more].concat();
        town.json("north-desk", &arguments).remove(0)
    };
    let permitted = ask(&["--ops", "read,derive"]);
    assert_eq!(permitted["follows"], "permitted");
    assert_eq!(ask(&["--purpose", "HRESCH"])["follows"], "denied (purpose-not-allowed)");
    let third = text(&ask(&[]), "request");
    town.tend();
    town.say("lab", &["revoke", &third[..8]]);
    let again = town.refused("lab", &["revoke", &third[..8]]);
    assert!(again.contains("the request is no licence"), "{again}");
    let requests = town.requests();
    assert_eq!(requests.len(), 3);
    let of = |state: &str| requests.iter().find(|line| line["state"] == state).unwrap();
    assert_eq!(of("denied")["reason"], "purpose-not-allowed");
    assert_eq!(of("licensed")["request"], permitted["request"]);
    assert_eq!((&of("revoked")["request"], &of("revoked")["reason"]), (&json!(third), &json!("owner")));
    let denied = town.refused("ada", &["present", &text(of("denied"), "request"), "-o", &town.path("pass")]);
    assert!(denied.contains("the request is no licence"), "{denied}");
    (text(&permitted, "request"), user)
}

fn an_access_is_answered_once_and_noted(town: &Town, licensed: &str, key: &str) {
    let (pass, answer) = (town.path("pass"), town.path("results.txt"));
    town.say("ada", &["present", &licensed[..8], "--op", "share", "-o", &pass]);
    let refused = town.refused("south-desk", &["access", &pass, "--answer", &answer]);
    assert!(refused.contains("does not grant this operation"), "{refused}");
    town.say("ada", &["present", &licensed[..8], "-o", &pass]);
    let other = town.refused("north-desk", &["access", &pass, "--answer", &answer]);
    assert!(other.contains("for another domain"), "{other}");
    let noted = town.json("south-desk", &["access", &pass, "--answer", &answer]).remove(0);
    assert_eq!((&noted["data"], &noted["op"]), (&json!(key), &json!("read")));
    let again = town.refused("south-desk", &["access", &pass, "--answer", &answer]);
    assert!(again.contains("came before"), "{again}");
    let log = town.json("ada", &["log"]);
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!((&log[0]["request"], &log[0]["findings"]), (&json!(licensed), &json!([])));
    assert!(town.say("ada", &["log", "--data", key]).starts_with("✓ "));
}

fn what_was_derived_is_traced(town: &Town, (key, state): (&str, &str), licensed: &str) {
    let certificate = town.member("ward", "north", "data-owner", true);
    fs::write(town.path("ward.certificate"), certificate).unwrap();
    let file = town.path("assessment.txt");
    fs::write(&file, "low\n").unwrap();
    town.say("ward", &["state", &file, "--from", &state[..8], "--licence", &licensed[..8]]);
    let forked = town.path("copy.txt");
    fs::write(&forked, "copied\n").unwrap();
    town.say("ward", &["state", &forked, "--from", state]);
    let lines = town.json("lab", &["trace", key]);
    let (summary, states) = lines.split_last().unwrap();
    assert_eq!(summary["whole"], true);
    assert_eq!(summary["ledgers"].as_array().unwrap().len(), 2);
    let proven: Vec<_> = states.iter().map(|line| (text(line, "step"), line["proven"] == true)).collect();
    assert_eq!(states.len(), 3, "{states:?}");
    assert_eq!(proven.iter().filter(|(step, proven)| step == "derived" && *proven).count(), 1);
    let drawn = town.say("lab", &["trace", key]);
    let mut tree = drawn.lines();
    assert!(
        tree.next().unwrap().starts_with(&format!("{} created in south.example", &state[..8])),
        "{drawn}"
    );
    assert!(tree.next().unwrap().starts_with("├─ ") && tree.next().unwrap().starts_with("└─ "), "{drawn}");
    assert_eq!(drawn.matches("nothing proves that it might be").count(), 1, "{drawn}");
}

fn what_was_made_up_is_invalid_and_its_licences_fall(town: &Town, key: &str, user: &str) {
    let evidence = town.path("evidence.txt");
    fs::write(&evidence, "no such measurement\n").unwrap();
    let motion = ["invalidate", key, "--evidence", &evidence];
    let nobody = town.refused("lab", &motion);
    assert!(nobody.contains("no seat") || nobody.contains("role"), "{nobody}");
    let moved: Vec<_> = town.json("n1", &motion).iter().map(|line| text(line, "statement")).collect();
    assert_eq!(moved.len(), 3, "of the results, and of both that were made of them");
    assert_eq!(town.json("n1", &motion).len(), 3, "the same again is the same motions");
    let waits = town.tend();
    let for_people = |line: &&Value| moved.iter().any(|ballot| line["for_people"] == *ballot);
    assert_eq!(waits.iter().filter(for_people).count(), 9, "no notary votes on that by itself: {waits:?}");
    let ballots: Vec<_> = moved.iter().map(|ballot| &ballot[..8]).collect();
    town.json("n1", &[&["vote"], ballots.as_slice()].concat());
    let again = town.refused("n1", &["vote", ballots[0]]);
    assert!(again.contains("has voted on that"), "{again}");
    let drawn = town.say("ada", &["trace", key]);
    assert_eq!(drawn.matches(": invalid").count(), 0, "one of two is not more than two thirds: {drawn}");
    town.json("n2", &[&["vote"], ballots.as_slice()].concat());
    let drawn = town.say("ada", &["trace", key]);
    assert_eq!(drawn.matches(": invalid").count(), 3, "{drawn}");
    let requests = town.requests();
    let fallen = requests.iter().find(|line| line["reason"] == "invalid-data").unwrap();
    assert_eq!(fallen["state"], "revoked", "{requests:?}");
    let asked = town.json("north-desk", &["ask", key, "--user", user]).remove(0);
    assert_eq!(asked["follows"], "denied (invalid-data)");
}

fn each_refusal_is_one_sentence(town: &Town, key: &str) {
    let (rubbish, none) = (town.path("rubbish"), town.path("none"));
    fs::write(&rubbish, "rubbish").unwrap();
    let shared = town.path("shared/data/genesis.json");
    town.wallet("reader");
    for (who, arguments, sentence) in [
        ("reader", &["trace", "0123456789"][..], "no published data begins with 0123456789"),
        ("reader", &["requests", "--data", "01"], "write four of its digits or more"),
        ("reader", &["present", "beef", "-o", &none], "no request begins with beef"),
        ("reader", &["submit", &rubbish], "rubbish is not what `countersign node introduce`"),
        ("reader", &["register"], "not enrolled"),
        ("reader", &["ledger", &shared, "--node", &town.shared.address], "no log `data` of one domain"),
        ("reader", &["enrol", "AAAA"], "name yours with --domain"),
        ("reader", &["enrol", "AAAA", "--domain", "west.example"], "no ledger of the domain west.example"),
        ("south-desk", &["register"], "is registered already"),
        ("south-desk", &["handshake", "challenge", &rubbish, "-o", &none], "rubbish is not a message of"),
        ("south-desk", &["ask", key, "--user", &"ab".repeat(32)], "held by this domain itself"),
        ("north-desk", &["policy", key, "nobody"], "the data is another owner's"),
        ("n1", &["vote", "beef"], "no ballot begins with beef"),
        ("n1", &["elect"], "too few notaries have reported"),
    ] {
        let said = town.refused(who, arguments);
        assert!(said.contains(sentence), "{who} {arguments:?}: {said}");
    }
    assert!(!Path::new(&none).exists());
    // A ledger that is taken away is not looked at.
    assert_eq!(town.json("reader", &["ledger", "--stop", "north.example"]).len(), 1);
    let lines = town.json("reader", &["trace", key]);
    assert_eq!(lines.last().unwrap()["ledgers"].as_array().unwrap().len(), 1);
}

/// A user is admitted no longer, another group comes into office, a domain takes part no longer, a member is withdrawn.
fn what_ends_has_ended(town: &Town, key: &str, user: &str) {
    assert_eq!(town.json("ada", &["admit"])[0]["active"], true);
    town.say("south-desk", &["admit", "--end", user]);
    assert_eq!(town.json("ada", &["admit"])[0]["active"], false);
    let ended = town.refused("north-desk", &["ask", key, "--user", user]);
    assert!(ended.contains("does not know this user, or no longer"), "{ended}");

    town.say("n1", &["report"]);
    town.say("n2", &["report"]);
    town.say("n1", &["elect"]);
    town.tend();
    let group = town.json("lab", &["group"]).remove(0);
    assert_eq!((&group["epoch"], group["transactions"].as_u64() > Some(0)), (&json!(2), true), "{group}");

    let moved = town.json("n1", &["exclude", "south.example"]).remove(0);
    for notary in ["n1", "n2"] {
        town.say(notary, &["vote", &text(&moved, "statement")[..8]]);
    }
    let group = town.say("lab", &["group"]);
    assert!(group.contains("south.example            takes part no longer"), "{group}");

    let (file, certificate) =
        (town.path("withdrawal"), fs::read_to_string(town.path("ward.certificate")).unwrap());
    fs::write(&file, town.node("north", &["withdraw", &certificate])).unwrap();
    let said = town.say("reader", &["submit", &file]);
    assert!(
        said.contains("spiffe://north.example/data-owner/ward") && said.contains("of the log trust"),
        "{said}"
    );
    let withdrawn = town.refused("ward", &["policy", &town.path("assessment.txt"), "nobody"]);
    assert!(withdrawn.contains("revoked"), "{withdrawn}");
}
