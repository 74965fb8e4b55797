//! The route as a picture. Parties are lanes, time runs downwards, a leg is an arrow from lane to lane.
//!
//! Colour is never alone in telling: what is missing is dashed, what is disputed or wrong bears a sign and words. A filled
//! end of an arrow is a signature, a hollow one is none. All text is escaped and cut to the room that there is, since
//! names, places and reasons are other people's words.

use std::fmt::Write as _;

use super::{Gap, Leg, Route, Standing, Stop};
use crate::fault::Party;

const LANE: usize = 200;
/// The column of times.
const LEFT: usize = 150;
const TOP: usize = 112;
const ROW: usize = 84;
const FOOT: usize = 96;
/// Narrower than this the head and foot lines do not fit.
const MIN_WIDTH: usize = 720;
/// Characters of the small font that fit into a lane, measured with a wide one.
const PER_LANE: usize = 30;

const INK: &str = "#1b1f24";
const FAINT: &str = "#6a737d";
const LINE: &str = "#d0d7de";
const SOUND: &str = "#0b5394";
const WRONG: &str = "#b3261e";
const DISPUTED: &str = "#8a5300";

pub(super) fn draw(route: &Route) -> String {
    let parties = route.parties();
    let width = (LEFT + parties.len() * LANE).max(MIN_WIDTH);
    let bottom = TOP + route.stops.len().max(1) * ROW;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {0}\" width=\"{width}\" height=\"{0}\" \
         font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\" font-size=\"12\" role=\"img\">\n",
        bottom + FOOT
    );
    let subject = escaped(route.subject.as_str(), width / 7);
    let _ = writeln!(svg, "<title>Route of {subject}</title>");
    let _ = writeln!(svg, "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>");
    let _ = writeln!(
        svg,
        "<text x=\"20\" y=\"32\" font-size=\"16\" font-weight=\"bold\" fill=\"{INK}\">{subject}</text>"
    );
    for (index, party) in parties.iter().enumerate() {
        lane(&mut svg, lane_x(index), bottom, party);
    }
    for (row, stop) in route.stops.iter().enumerate() {
        let at = |party: &Party| lane_x(parties.iter().position(|one| *one == party).unwrap_or_default());
        let (from, to) = (at(stop.from()), stop.to().map(at));
        let place = Place { y: TOP + row * ROW + 42, from, to };
        match stop {
            Stop::Leg(leg) => draw_leg(&mut svg, leg, place),
            Stop::Gap(gap) => draw_gap(&mut svg, gap, place),
        }
    }
    if route.stops.is_empty() {
        text(&mut svg, Text::middle(width / 2, TOP + 42, FAINT), "Nothing is known of it here.", 60);
    }
    foot(&mut svg, route, bottom, width);
    svg.push_str("</svg>\n");
    svg
}

/// Where a stop is drawn.
#[derive(Clone, Copy)]
struct Place {
    y: usize,
    from: usize,
    to: Option<usize>,
}

impl Place {
    /// The middle of its arrow, and how many characters fit over it.
    fn middle(self) -> (usize, usize) {
        let to = self.to.unwrap_or(self.from);
        (usize::midpoint(self.from, to), (to.abs_diff(self.from) / LANE).max(1) * PER_LANE)
    }
}

fn lane_x(index: usize) -> usize {
    LEFT + index * LANE + LANE / 2
}

fn lane(svg: &mut String, x: usize, bottom: usize, party: &Party) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x}\" y1=\"{0}\" x2=\"{x}\" y2=\"{bottom}\" stroke=\"{LINE}\" stroke-width=\"2\"/>",
        TOP - 12
    );
    let name = party.identity.as_ref().map_or("not known", |identity| identity.name());
    text(svg, Text { weight: "bold", ..Text::middle(x, TOP - 38, INK) }, name, 24);
    text(svg, Text::middle(x, TOP - 22, FAINT), &party.role, PER_LANE);
}

fn draw_leg(svg: &mut String, leg: &Leg, place: Place) {
    let (colour, sign, words) = match &leg.standing {
        Standing::Sound => (SOUND, None, None),
        Standing::AtFault(fault) => (WRONG, Some("✗"), Some(fault.reason.to_string())),
        Standing::Disputed => (DISPUTED, Some("!"), Some("not accepted".to_owned())),
        Standing::Conflict => (WRONG, Some("!"), Some("given to two people".to_owned())),
    };
    let moment = leg.at.to_string();
    let (day, time) = moment.split_once('T').unwrap_or((&moment, ""));
    text(svg, Text { anchor: "start", ..Text::middle(20, place.y - 4, INK) }, day, 12);
    text(svg, Text { anchor: "start", ..Text::middle(20, place.y + 12, FAINT) }, time, 12);
    arrow(svg, place, colour, "");
    let signed = |party: &Party| {
        leg.signatures.iter().any(|one| party.identity.as_ref().is_some_and(|id| *id == one.by))
    };
    end(svg, place.from, place.y, colour, signed(&leg.from));
    if let (Some(x), Some(to)) = (place.to, &leg.to) {
        end(svg, x, place.y, colour, signed(to));
    }
    let (middle, room) = place.middle();
    if let Some(sign) = sign {
        let x = if place.to.is_some() { middle } else { place.from };
        badge(svg, x, place.y, colour, sign);
    }
    text(svg, Text { weight: "bold", ..Text::middle(middle, place.y - 14, colour) }, &leg.title, room - 4);
    let said = [leg.place.as_deref(), leg.condition.as_deref(), leg.reason.as_deref()];
    let said: Vec<&str> = said.into_iter().flatten().collect();
    let mut below = place.y + 22;
    if let Some(words) = words {
        let whose = leg.answerable().map_or_else(String::new, |party| format!("; {} answers", name(party)));
        text(
            svg,
            Text::middle(middle, below, colour),
            &format!("{words}{whose}"),
            room.max(2 * PER_LANE - 8),
        );
        below += 14;
    }
    if !said.is_empty() {
        text(svg, Text::middle(middle, below, FAINT), &said.join(" · "), room);
    }
}

