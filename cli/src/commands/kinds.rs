//! `sign` by itself: what this wallet's member may sign, and what each takes.

use anyhow::Result;
use countersign_custody::{Effect, Presence, Profile, Step};
use countersign_ledger::Identity;
use serde_json::json;

use crate::fields;
use crate::home::Home;
use crate::output::{say, warn};

/// Lists the statements that one party signs alone, by the roles of this wallet's members; those of two parties are made by
/// phones. All of them if nobody is enrolled here.
pub fn list(home: &Home, as_json: bool) -> Result<()> {
    // A person who looks first need not have a wallet.
    let members = if home.exists() { home.snapshot()?.identities()? } else { Vec::new() };
    let mut listed = 0;
    for step in Profile::all().iter().flat_map(Profile::steps).filter(|step| step.countersigned.is_none()) {
        if members.is_empty() || members.iter().any(|member| may_sign(step, member)) {
            listed += 1;
            show(step, as_json);
        }
    }
    if members.is_empty() {
        warn(format_args!(
            "nobody is enrolled in this wallet, so all kinds are listed; `countersign enrol CODE` first"
        ));
    } else if listed == 0 {
        let members: Vec<&str> = members.iter().map(Identity::as_str).collect();
        warn(format_args!("{} signs nothing alone", members.join(" and ")));
    }
    Ok(())
}

fn may_sign(step: &Step, member: &Identity) -> bool {
    step.signer.roles.iter().any(|role| role == member.role())
}

fn show(step: &Step, as_json: bool) {
    let typed = fields::typed(step);
    let file = match &step.effect {
        Effect::Commission { .. } => Some(("serials", "a file with the serial numbers, one per line")),
        Effect::Pack | Effect::Unpack => {
            Some(("contents", "a file with the codes of the packs, one per line"))
        }
        _ => None,
    };
    if as_json {
        let fields = typed.iter().map(|(name, form, presence)| {
            json!({ "name": name, "form": form, "optional": *presence == Presence::Optional })
        });
        say!(
            "{}",
            json!({
                "kind": step.kind.as_str(),
                "title": step.title,
                "roles": step.signer.roles,
                "fields": fields.collect::<Vec<_>>(),
                "file": file.map(|(option, _)| option),
            })
        );
        return;
    }
    say!("{:<28} {} ({})", step.kind.as_str(), step.title, step.signer.roles.join(", "));
    for (name, form, presence) in typed {
        let optional = if presence == Presence::Optional { " (optional)" } else { "" };
        say!("    -f {name}=…  {form}{optional}");
    }
    if let Some((option, form)) = file {
        say!("    --{option} FILE  {form}");
    }
}
