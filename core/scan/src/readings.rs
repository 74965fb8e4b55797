//! Readings: what a code says if one slip has happened to it.
//!
//! No text is trusted after a repair. What one slip would give is offered as a reading; the ledger says whether it knows
//! that, and then the pack is to be scanned again.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::code::{Code, is_link, unannounced};
use crate::gs1::{Content, GS, Partners};
use crate::named::product;
use crate::product::Product;
use crate::slip::{Reading, Slip};
use crate::split::split;

/// What the separator becomes on its way: keyboards have no key for GS (ASCII 29), so wedges type its name, a substitute
/// of their maker's, or what a console shows for it; label software prints what it does not understand.
const SEPARATORS: [&str; 38] = [
    "{GS}", "<GS>", "[GS]", "(GS)", "{FNC1}", "<FNC1>", "[FNC1]", "(FNC1)", "FNC1", "~029", "~d029", "~dc1",
    "~1", "^]", "^029", "\\x1D", "\\x1d", "\\u001D", "\\u001d", "\\029", "\\F", "%1D", "%1d", "&#29;",
    "&#x1D;", "<0x1D>", "\u{241d}", "\u{2194}", "\u{e8}", "|", "^", "~", "#", "\t", " ", "/", "\u{f1}", "@",
];

/// The characters of one physical keyboard, key by key, without and with shift: United States, Germany, France. A scanner
/// that types presses the keys of one; a computer that is set to another writes the characters there.
const KEYBOARDS: [&str; 3] = [
    "1234567890-=qwertyuiop[]asdfghjkl;'zxcvbnm,./!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>?",
    "1234567890ß´qwertzuiopü+asdfghjklöäyxcvbnm,.-!\"§$%&/()=?`QWERTZUIOPÜ*ASDFGHJKLÖÄYXCVBNM;:_",
    "&é\"'(-è_çà)=azertyuiop^$qsdfghjklmùwxcvbn,;:!1234567890°+AZERTYUIOP¨£QSDFGHJKLM%WXCVBN?./§",
];

/// For each two of the keyboards: what the one writes, to what is printed on the same key of the other.
static KEYS: LazyLock<Vec<HashMap<char, char>>> = LazyLock::new(|| {
    let pairs = (0..KEYBOARDS.len()).flat_map(|one| (0..KEYBOARDS.len()).map(move |other| (one, other)));
    let different = pairs.filter(|(one, other)| one != other);
    different
        .map(|(written, printed)| KEYBOARDS[written].chars().zip(KEYBOARDS[printed].chars()).collect())
        .collect()
});

/// The most readings of one code.
const MAX_READINGS: usize = 64;

/// The longest text that is looked at, in bytes: several times what a pack carries.
const MAX_LENGTH: usize = 512;

impl Slip {
    /// What the code says if this has happened to it.
    fn products(self, code: &Code, current_year: u16) -> Vec<Product> {
        let read =
            |codes: Vec<Code>| codes.iter().filter_map(|code| product(code, current_year).ok()).collect();
        match self {
            Slip::Ends => Vec::new(),
            Slip::SeparatorFirst => {
                let stripped = code.data.trim_start_matches(GS);
                let first = stripped.len() < code.data.len();
                read(if first {
                    vec![code.with(code.identifier.clone(), stripped.to_owned())]
                } else {
                    Vec::new()
                })
            }
            Slip::SeparatorReplaced => {
                let Some(data) = code.elements() else { return Vec::new() };
                let here = SEPARATORS.iter().filter(|token| data.contains(**token));
                here.flat_map(|token| split(&data, token, current_year)).collect()
            }
            Slip::Unannounced => {
                let Some("]d1" | "]d4" | "]d7" | "]dA" | "]Q1" | "]Q2" | "]J0" | "]J3" | "]C0") =
                    code.identifier.as_deref()
                else {
                    return Vec::new();
                };
                let message = unannounced(code.plain().trim_start_matches(GS), Partners::OnAnyCarrier);
                message
                    .and_then(|message| Product::from_message(&message, current_year).ok())
                    .into_iter()
                    .collect()
            }
            Slip::Blanks => read(vec![code.with(code.identifier.clone(), without_blanks(&code.data))]),
            Slip::CaseSwapped => {
                let mut found: Vec<Product> = read(in_other_case(code));
                found.extend(product(code, current_year).iter().flat_map(values_in_other_case));
                found
            }
            Slip::KeysSwapped => read(on_other_keys(code)),
            Slip::SeparatorLost => {
                code.elements().map_or_else(Vec::new, |data| split(&data, "", current_year))
            }
        }
    }
}

/// What a code says if one slip has happened to it, the likeliest first, without what it says as it is.
pub(crate) fn readings(code: &Code, as_it_is: Option<&Product>, current_year: u16) -> Vec<Reading> {
    if code.data.len() > MAX_LENGTH || code.is_part() {
        return Vec::new();
    }
    let mut found: Vec<Reading> = Vec::new();
    let mut add = |slip: Slip, product: Product| {
        let known = found.iter().any(|reading| reading.product == product);
        if !known && as_it_is != Some(&product) && found.len() < MAX_READINGS {
            found.push(Reading { product, slip, excuses: slip.can_happen(code.origin) });
        }
    };
    // What is around a text is there whatever else has happened to it.
    let trimmed = trimmed(&code.data);
    let inner = code.with(code.identifier.clone(), trimmed.trim_end_matches(GS).to_owned());
    if inner != *code {
        product(&inner, current_year).ok().into_iter().for_each(|product| add(Slip::Ends, product));
    }
    for slip in Slip::all() {
        slip.products(&inner, current_year).into_iter().for_each(|product| add(slip, product));
    }
    found
}