fn draw_gap(svg: &mut String, gap: &Gap, place: Place) {
    text(svg, Text { anchor: "start", ..Text::middle(20, place.y + 4, WRONG) }, "missing", 12);
    arrow(svg, place, WRONG, " stroke-dasharray=\"7 5\"");
    end(svg, place.from, place.y, WRONG, false);
    if let Some(x) = place.to {
        end(svg, x, place.y, WRONG, false);
    }
    let (middle, room) = place.middle();
    badge(svg, if place.to.is_some() { middle } else { place.from }, place.y, WRONG, "?");
    text(svg, Text { weight: "bold", ..Text::middle(middle, place.y - 14, WRONG) }, &gap.title, room - 4);
    text(svg, Text::middle(middle, place.y + 24, WRONG), &format!("{} answers", name(&gap.party)), room);
}

fn arrow(svg: &mut String, place: Place, colour: &str, dashes: &str) {
    let Some(to) = place.to.filter(|&to| to != place.from) else { return };
    let (y, from) = (place.y, place.from);
    // The head ends where the mark of the signature begins.
    let (tip, base) = if to > from { (to - 7, to - 17) } else { (to + 7, to + 17) };
    let _ = writeln!(
        svg,
        "<line x1=\"{from}\" y1=\"{y}\" x2=\"{base}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>"
    );
    let _ = writeln!(
        svg,
        "<polygon points=\"{tip},{y} {base},{0} {base},{1}\" fill=\"{colour}\"/>",
        y - 5,
        y + 5
    );
}

fn end(svg: &mut String, x: usize, y: usize, colour: &str, signed: bool) {
    let fill = if signed { colour } else { "#ffffff" };
    let _ = writeln!(
        svg,
        "<circle cx=\"{x}\" cy=\"{y}\" r=\"6\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"2\"/>"
    );
}

fn badge(svg: &mut String, x: usize, y: usize, colour: &str, sign: &str) {
    let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"9\" fill=\"{colour}\"/>");
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" font-weight=\"bold\" fill=\"#ffffff\">{sign}</text>",
        y + 4
    );
}

fn foot(svg: &mut String, route: &Route, bottom: usize, width: usize) {
    let mut lines = Vec::new();
    if let Some(party) = &route.answerable {
        lines.push((WRONG, format!("Answerable: {party}")));
    }
    lines.push(match (route.checkpoint, route.as_of, route.age_millis) {
        (Some(size), Some(as_of), Some(age)) => {
            (INK, format!("Complete as of checkpoint {size}, {as_of}: {} old when drawn.", age_text(age)))
        }
        _ => (INK, "The product is not followed here.".to_owned()),
    });
    let legend = "● signed · ○ named, or not signed · ✗ at fault · ! disputed · ? missing, dashed";
    lines.push((FAINT, legend.to_owned()));
    for (line, (colour, words)) in lines.iter().enumerate() {
        let place = Text { anchor: "start", ..Text::middle(20, bottom + 28 + line * 20, colour) };
        text(svg, place, words, width / 7);
    }
}

/// An age in the largest unit that tells it well.
fn age_text(millis: u64) -> String {
    match millis / 60_000 {
        minutes @ 0..=119 => format!("{minutes} min"),
        minutes @ 120..=2879 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1440),
    }
}

/// A party's name within its role, else its role.
fn name(party: &Party) -> &str {
    party.identity.as_ref().map_or(party.role.as_str(), |identity| identity.name())
}

/// How a line of text is set.
#[derive(Clone, Copy)]
struct Text<'a> {
    x: usize,
    y: usize,
    anchor: &'a str,
    weight: &'a str,
    colour: &'a str,
}

impl<'a> Text<'a> {
    const fn middle(x: usize, y: usize, colour: &'a str) -> Self {
        Self { x, y, anchor: "middle", weight: "normal", colour }
    }
}

/// Text over a white rim, so that lines behind it do not cross it.
fn text(svg: &mut String, set: Text<'_>, words: &str, room: usize) {
    let Text { x, y, anchor, weight, colour } = set;
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" font-weight=\"{weight}\" fill=\"{colour}\" stroke=\"#ffffff\" \
         stroke-width=\"4\" stroke-linejoin=\"round\" paint-order=\"stroke\">{}</text>",
        escaped(words, room)
    );
}

/// At most `room` characters, none of which XML would read as its own or refuse.
fn escaped(words: &str, room: usize) -> String {
    let cut = words.chars().nth(room).is_some();
    let mut escaped = String::new();
    for c in words.chars().take(if cut { room.saturating_sub(1) } else { room }) {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Neither control characters nor what turns the direction of other people's text.
            c if c.is_control()
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}') =>
            {
                escaped.push('\u{fffd}');
            }
            c => escaped.push(c),
        }
    }
    if cut {
        escaped.push('…');
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn words_of_others_are_text_and_nothing_else() {
        assert_eq!(
            escaped("</text><script>\"a\" & 'b'", 99),
            "&lt;/text&gt;&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;"
        );
        assert_eq!(escaped("a\u{0}b\u{202e}c", 99), "a\u{fffd}b\u{fffd}c");
        assert_eq!((escaped("abcd", 4).as_str(), escaped("abcde", 4).as_str()), ("abcd", "abc…"));
        assert_eq!(escaped("&&&&&", 3), "&amp;&amp;…");
    }
}
