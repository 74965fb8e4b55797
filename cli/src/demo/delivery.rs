//! The delivery of a luxury piece: two couriers and a consumer, and the network cut in the middle.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use countersign_custody::handover::{Answer, Condition};
use countersign_custody::{Item, Profile, Route, SerialSet, Stop};
use countersign_ledger::{Fields, Genesis, Hash, Identity, Kind, LogName, Subject, UnixMillis};
use countersign_node::Config;
use countersign_wallet::{Client, OfferTo};

use super::cast::Cast;
use super::{heading, labels};
use crate::codes;
use crate::commands::check;
use crate::home::{Home, now};
use crate::output::{say, show};
use crate::{file, print, progress};

/// Roles and the members' names.
const CAST: [(&str, &str); 8] = [
    ("brand", "maison-aurore"),
    ("manufacturer", "atelier-lumen"),
    ("supplier", "verdant-leather"),
    ("distributor", "grand-magasin"),
    ("logistics", "swift-parcel"),
    ("courier", "ana"),
    ("courier", "bruno"),
    ("consumer", "customer-7f3a"),
];
const GTIN: &str = "09506000134369";
const LOT: &str = "AU26";
const SERIAL: &str = "K7QH2M";
const ORDER: &str = "urn:example:order:2611";
const BAG: &str = "Aurore bag, green";
const LEATHER: &str = "VL-4471";
const DAY_MILLIS: u64 = 24 * 3600 * 1000;

/// Plays the delivery, and leaves its pictures in `dir`.
pub fn play(dir: &Path) -> Result<()> {
    heading(
        "A delivery. A second ledger starts, for luxury goods; from the design to the courier every party signs",
    );
    let (ledger, screens) = (dir.join("ledger"), dir.join("codes"));
    fs::create_dir_all(&screens)?;
    let running = super::start(Config::development(&ledger), super::families(Profile::luxury()))?;
    let genesis = running.node().genesis().clone();
    let cast = Cast::enrol(&running, &genesis, &dir.join("phones"), &CAST)?;
    let goods = Goods::new(dir)?;
    let client = super::client(&running, &genesis)?;
    let statements = goods.make(&cast, &client, &genesis)?;
    let held = cast.phone("ana", |ana| Ok(ana.load(&client, &goods.piece)?))?;
    let holder = held.holder.context("a holder")?;
    say!("  {statements} statements; after the last of them {} holds {}", holder.name(), goods.piece);

    heading("The network is cut. The bag is handed over twice; the phones show each other QR codes");
    running.stop();
    if client.checkpoint(LogName::SUPPLY).is_ok() {
        bail!("the node still answers");
    }
    hand_over(&cast, &goods, &genesis, &screens, ("1-ana-to-bruno", "ana", "bruno", "Gare du Nord"))?;
    let last = ("2-bruno-to-customer", "bruno", "customer-7f3a", "Rue de la Paix");
    hand_over(&cast, &goods, &genesis, &screens, last)?;
    say!("  the pictures are in {}", screens.display());

    heading("The network is back. The consumer's phone syncs first, the first courier's last");
    let running = super::start(Config::development(&ledger), super::families(Profile::luxury()))?;
    let client = super::client(&running, &genesis)?;
    for name in ["customer-7f3a", "bruno", "ana"] {
        let round = cast.send(&client, name)?;
        say!("  {name:<14} {} proven, {} refused, {} waiting", round.proven, round.refused, round.waiting);
        if round.refused + round.waiting > 0 {
            bail!("not every statement of {name} reached the ledger");
        }
    }

    let proof = dir.join("proof.countersign");
    let bytes = cast.phone("bruno", |bruno| Ok(bruno.delivery(&goods.piece)?))?;
    file::write(&proof, &bytes)?;
    say!("  bruno's proof of delivery, for `countersign verify`: {}, {} bytes", proof.display(), bytes.len());

    heading("An inspector syncs, and traces the bag from a photograph");
    let home = Home::new(Some(&dir.join("inspector")))?;
    home.init(&genesis, &format!("https://{}", running.addr()))?;
    goods.trace(&home, dir)?;
    running.stop();
    Ok(())
}

/// The bag and the path of its photograph.
struct Goods {
    class: Subject,
    lot: Subject,
    piece: Subject,
    order: Subject,
    photo: String,
}

impl Goods {
    /// Prints the bag's label and photographs it.
    fn new(dir: &Path) -> Result<Self> {
        let folder = dir.join("piece");
        fs::create_dir_all(&folder)?;
        let pictures = labels::print(&folder, 1, "bag", &[("01", GTIN), ("10", LOT), ("21", SERIAL)])?;
        let photo = pictures.photo.to_str().context("a path in UTF-8")?.to_owned();
        let Item { class, lot, pack, .. } = check::read(&photo)?;
        let (lot, piece) = lot.zip(pack).context("a label with lot and serial number")?;
        Ok(Self { class, lot, piece, order: Subject::new(ORDER)?, photo })
    }

