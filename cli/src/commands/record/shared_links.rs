//! Sections of a record for doctors who do not have this app: SMART Health Links to the record's store.

use anyhow::Result;
use countersign_records::{RecordId, View};
use countersign_wallet::{NewLink, SharedLink};
use serde_json::{Value, json};

use super::patient::{document, view};
use super::{Desk, parts, titles};
use crate::args::ShareLink;
use crate::commands::link::{chosen_passcode, drawn};
use crate::digits::found;
use crate::home::{Home, now};
use crate::output::say;

/// Letters of a link's name by which people name it.
const SHORT: usize = 8;

/// Gives sections of a record out to whoever has the link, and prints it.
pub fn share_by_link(home: &Home, args: &ShareLink, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let record = desk.record(args.record.as_ref())?;
    let (view, count) = document(&mut desk, &record)?;
    let parts = parts(&view, count, &args.sections)?;
    let passcode = args.passcode.then(chosen_passcode).transpose()?;
    let new = NewLink { parts, days: args.days, passcode, label: args.label.clone() };
    let (store, address) = (home.store()?, home.node()?);
    let made = desk.records().share_by_link((&store, &address), &record, &new, now())?;
    if let Some(path) = &args.qr {
        crate::file::write_new(path, &drawn(path, &made.uri)?)?;
    }
    if as_json {
        say!("{}", described(&made, &view));
        return Ok(());
    }
    say!("{}", *made.uri);
    say!("  it shows {}, until {}", titles(&view, made.parts).join(", "), made.until);
    say!("  whoever has it can read that: give it to nobody else. Who opens it is on no list of accesses");
    if made.passcode {
        say!("  tell the passcode on another way than the link; it can be tried ten times");
    }
    say!("  to end it: countersign record health-link end {}", short(&made));
    Ok(())
}

/// Prints the links that lead to something.
pub fn links(home: &Home, record: Option<&RecordId>, as_json: bool) -> Result<()> {
    let mut desk = Desk { snapshot: home.snapshot()?, client: home.client()?, keys: home.vault()? };
    let record = desk.record(record)?;
    let view = view(&mut desk, &record).unwrap_or_default();
    let links = desk.records().shared_links(&record, now())?;
    if links.is_empty() && !as_json {
        say!("no link leads to this record");
    }
    for link in &links {
        if as_json {
            say!("{}", described(link, &view));
            continue;
        }
        let passcode = if link.passcode { ", with a passcode" } else { "" };
        let label = link.label.as_deref().unwrap_or("no label");
        say!("{}  {label}, until {}{passcode}", short(link), link.until);
        say!("          version {}: {}", link.version, titles(&view, link.parts).join(", "));
        say!("          {}", *link.uri);
    }
    Ok(())
}

/// Ends a link.
pub fn end_link(home: &Home, record: Option<&RecordId>, name: &str, as_json: bool) -> Result<()> {
    let mut desk = Desk { snapshot: home.snapshot()?, client: home.client()?, keys: home.vault()? };
    let record = desk.record(record)?;
    let links = desk.records().shared_links(&record, now())?;
    let link = found(links, name, "link", |link| link.name.clone())?;
    desk.records().end_link(&home.store()?, &record, &link.name, now())?;
    if as_json {
        say!("{}", json!({ "name": link.name, "ended": true }));
    } else {
        say!("the link leads nowhere any more; what was read stays read");
    }
    Ok(())
}

fn described(link: &SharedLink, view: &View) -> Value {
    json!({
        "name": link.name,
        "link": link.uri.as_str(),
        "label": link.label,
        "until": link.until.to_string(),
        "passcode": link.passcode,
        "version": link.version,
        "sections": titles(view, link.parts),
    })
}

fn short(link: &SharedLink) -> &str {
    link.name.get(..SHORT).unwrap_or(&link.name)
}
