//! The life of a lot, played against a node by members with real keys.

use std::collections::BTreeMap;

use countersign_custody::{Profile, SerialSet};
use countersign_ledger::{Entry, Fields, Hash, Kind, LogName, Statement, TrustStore};
use countersign_node::Node;

use crate::world::{CLASS, DAY_MILLIS, Member, Site, Spec, accepted, enrol, lot, random};

/// The steps up to the lot's distribution, in order; the first is on the product class.
pub const STEPS: [&str; 7] =
    ["certificate", "material-request", "material", "trial", "approval", "commission", "distribution"];

pub struct Life<'a> {
    site: &'a Site,
    trust: TrustStore,
    members: BTreeMap<&'static str, Member>,
    certificate: Vec<Entry>,
    history: Vec<Entry>,
    pub serials: SerialSet,
    /// How long the commission says that the filter is, if that is not so.
    pub filter_length: Option<u64>,
}

impl<'a> Life<'a> {
    pub fn new(site: &'a Site, node: &Node) -> Self {
        let (_, mut trust) = node.genesis().trust_anchors().unwrap();
        let roles = ["authority", "supplier", "manufacturer", "distributor"];
        let members = roles.map(|role| (role, enrol(node, role, role)));
        for (_, member) in &members {
            trust.enrol(member.certificate.as_der()).unwrap();
        }
        Self {
            site,
            trust,
            members: members.into(),
            certificate: Vec::new(),
            history: Vec::new(),
            serials: SerialSet::new((0..100).map(|serial| format!("S{serial:03}"))).unwrap(),
            filter_length: None,
        }
    }

    /// The commission of another lot, on which nothing is stated yet.
    pub fn sign_early(&self) -> Statement {
        let set = &self.serials;
        let fields = Fields::new().with("count", set.count()).with("serials", set.root());
        let fields =
            fields.with("filter", set.filter_digest()).with("expiry", self.site.clock.now().0 + DAY_MILLIS);
        self.members["manufacturer"].sign(&Spec {
            kind: "medicine.commission",
            subject: lot(9),
            fields: fields.with("filter-length", set.filter_bytes().len() as u64),
            prev: None,
            links: Vec::new(),
            at: self.site.clock.now(),
            cti: random(),
        })
    }

    /// Signs the next statement of the story.
    pub fn sign(&self, step: &str) -> Statement {
        let who = |role: &str| self.members[role].certificate.identity().to_string();
        let (f, now) = (Fields::new, self.site.clock.now().0);
        let expiry = (now / DAY_MILLIS + 700) * DAY_MILLIS - 1;
        let latest = |kind: &str| self.latest(&format!("medicine.{kind}"));
        let (signer, fields, links) = match step {
            "certificate" => {
                let fields = f().with("class", "C-1").with("product", "Example 5 mg");
                let fields = fields.with("nbf", now - DAY_MILLIS).with("exp", now + 1000 * DAY_MILLIS);
                ("authority", fields.with("holder", who("manufacturer").as_str()), vec![])
            }
            "material-request" => {
                ("manufacturer", f().with("to", who("supplier").as_str()).with("materials", "starch"), vec![])
            }
            "material" => {
                let fields = f().with("to", who("manufacturer").as_str()).with("material", "MUI-1");
                ("supplier", fields.with("produced", now - DAY_MILLIS), vec![])
            }
            "trial" => {
                let fields = f().with("to", who("authority").as_str()).with("material", "MUI-1");
                (
                    "manufacturer",
                    fields.with("product", "Example 5 mg").with("trial", Hash::of(b"trial")),
                    vec![],
                )
            }
            "approval" => {
                let fields = f().with("to", who("manufacturer").as_str()).with("product", "Example 5 mg");
                ("authority", fields, vec![latest("certificate")])
            }
            "commission" => {
                let set = &self.serials;
                let fields = f().with("count", set.count()).with("serials", set.root());
                let fields = fields.with("filter", set.filter_digest());
                let length = self.filter_length.unwrap_or(set.filter_bytes().len() as u64);
                let fields = fields.with("filter-length", length);
                ("manufacturer", fields.with("expiry", expiry), vec![latest("approval")])
            }
            "distribution" => {
                let fields = f().with("to", who("distributor").as_str()).with("class", "C-1");
                let links = vec![latest("certificate"), latest("commission")];
                ("manufacturer", fields.with("expiry", expiry), links)
            }
            other => panic!("no story has {other}"),
        };
        let on_class = step == "certificate";
        let history = if on_class { &self.certificate } else { &self.history };
        let kind = STEPS.iter().position(|known| *known == step).map(|at| KINDS[at]).unwrap();
        let mut fields = fields;
        let profile = Profile::medicine();
        let (rule, state) = (profile.step(&Kind::new(kind).unwrap()).unwrap(), profile.state_after(history));
        if let (Some(field), Some((_, value))) = (rule.chain_field(), state.chain_head()) {
            fields.insert(field, value.into());
        }
        self.members[signer].sign(&Spec {
            kind,
            subject: if on_class { CLASS.to_owned() } else { lot(1) },
            fields,
            prev: history.last().map(Entry::id),
            links,
            at: self.site.clock.now(),
            cti: random(),
        })
    }

    /// Signs the next statement of the story and has it admitted.
    pub fn admit(&mut self, node: &Node, step: &str) {
        let statement = self.sign(step);
        if step == "commission" {
            self.site.hold(self.serials.filter_bytes());
        }
        let ordered = accepted(node, LogName::SUPPLY, &statement);
        let verified = self.trust.verify(statement).unwrap();
        let entry = self.trust.place(verified, LogName::SUPPLY, ordered.place.index);
        let history = if step == "certificate" { &mut self.certificate } else { &mut self.history };
        history.push(entry);
    }

    fn latest(&self, kind: &str) -> Hash {
        let all = self.certificate.iter().chain(&self.history).rev();
        all.into_iter().find(|entry| entry.verified().statement().kind().as_str() == kind).unwrap().id()
    }
}

const KINDS: [&str; STEPS.len()] = [
    "medicine.certificate",
    "medicine.material-request",
    "medicine.material",
    "medicine.trial",
    "medicine.approval",
    "medicine.commission",
    "medicine.distribution",
];
