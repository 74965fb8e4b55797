//! The route as a picture, as wide as a phone. Parties are numbered lanes on the left, time runs downwards, a leg is an
//! arrow from lane to lane with its words to the right.
//!
//! Colour is never the only mark: what is missing is dashed, what is disputed or wrong has a sign and words. A filled
//! end of an arrow means a signature, a hollow one none. All text is escaped and wrapped to the available width, since
//! names, places and reasons are untrusted text.

use std::fmt::Write as _;

use super::text::{escaped, lines};
use super::{Gap, Leg, Route, Standing, Stop};
use crate::fault::Party;

const MARGIN: usize = 14;
/// Width of the words beside the lanes.
const WORDS: usize = 290;
/// Width of all lanes together, unless they would be too close.
const LANES: usize = 136;
/// From one lane to the next.
const LEAST_STEP: usize = 16;
const MOST_STEP: usize = 28;
/// Characters of the small font that fit into [`WORDS`], measured with a wide one.
const ROOM: usize = 40;
/// The same for titles.
const TITLE_ROOM: usize = 31;
/// From one line of small text to the next.
const LINE: usize = 16;
/// Above and below the words of a stop.
const PADDING: usize = 10;
/// Most lines for one text of a signer.
const MOST: usize = 3;

const INK: &str = "#1b1f24";
const FAINT: &str = "#57606a";
const RAIL: &str = "#c4ccd4";
const BAND: &str = "#f3f6f9";
const SOUND: &str = "#0b5394";
const WRONG: &str = "#b3261e";
const DISPUTED: &str = "#8a5300";

pub(super) fn draw(route: &Route) -> String {
    let parties = route.parties();
    let lanes = Lanes::new(parties.len());
    let rows: Vec<Row<'_>> = route.stops.iter().map(Row::new).collect();
    let mut body = String::new();
    let mut y = head(&mut body, route, &parties, lanes.width());
    let rails = y;
    y += 2 * PADDING;
    let mut stops = String::new();
    for (index, row) in rows.iter().enumerate() {
        if index % 2 == 0 {
            band(&mut body, y, row.height(), lanes.width());
        }
        row.draw(&mut stops, y, &lanes, &parties);
        y += row.height();
    }
    if rows.is_empty() {
        text(&mut stops, Style::small(MARGIN, y, FAINT), "There is no data on it here.");
        y += LINE;
    }
    for index in 0..parties.len() {
        rail(&mut body, lanes.x(index), rails, y, index + 1);
    }
    body.push_str(&stops);
    let height = foot(&mut body, route, y + 2 * PADDING, lanes.width());
    let width = lanes.width();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"DejaVu Sans, Verdana, Helvetica, Arial, sans-serif\" role=\"img\">\n\
         <title>Route of {}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n",
        escaped(route.subject.as_str())
    )
}

/// The positions of the lanes. Many lanes are closer together.
struct Lanes {
    count: usize,
    step: usize,
}

impl Lanes {
    fn new(count: usize) -> Self {
        let step = LANES / count.saturating_sub(1).max(1);
        Self { count, step: step.clamp(LEAST_STEP, MOST_STEP) }
    }

    const fn x(&self, index: usize) -> usize {
        MARGIN + 9 + index * self.step
    }

    /// The left edge of the text.
    const fn words(&self) -> usize {
        self.x(self.count.saturating_sub(1)) + 20
    }

    const fn width(&self) -> usize {
        self.words() + WORDS + MARGIN
    }
}

/// The subject, and who is on the route. Returns where the lanes begin.
fn head(svg: &mut String, route: &Route, parties: &[&Party], width: usize) -> usize {
    let mut y = MARGIN + 14;
    text(svg, Style { size: 16, bold: true, ..Style::small(MARGIN, y, INK) }, "Route");
    for line in lines(route.subject.as_str(), room(width), MOST) {
        y += LINE;
        text(svg, Style::small(MARGIN, y, FAINT), &line);
    }
    y += PADDING;
    for (index, party) in parties.iter().enumerate() {
        y += LINE + 4;
        number(svg, MARGIN + 9, y - 4, index + 1);
        let name = party.identity.as_ref().map_or("not known", |identity| identity.name());
        let words = format!("{name} · {}", party.role);
        text(
            svg,
            Style::small(MARGIN + 26, y, INK),
            lines(&words, room(width) - 4, 1).first().map_or("", |line| line),
        );
    }
    y + 2 * PADDING + 9
}