/// The slip that makes a text be something that is not a product, such as a unit.
pub(crate) fn slip_of(code: &Code, is_meant: impl Fn(&Content) -> bool) -> Option<Slip> {
    let meant = |code: &Code| code.content(Partners::OnAnyCarrier).is_ok_and(|content| is_meant(&content));
    let trimmed = code.with(code.identifier.clone(), trimmed(&code.data).to_owned());
    let keep = code.identifier.clone();
    if meant(&trimmed) {
        return Some(Slip::Ends);
    }
    let code = &trimmed;
    if meant(&code.with(keep.clone(), code.data.trim_start_matches(GS).to_owned())) {
        return Some(Slip::SeparatorFirst);
    }
    if meant(&code.with(keep, without_blanks(&code.data))) {
        return Some(Slip::Blanks);
    }
    if in_other_case(code).iter().any(meant) {
        return Some(Slip::CaseSwapped);
    }
    on_other_keys(code).iter().any(meant).then_some(Slip::KeysSwapped)
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|character| !is_blank(*character)).collect()
}

/// A blank, or a mark that no font shows: those of word breaks, of joining, of direction, of the byte order.
fn is_blank(character: char) -> bool {
    let unseen = matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    );
    character.is_whitespace() || unseen
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|character: char| is_blank(character) || (character.is_control() && character != GS))
}

/// Swapped, as Caps Lock does, and all large or all small, as scanners can be set to.
fn in_other_case(code: &Code) -> Vec<Code> {
    let cases = [swapped(&code.data), code.data.to_ascii_uppercase(), code.data.to_ascii_lowercase()];
    let mut identifiers = vec![code.identifier.clone()];
    if let Some(identifier) = &code.identifier {
        identifiers.push(Some(swapped(identifier)));
    }
    let each = |data: String| identifiers.clone().into_iter().map(move |one| (one, data.clone()));
    let all = [vec![code.data.clone()], cases.to_vec()].concat().into_iter().flat_map(each);
    let all = all.filter(|(identifier, data)| (identifier, data) != (&code.identifier, &code.data));
    all.map(|(identifier, data)| code.with(identifier, data)).collect()
}

/// The lot or the serial alone in another case, as where Caps Lock was pressed between the two.
fn values_in_other_case(product: &Product) -> Vec<Product> {
    let cases = |value: Option<&String>| match value {
        None => vec![None],
        Some(value) => {
            [value.clone(), swapped(value), value.to_ascii_uppercase(), value.to_ascii_lowercase()]
                .map(Some)
                .to_vec()
        }
    };
    let serials = cases(product.serial.as_ref());
    let with = |lot: Option<String>| {
        serials.iter().map(move |serial| Product {
            lot: lot.clone(),
            serial: serial.clone(),
            ..product.clone()
        })
    };
    cases(product.lot.as_ref()).into_iter().flat_map(with).collect()
}

fn swapped(text: &str) -> String {
    let swap = |character: char| {
        if character.is_ascii_lowercase() {
            character.to_ascii_uppercase()
        } else {
            character.to_ascii_lowercase()
        }
    };
    text.chars().map(swap).collect()
}

/// What was meant if the keys pressed are those of another keyboard: only the letters, as people type, or all, as
/// scanners do. Full-width forms are what East Asian keyboards write.
fn on_other_keys(code: &Code) -> Vec<Code> {
    let whole = code
        .identifier
        .as_ref()
        .map_or_else(|| code.data.clone(), |identifier| format!("{identifier}{}", code.data));
    let mut found = Vec::new();
    let narrow = |character: char| match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0),
        '\u{3000}' => Some(' '),
        _ => None,
    };
    if whole.chars().any(|character| narrow(character).is_some()) {
        found.push(whole.chars().map(|character| narrow(character).unwrap_or(character)).collect());
    }
    // Before it, a person's letters name nothing: an identifier, a scheme and a domain.
    let at = match &code.identifier {
        Some(identifier) => identifier.len(),
        None if is_link(&whole) => whole.find("/01/").unwrap_or(whole.len()),
        None => 0,
    };
    for keys in KEYS.iter() {
        let key = |character: char| keys.get(&character).copied();
        let letter = |character: char| {
            let other =
                key(character).filter(|one| character.is_ascii_alphabetic() && one.is_ascii_alphabetic());
            other.unwrap_or(character)
        };
        found.extend(
            whole.chars().map(|one| if one == GS { Some(one) } else { key(one) }).collect::<Option<String>>(),
        );
        found.push(whole[..at].chars().chain(whole[at..].chars().map(letter)).collect());
    }
    let mut codes: Vec<Code> = Vec::new();
    for text in found {
        let typed = Code::typed(&text);
        let read = code.with(typed.identifier, typed.data);
        let announced = code.identifier.is_none() || read.identifier.is_some();
        if announced && read != *code && !codes.contains(&read) {
            codes.push(read);
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyboards_have_as_many_keys() {
        for keyboard in KEYBOARDS {
            assert_eq!(keyboard.chars().count(), KEYBOARDS[0].chars().count(), "{keyboard}");
        }
    }
}
