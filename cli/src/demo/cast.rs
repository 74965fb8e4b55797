//! Who plays: one member a role, each with a vault and a key of its own, at a desk that talks to the node over HTTPS.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use countersign_ledger::{Fields, Genesis, Kind, Subject};
use countersign_node::Running;
use countersign_wallet::{Client, Cost, Desk, KeyStore, Recorded, Snapshot, Vault};

use crate::commands::act;
use crate::home::now;

/// Roles and the names of those who play them. The registrar comes with the node.
const CAST: [(&str, &str); 5] = [
    ("authority", "medicines-agency"),
    ("supplier", "alpine-chemicals"),
    ("manufacturer", "northwind-pharma"),
    ("distributor", "fabrikam-logistics"),
    ("pharmacy", "corner-pharmacy"),
];
/// Every member keeps one key under this name.
const KEY: &str = "signing";
/// How long an enrolment code of the demo is good.
const CODE: Duration = Duration::from_mins(10);

/// A member at its desk.
struct Member {
    snapshot: Snapshot,
    keys: Arc<dyn KeyStore>,
    role: &'static str,
    name: &'static str,
}

/// All members.
pub struct Cast(Vec<std::cell::RefCell<Member>>);

impl Cast {
    /// Makes everyone's vault and key, and enrols them with codes from the node's registrar.
    pub fn enrol(running: &Running, genesis: &Genesis, folder: &Path) -> Result<Self> {
        let client = super::client(running, genesis)?;
        let mut members = Vec::new();
        for (role, name) in CAST {
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
            Desk::new(&mut snapshot, &client, Arc::clone(&keys)).enrol(KEY, &code.to_string())?;
            members.push(std::cell::RefCell::new(Member { snapshot, keys, role, name }));
        }
        Ok(Self(members))
    }

    /// Prints who plays.
    pub fn print(&self) {
        println!("  {:<14} (comes with the node)", "registrar");
        for member in &self.0 {
            let member = member.borrow();
            println!("  {:<14} {}", member.role, member.name);
        }
    }

    /// The SPIFFE ID of whoever plays a role.
    pub fn identity(&self, role: &str, genesis: &Genesis) -> Result<String> {
        let domain = genesis.domains.first().context("a domain in the genesis")?;
        let member = self.member(role)?;
        Ok(format!("spiffe://{}/{role}/{}", domain.name, member.borrow().name))
    }

    /// Has whoever plays `role` sign a statement, and proves that it was recorded.
    pub fn record(
        &self,
        client: &Client,
        role: &str,
        kind: &str,
        subject: &Subject,
        fields: Fields,
    ) -> Result<Recorded> {
        let mut member = self.member(role)?.borrow_mut();
        let Member { snapshot, keys, .. } = &mut *member;
        let kind = Kind::new(kind)?;
        let mut desk = Desk::new(snapshot, client, Arc::clone(keys));
        let draft = act::draft(&mut desk, KEY, &kind, subject, fields)?;
        desk.record(KEY, &draft, now()).with_context(|| format!("{kind} by {role}"))
    }

    fn member(&self, role: &str) -> Result<&std::cell::RefCell<Member>> {
        self.0
            .iter()
            .find(|member| member.borrow().role == role)
            .with_context(|| format!("nobody plays {role}"))
    }
}