    /// From the design to the first courier's hands; returns the number of statements.
    fn make(&self, cast: &Cast, client: &Client, genesis: &Genesis) -> Result<usize> {
        let serials = SerialSet::new([SERIAL, "K7QH2N", "K7QH2P"].map(str::to_owned))?;
        let commission = Profile::luxury()
            .commission_fields(&Kind::new("luxury.commission")?, &serials, UnixMillis(0))
            .context("the step that commissions a lot")?;
        let who = |name: &str| cast.identity(name, genesis);
        let to = |name: &str| Ok::<_, anyhow::Error>(Fields::new().with("to", who(name)?.as_str()));
        let leather = |name: &str| Ok::<_, anyhow::Error>(to(name)?.with("material", LEATHER));
        let digest = |text: &str| Hash::of(text.as_bytes());
        let licence = to("manufacturer")?
            .with("product", BAG)
            .with("holder", who("manufacturer")?.as_str())
            .with("nbf", now().0 - DAY_MILLIS)
            .with("exp", now().0 + 365 * DAY_MILLIS);
        let purchase = to("logistics")?.with("consumer", who("consumer")?.as_str()).with("kind", "gift");
        let (class, lot, piece, order) = (&self.class, &self.lot, &self.piece, &self.order);
        let steps = [
            (
                "brand",
                "design",
                class,
                to("manufacturer")?.with("product", BAG).with("design", digest("design")),
            ),
            ("manufacturer", "sample-request", class, to("supplier")?.with("materials", "leather, 1 hide")),
            ("supplier", "sample-material", class, leather("manufacturer")?.with("source", "Verdant valley")),
            ("manufacturer", "evaluation", class, leather("brand")?.with("evaluation", digest("photos"))),
            ("brand", "licence", class, licence),
            (
                "distributor",
                "order",
                order,
                to("brand")?.with("product", BAG).with("kind", "stock").with("count", 3),
            ),
            ("brand", "order-confirmation", order, to("manufacturer")?.with("product", BAG).with("count", 3)),
            (
                "manufacturer",
                "material-request",
                order,
                to("supplier")?.with("materials", "leather, 3 hides"),
            ),
            ("supplier", "material", order, leather("manufacturer")?.with("source", "Verdant valley")),
            ("manufacturer", "commission", lot, merged(leather("distributor")?, &commission)),
            ("distributor", "purchase", piece, purchase),
            ("logistics", "logistics-order", piece, to("ana")?.with("order", "L-2611-1")),
        ];
        let (count, with) = (steps.len(), [class.clone(), order.clone()]);
        for (who, kind, subject, fields) in steps {
            let blob = (kind == "commission").then(|| serials.filter_bytes());
            cast.record(client, who, &format!("luxury.{kind}"), (subject, fields), &with, blob)?;
        }
        Ok(count)
    }

    /// The inspector's view of the bag.
    fn trace(&self, home: &Home, dir: &Path) -> Result<()> {
        let mut snapshot = home.snapshot()?;
        snapshot.follow(&self.class)?;
        snapshot.follow_pack(&self.piece)?;
        progress::sync(&mut snapshot, &home.client()?)?;
        let (item, verdict) = check::verdict(&mut snapshot, &self.photo)?;
        let route = Route::new(&item, &verdict, snapshot.profile_for(&verdict));
        let picture = dir.join("route.svg");
        fs::write(&picture, route.svg())?;
        show!("{}", print::route(&route, None));
        say!("  the same as a picture: {}", picture.display());
        let wrong = route.stops.iter().any(|stop| stop.accountable().is_some());
        let delivered = matches!(route.stops.last(), Some(Stop::Leg(leg)) if leg.signatures.len() == 2);
        if wrong || !delivered {
            bail!("the bag's route should be complete and end with both signatures");
        }
        Ok(())
    }
}

fn merged(fields: Fields, more: &Fields) -> Fields {
    more.iter().fold(fields, |fields, (name, value)| fields.with(name, value.clone()))
}

/// One handover: the giver shows an offer, the receiver scans it and the goods and shows the answer, the giver scans that.
fn hand_over(
    cast: &Cast,
    goods: &Goods,
    genesis: &Genesis,
    screens: &Path,
    (name, giver, receiver, place): (&str, &str, &str, &str),
) -> Result<()> {
    let to =
        OfferTo { to: Some(Identity::parse(&cast.identity(receiver, genesis)?)?), place: Some(place.into()) };
    let offer = cast.phone(giver, |phone| Ok(phone.offer(&goods.piece, &to, now())?))?;
    let shown = codes::draw(screens, &format!("{name}-offer"), &offer.message)?;

    let scanned = check::read(&goods.photo)?.pack.context("the bag's serial number")?;
    let answer = cast.phone(receiver, |phone| {
        let message = codes::read(&shown)?;
        let reading = phone.read(&message, now())?;
        if reading.giver.name() != giver {
            bail!("the offer is {}'s", reading.giver);
        }
        let answer = Answer { condition: Condition::Intact, place: Some(place.into()), seen: None };
        Ok(phone.answer(&message, &[scanned], &answer, now())?)
    })?;
    let answered = codes::draw(screens, &format!("{name}-answer"), &answer.message)?;

    let held = cast.phone(giver, |phone| Ok(phone.close(&codes::read(&answered)?)?))?;
    let holder = held.holder.context("a holder")?;
    let waiting = cast.waiting(receiver)?;
    say!(
        "  {giver} → {}, {place}: offer of {} bytes in {} codes, answer of {} bytes in {}; {waiting} waiting to be sent",
        holder.name(),
        offer.message.len(),
        shown.len(),
        answer.message.len(),
        answered.len(),
    );
    Ok(())
}