/// One stop, and the lines of text beside it.
struct Row<'a> {
    stop: &'a Stop,
    colour: &'static str,
    sign: Option<&'static str>,
    title: String,
    lines: Vec<(&'static str, String)>,
}

impl<'a> Row<'a> {
    fn new(stop: &'a Stop) -> Self {
        let hands = match stop.to() {
            Some(to) => format!("{} → {}", name(stop.from()), name(to)),
            None => name(stop.from()).to_owned(),
        };
        match stop {
            Stop::Leg(leg) => Self::leg(stop, leg, &hands),
            Stop::Gap(gap) => Self::gap(stop, gap, &hands),
        }
    }

    fn leg(stop: &'a Stop, leg: &Leg, hands: &str) -> Self {
        let (colour, sign) = match &leg.standing {
            Standing::Sound => (SOUND, None),
            Standing::AtFault(_) => (WRONG, Some("✗")),
            Standing::Disputed | Standing::Differs(_) => (DISPUTED, Some("!")),
            Standing::Conflict => (WRONG, Some("!")),
            Standing::Void => (FAINT, Some("✗")),
        };
        let mut row = Self { stop, colour, sign, title: title(&leg.title), lines: Vec::new() };
        row.say(INK, hands, MOST);
        match leg.signatures.as_slice() {
            [_] | [] => row.say(FAINT, &moment(&leg.at.to_string()), 1),
            several => {
                for one in several {
                    row.say(
                        FAINT,
                        &format!("{} signed by {}", moment(&one.at.to_string()), one.by.name()),
                        2,
                    );
                }
            }
        }
        if let Some(recorded) = leg.late {
            row.say(
                DISPUTED,
                &format!("came late: not recorded before {}", moment(&recorded.to_string())),
                2,
            );
        }
        row.say(FAINT, &leg.said(), MOST);
        match (leg.standing.wrong(), leg.accountable()) {
            (Some(wrong), Some(party)) => {
                row.say(colour, &format!("{wrong}; {} is accountable", name(party)), MOST);
            }
            (Some(wrong), None) => row.say(colour, &wrong, MOST),
            (None, _) => {}
        }
        row
    }

    fn gap(stop: &'a Stop, gap: &Gap, hands: &str) -> Self {
        let title = title(&gap.title);
        let mut row = Self { stop, colour: WRONG, sign: Some("?"), title, lines: Vec::new() };
        row.say(INK, hands, MOST);
        row.say(WRONG, &format!("missing; {} is accountable", name(&gap.party)), MOST);
        row
    }

    fn say(&mut self, colour: &'static str, words: &str, most: usize) {
        self.lines.extend(lines(words, ROOM, most).into_iter().map(|line| (colour, line)));
    }

    const fn height(&self) -> usize {
        2 * PADDING + (self.lines.len() + 1) * LINE
    }

    fn draw(&self, svg: &mut String, top: usize, lanes: &Lanes, parties: &[&Party]) {
        let at = |party: &Party| lanes.x(parties.iter().position(|one| *one == party).unwrap_or_default());
        let (from, to) = (at(self.stop.from()), self.stop.to().map(at));
        let base = top + PADDING + LINE - 3;
        let y = base - 5;
        if let Some(to) = to.filter(|&to| to != from) {
            arrow(svg, from, to, y, self.colour, matches!(self.stop, Stop::Gap(_)));
        }
        end(svg, from, y, self.colour, self.signed(self.stop.from()));
        if let (Some(x), Some(to)) = (to, self.stop.to()) {
            end(svg, x, y, self.colour, self.signed(to));
        }
        let mut x = lanes.words();
        if let Some(sign) = self.sign {
            badge(svg, x + 8, y, self.colour, sign);
            x += 22;
        }
        let colour = if self.sign.is_some() { self.colour } else { INK };
        text(svg, Style { size: 13, bold: true, ..Style::small(x, base, colour) }, &self.title);
        for (index, (colour, line)) in self.lines.iter().enumerate() {
            text(svg, Style::small(lanes.words(), base + (index + 1) * LINE, colour), line);
        }
    }

    /// Whether a party signed here.
    fn signed(&self, party: &Party) -> bool {
        let Stop::Leg(leg) = self.stop else { return false };
        leg.signatures.iter().any(|one| party.identity.as_ref().is_some_and(|identity| *identity == one.by))
    }
}

/// A title in the room beside its sign.
fn title(words: &str) -> String {
    lines(words, TITLE_ROOM, 1).into_iter().next().unwrap_or_default()
}

/// A moment as people write it.
fn moment(rfc_3339: &str) -> String {
    rfc_3339.replace('T', " ").replace('Z', " UTC")
}

