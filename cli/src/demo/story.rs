//! The story of the demo's medicine, lot by lot, and the packs that are checked afterwards.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use countersign_custody::{Profile, SerialSet, VerdictKind};
use countersign_ledger::{Day, Fields, Genesis, Hash, Subject, UnixMillis};
use countersign_node::Running;
use countersign_wallet::{Client, Snapshot};

use super::cast::Cast;
use super::labels::{self, Pictures};
use crate::home::now;
use crate::output::say;

/// Roles and the members' names.
pub const CAST: [(&str, &str); 5] = [
    ("authority", "medicines-agency"),
    ("supplier", "alpine-chemicals"),
    ("manufacturer", "northwind-pharma"),
    ("distributor", "fabrikam-logistics"),
    ("pharmacy", "corner-pharmacy"),
];
/// A GTIN from the range that GS1 keeps for examples.
const GTIN: &str = "09506000134352";
const PRODUCT: &str = "Northwind paracetamol 500 mg, 20 tablets";
const DAY_MILLIS: u64 = 24 * 3600 * 1000;
/// The medicine profile as shipped.
const RULES: &str = include_str!("../../../core/custody/profiles/medicine.toml");
/// The rule that a bribed operator removes: a sales report repeats the expiry of the commission.
const STRUCK: &str = "fields = { bc = \"chain\", expiry = \"time\", sold = \"uint\" }\nequal = [{ field = \"expiry\", with = \"medicine.commission\" }]";

/// A lot of the demo.
struct Lot {
    name: &'static str,
    packs: u32,
    /// The expiry, in days from today.
    expires_in: i64,
}

const GENUINE: &str = "NW2611A";
const EXPIRED: &str = "NW2409C";
const RECALLED: &str = "NW2610B";
const TAMPERED: &str = "NW2611D";

/// A pack that is photographed and checked.
pub struct Pack {
    /// Its name.
    pub name: &'static str,
    /// What happened to it.
    pub story: &'static str,
    /// The verdict that it must get.
    pub expected: VerdictKind,
    /// Its pictures.
    pub pictures: Pictures,
}

/// The medicine's life so far.
pub struct Story {
    lots: Vec<Lot>,
    /// How many statements were signed.
    pub statements: u32,
}

impl Story {
    /// Plays the lives of four lots.
    pub fn play(cast: &Cast, running: &Running, genesis: &Genesis, packs: u32) -> Result<Self> {
        let lot = |name, packs, expires_in| Lot { name, packs, expires_in };
        let lots = vec![
            lot(GENUINE, packs, 700),
            lot(EXPIRED, 200, -40),
            lot(RECALLED, 500, 650),
            lot(TAMPERED, 300, 700),
        ];
        let client = super::client(running, genesis)?;
        let mut play = Play { cast, client: &client, genesis, statements: 0 };
        play.certify()?;
        for lot in &lots {
            play.produce(lot)?;
            if lot.name != TAMPERED {
                play.report_sales(lot, lot.expires())?;
                play.record("manufacturer", "medicine.receipt", &subject(lot.name)?, Fields::new())?;
            }
            say!("  lot {}: {} packs, expires {}", lot.name, lot.packs, Day::of(lot.expires()));
        }
        let dispensed = pack(GENUINE, &serial(GENUINE, 2))?;
        play.record(
            "pharmacy",
            "medicine.dispense",
            &dispensed,
            Fields::new().with("place", "Corner Pharmacy"),
        )?;
        say!("  one pack of {GENUINE} is dispensed");
        let why = Fields::new().with("reason", "glass particles found in blisters");
        play.record("authority", "medicine.recall", &subject(RECALLED)?, why)?;
        say!("  lot {RECALLED} is recalled");
        Ok(Self { lots, statements: play.statements })
    }

    /// Follows the product, and the pack that this patient received at the counter.
    pub fn follow(snapshot: &mut Snapshot) -> Result<()> {
        snapshot.follow(&class()?)?;
        snapshot.follow_pack(&pack(GENUINE, &serial(GENUINE, 2))?)?;
        Ok(())
    }

    /// Has the distributor report a false expiry for one lot. The node accepts it if its rules were manipulated.
    pub fn tamper(&mut self, cast: &Cast, running: &Running, genesis: &Genesis) -> Result<()> {
        let client = super::client(running, genesis)?;
        let lot = self.lot(TAMPERED)?;
        let mut play = Play { cast, client: &client, genesis, statements: self.statements };
        play.report_sales(lot, UnixMillis(lot.expires().0 + 365 * DAY_MILLIS))?;
        self.statements = play.statements;
        Ok(())
    }

    /// Prints the labels of the packs to check, and photographs them.
    pub fn print_packs(&self, folder: &Path) -> Result<Vec<Pack>> {
        use VerdictKind::{Attention, Authentic, CheckScan, Suspect};
        let of = |lot, n| (lot, serial(lot, n));
        let never_made = (GENUINE, "Q7ZKPX9MTB".to_owned());
        // A scanner that drops the separator between serial and lot reads one serial, which violates no rule.
        let run_together = (GENUINE, format!("{}10{GENUINE}", serial(GENUINE, 3)));
        let mut packs = Vec::new();
        for (name, story, expected, (lot, serial)) in [
            ("genuine", "a pack from the pharmacy's shelf", Authentic, of(GENUINE, 1)),
            ("unknown", "a serial number that was never commissioned", Suspect, never_made),
            ("expired", "found at the back of a cupboard", Attention, of(EXPIRED, 1)),
            ("recalled", "its lot was recalled this morning", Attention, of(RECALLED, 1)),
            ("dispensed", "a pack that was dispensed already", Attention, of(GENUINE, 2)),
            ("tampered", "its distributor reported a false expiry", Suspect, of(TAMPERED, 1)),
            ("misread", "the scanner lost a separator", CheckScan, run_together),
        ] {
            let expiry = self.lot(lot)?.label();
            let mut elements =
                vec![("01", GTIN), ("17", expiry.as_str()), ("10", lot), ("21", serial.as_str())];
            elements.retain(|&(code, _)| expected != CheckScan || code != "10");
            packs.push(Pack {
                name,
                story,
                expected,
                pictures: labels::print(folder, packs.len() + 1, name, &elements)?,
            });
        }
        Ok(packs)
    }

