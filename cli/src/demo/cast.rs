//! The cast of the demo: one member per role, each with its own vault and key, that talks to the node over HTTPS.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use countersign_ledger::{Fields, Genesis, Kind, Subject};
use countersign_node::Running;
use countersign_wallet::{
    Client, Consent, Cost, Courier, Issuer, KeyStore, Recorded, Round, Snapshot, Vault,
};

use crate::home::now;
use crate::output::say;

/// Every member keeps one key under this name.
const KEY: &str = "signing";
/// Validity of an enrolment code of the demo.
const CODE: Duration = Duration::from_mins(10);

/// A member with its issuer.
struct Member {
    snapshot: Snapshot,
    keys: Arc<dyn KeyStore>,
    role: &'static str,
    name: &'static str,
}

/// All members.
pub struct Cast(Vec<std::cell::RefCell<Member>>);

impl Cast {
    /// Makes everyone's vault and key, and enrols them with codes from the node's registrar. `cast` has the roles and
    /// names; the registrar comes with the node.
    pub fn enrol(
        running: &Running,
        genesis: &Genesis,
        folder: &Path,
        cast: &[(&'static str, &'static str)],
    ) -> Result<Self> {
        let client = super::client(running, genesis)?;
        let mut members = Vec::new();
        for &(role, name) in cast {
            let home = folder.join(name);
            std::fs::create_dir_all(&home)?;
            let passphrase = format!("the demo's passphrase of {name}");
            let keys: Arc<dyn KeyStore> = Arc::new(Vault::create_at_cost(
                &home.join("vault"),
                passphrase.as_bytes(),
                Cost::RECOMMENDED,
            )?);
            let mut snapshot = Snapshot::open(&home.join("snapshot.db"), genesis)?;
            let code = running.node().registrar().new_code(role, name, CODE)?;
            Issuer::new(&mut snapshot, &client, Arc::clone(&keys)).enrol(KEY, &code.to_string())?;
            members.push(std::cell::RefCell::new(Member { snapshot, keys, role, name }));
        }
        Ok(Self(members))
    }

    /// Prints the members.
    pub fn print(&self) {
        say!("  {:<14} (comes with the node)", "registrar");
        for member in &self.0 {
            let member = member.borrow();
            say!("  {:<14} {}", member.role, member.name);
        }
    }

    /// The SPIFFE ID of a member, named by role or name.
    pub fn identity(&self, who: &str, genesis: &Genesis) -> Result<String> {
        let domain = genesis.domains.first().context("a domain in the genesis")?;
        let member = self.member(who)?.borrow();
        Ok(format!("spiffe://{}/{}/{}", domain.name, member.role, member.name))
    }

    /// Has a member, named by role or name, sign a statement on a subject, and verifies that it was recorded. `with` are further
    /// subjects to link, `blob` is what the statement promises.
    pub fn record(
        &self,
        client: &Client,
        who: &str,
        kind: &str,
        (subject, fields): (&Subject, Fields),
        with: &[Subject],
        blob: Option<&[u8]>,
    ) -> Result<Recorded> {
        let mut member = self.member(who)?.borrow_mut();
        let Member { snapshot, keys, .. } = &mut *member;
        let kind = Kind::new(kind)?;
        let mut issuer = Issuer::new(snapshot, client, Arc::clone(keys)).consenting(Consent::ALL);
        let draft = issuer.draft(KEY, &kind, subject, fields, with)?;
        issuer.record(KEY, &draft, blob, now()).with_context(|| format!("{kind} by {who}"))
    }

    /// Opens a member's phone, as after a restart of the app.
    pub fn phone<T>(&self, name: &str, use_it: impl FnOnce(&mut Courier<'_>) -> Result<T>) -> Result<T> {
        let mut member = self.member(name)?.borrow_mut();
        let Member { snapshot, keys, .. } = &mut *member;
        use_it(&mut Courier::new(snapshot, Arc::clone(keys), KEY)?)
    }

    /// Sends what a member's phone has signed without a network.
    pub fn send(&self, client: &Client, name: &str) -> Result<Round> {
        let mut member = self.member(name)?.borrow_mut();
        let Member { snapshot, keys, .. } = &mut *member;
        Ok(Issuer::new(snapshot, client, Arc::clone(keys)).send(now())?)
    }

    /// How many statements wait on a member's phone to be sent.
    pub fn waiting(&self, name: &str) -> Result<usize> {
        Ok(self.member(name)?.borrow().snapshot.outbox()?.len())
    }

    fn member(&self, who: &str) -> Result<&std::cell::RefCell<Member>> {
        let is_who = |member: &Member| member.name == who || member.role == who;
        let found = self.0.iter().find(|member| is_who(&member.borrow()));
        found.with_context(|| format!("{who} is not a member of the demo"))
    }
}