/// A party's name within its role, else its role.
fn name(party: &Party) -> &str {
    party.identity.as_ref().map_or(party.role.as_str(), |identity| identity.name())
}

/// The summary. Returns the height of the picture.
fn foot(svg: &mut String, route: &Route, top: usize, width: usize) -> usize {
    let mut y = top;
    let mut say = |colour: &str, words: &str| {
        for line in lines(words, room(width), MOST) {
            text(svg, Style::small(MARGIN, y, colour), &line);
            y += LINE;
        }
    };
    if let Some(party) = &route.accountable {
        say(WRONG, &format!("Accountable: {party}"));
    }
    match (route.checkpoint, route.as_of, route.age_millis) {
        (Some(size), Some(as_of), Some(age)) => {
            say(INK, &format!("Complete as of checkpoint {size},"));
            say(INK, &format!("{}: {} old when drawn.", moment(&as_of.to_string()), age_text(age)));
        }
        (Some(size), Some(as_of), None) => {
            say(INK, &format!("Complete as of checkpoint {size},"));
            say(INK, &format!("{}. By a clock that was wrong.", moment(&as_of.to_string())));
        }
        _ => say(INK, "The product is not followed here."),
    }
    say(FAINT, "● signed · ○ named, or not signed");
    say(FAINT, "✗ at fault · ! disputed · ? missing");
    y + MARGIN - LINE + 6
}

/// How many characters fit into the whole width.
const fn room(width: usize) -> usize {
    (width - 2 * MARGIN) * ROOM / WORDS
}

/// An age in the largest suitable unit.
fn age_text(millis: u64) -> String {
    match millis / 60_000 {
        minutes @ 0..=119 => format!("{minutes} min"),
        minutes @ 120..=2879 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1440),
    }
}

fn band(svg: &mut String, y: usize, height: usize, width: usize) {
    let _ = writeln!(svg, "<rect x=\"0\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{BAND}\"/>");
}

fn rail(svg: &mut String, x: usize, top: usize, bottom: usize, index: usize) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x}\" y1=\"{top}\" x2=\"{x}\" y2=\"{bottom}\" stroke=\"{RAIL}\" stroke-width=\"2\"/>"
    );
    number(svg, x, top, index);
}

/// A lane's number, at its top and before the party's name.
fn number(svg: &mut String, x: usize, y: usize, index: usize) {
    let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"7\" fill=\"{FAINT}\"/>");
    centred(svg, x, y + 4, 10, &index.to_string());
}

fn arrow(svg: &mut String, from: usize, to: usize, y: usize, colour: &str, dashed: bool) {
    // The head ends where the mark of the signature begins.
    let (tip, base) = if to > from { (to - 5, to - 12) } else { (to + 5, to + 12) };
    let dashes = if dashed { " stroke-dasharray=\"4 3\"" } else { "" };
    let _ = writeln!(
        svg,
        "<line x1=\"{from}\" y1=\"{y}\" x2=\"{base}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>\n\
         <polygon points=\"{tip},{y} {base},{0} {base},{1}\" fill=\"{colour}\"/>",
        y - 4,
        y + 4
    );
}

fn end(svg: &mut String, x: usize, y: usize, colour: &str, signed: bool) {
    let fill = if signed { colour } else { "#ffffff" };
    let _ = writeln!(
        svg,
        "<circle cx=\"{x}\" cy=\"{y}\" r=\"5\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"2\"/>"
    );
}

fn badge(svg: &mut String, x: usize, y: usize, colour: &str, sign: &str) {
    let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"8\" fill=\"{colour}\"/>");
    centred(svg, x, y + 4, 12, sign);
}

fn centred(svg: &mut String, x: usize, y: usize, size: usize, sign: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"{size}\" font-weight=\"bold\" \
         fill=\"#ffffff\">{sign}</text>"
    );
}

/// The style of a line of text.
#[derive(Clone, Copy)]
struct Style<'a> {
    x: usize,
    y: usize,
    size: usize,
    bold: bool,
    colour: &'a str,
}

impl<'a> Style<'a> {
    const fn small(x: usize, y: usize, colour: &'a str) -> Self {
        Self { x, y, size: 12, bold: false, colour }
    }
}

fn text(svg: &mut String, style: Style<'_>, words: &str) {
    let Style { x, y, size, bold, colour } = style;
    let weight = if bold { " font-weight=\"bold\"" } else { "" };
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{weight} fill=\"{colour}\">{}</text>",
        escaped(words)
    );
}