    fn lot(&self, name: &str) -> Result<&Lot> {
        self.lots.iter().find(|lot| lot.name == name).context("a lot of the story")
    }
}

/// The medicine profile with one rule removed.
pub fn doctored() -> Result<Profile> {
    let Some((fields, _)) = STRUCK.split_once('\n') else { bail!("the rule to remove has two lines") };
    if !RULES.contains(STRUCK) {
        bail!("the rule to remove is not in the profile");
    }
    Ok(Profile::parse(&RULES.replace(STRUCK, fields))?)
}

/// One session of signing.
struct Play<'a> {
    cast: &'a Cast,
    client: &'a Client,
    genesis: &'a Genesis,
    statements: u32,
}

impl Play<'_> {
    fn certify(&mut self) -> Result<()> {
        let fields = Fields::new()
            .with("class", "N02BE01")
            .with("holder", self.identity("manufacturer")?.as_str())
            .with("product", PRODUCT)
            .with("nbf", now().0 - 400 * DAY_MILLIS)
            .with("exp", now().0 + 4 * 365 * DAY_MILLIS);
        self.record("authority", "medicine.certificate", &class()?, fields)
    }

    /// From the request for material to the distributor's warehouse.
    fn produce(&mut self, lot: &Lot) -> Result<()> {
        let subject = subject(lot.name)?;
        let material = format!("API-{}", lot.name);
        let to = |play: &Self, role: &str| {
            Ok::<_, anyhow::Error>(Fields::new().with("to", play.identity(role)?.as_str()))
        };

        let request = to(self, "supplier")?.with("materials", "paracetamol, 60 kg");
        self.record("manufacturer", "medicine.material-request", &subject, request)?;
        let supply = to(self, "manufacturer")?
            .with("material", material.as_str())
            .with("content", "paracetamol 99.8 %")
            .with("produced", now().0 - 90 * DAY_MILLIS);
        self.record("supplier", "medicine.material", &subject, supply)?;
        let trial = to(self, "authority")?
            .with("material", material.as_str())
            .with("product", PRODUCT)
            .with("trial", Hash::of(b"the trial data, which stay with their owner"));
        self.record("manufacturer", "medicine.trial", &subject, trial)?;
        let approval = to(self, "manufacturer")?.with("product", PRODUCT);
        self.record("authority", "medicine.approval", &subject, approval)?;
        self.commission(lot, &subject)?;
        let shipment = to(self, "distributor")?.with("class", "N02BE01").with("expiry", lot.expires().0);
        self.record("manufacturer", "medicine.distribution", &subject, shipment)
    }

    fn commission(&mut self, lot: &Lot, subject: &Subject) -> Result<()> {
        let serials = SerialSet::new((0..lot.packs).map(|n| serial(lot.name, n)))?;
        let kind = countersign_ledger::Kind::new("medicine.commission")?;
        let fields = Profile::medicine()
            .commission_fields(&kind, &serials, lot.expires())
            .context("the step that commissions a lot")?;
        let blob = Some(serials.filter_bytes());
        self.cast.record(self.client, "manufacturer", kind.as_str(), (subject, fields), &[], blob)?;
        self.statements += 1;
        Ok(())
    }

    fn report_sales(&mut self, lot: &Lot, expiry: UnixMillis) -> Result<()> {
        let fields = Fields::new()
            .with("to", self.identity("manufacturer")?.as_str())
            .with("expiry", expiry.0)
            .with("sold", u64::from(lot.packs));
        self.record("distributor", "medicine.sales-status", &subject(lot.name)?, fields)
    }

    fn record(&mut self, role: &str, kind: &str, subject: &Subject, fields: Fields) -> Result<()> {
        self.cast.record(self.client, role, kind, (subject, fields), &[], None)?;
        self.statements += 1;
        Ok(())
    }

    fn identity(&self, role: &str) -> Result<String> {
        self.cast.identity(role, self.genesis)
    }
}

impl Lot {
    /// The last moment of the day on the label.
    fn expires(&self) -> UnixMillis {
        let day = now().0.saturating_add_signed(self.expires_in * DAY_MILLIS.cast_signed());
        Day::of(UnixMillis(day)).ends()
    }

    /// The date as written in the symbol: YYMMDD.
    fn label(&self) -> String {
        Day::of(self.expires()).to_string()[2..].replace('-', "")
    }
}

/// The serial of pack number `n`: ten characters that do not reveal the number.
fn serial(lot: &str, n: u32) -> String {
    // Without characters that are easily confused.
    const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let digest = Hash::framed("countersign/demo/serial", &[lot.as_bytes(), &n.to_be_bytes()]);
    digest.0[..10].iter().map(|&byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

fn class() -> Result<Subject> {
    Ok(Subject::new(format!("https://id.gs1.org/01/{GTIN}"))?)
}

fn subject(lot: &str) -> Result<Subject> {
    Ok(Subject::new(format!("https://id.gs1.org/01/{GTIN}/10/{lot}"))?)
}

fn pack(lot: &str, serial: &str) -> Result<Subject> {
    Ok(Subject::new(format!("https://id.gs1.org/01/{GTIN}/10/{lot}/21/{serial}"))?)
}
