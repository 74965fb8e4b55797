//! `gs1`: parses lines of GS1 data, so that anyone can compare the rules here with another implementation.
//!
//! With `--json` a line is an object with `via` (`scan`, `raw`, `bracketed` or `link`) and `input`; `partners_checked`
//! may be false. The answer repeats the question and adds `accepted`, then `ais`, `bracketed`, `link`, `element_string`
//! (`^` for FNC1), or `plain` for text that is not GS1 data, or `message` for a refusal.

use std::io::{self, BufRead, Read as _, Write};

use anyhow::Result;
use countersign_custody::words::sanitize;
use countersign_scan::Code;
use countersign_scan::gs1::{Content, Gs1Error, Message, Partners};
use serde_json::{Map, Value, json};

use crate::home::year;
use crate::output::shown;

/// The longest line: the longest text of a symbol with every character escaped, and room for the other members.
const MAX_LINE: usize = 64 * 1024;

/// Members that only the answer has.
const ANSWERS: [&str; 10] = [
    "accepted",
    "ais",
    "plain",
    "bracketed",
    "ignored",
    "link",
    "link_message",
    "element_string",
    "message",
    "markup",
];

/// Answers standard input line by line; the exit code is 1 if a line was not a valid question.
pub fn run(as_json: bool) -> Result<u8> {
    answer_all(&mut io::stdin().lock(), &mut io::BufWriter::new(io::stdout().lock()), as_json)
}

fn answer_all(input: &mut impl BufRead, output: &mut impl Write, as_json: bool) -> Result<u8> {
    let mut code = 0;
    let mut number = 0_u64;
    while let Some(line) = next_line(input)? {
        number += 1;
        let answered = match &line {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) if as_json => answer(line).map(|answer| answer.to_string()),
            Ok(line) => Ok(describe(line)),
            Err(reason) => Err(*reason),
        };
        match answered {
            Ok(answer) => writeln!(output, "{}", shown(&answer))?,
            Err(reason) => {
                code = 1;
                if as_json {
                    writeln!(output, "{}", json!({ "line": number, "error": reason }))?;
                } else {
                    writeln!(output, "line {number}: {reason}")?;
                }
            }
        }
        // A caller that asks line by line waits for the answer.
        output.flush()?;
    }
    Ok(code)
}

/// The next line without its end. A line that is too long is skipped, and the next one is read whole.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<Result<String, &'static str>>> {
    let mut line = Vec::new();
    let limit = MAX_LINE as u64 + 1;
    if input.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        line.pop_if(|last| *last == b'\r');
    } else if line.len() > MAX_LINE {
        input.skip_until(b'\n')?;
        return Ok(Some(Err("the line is longer than any symbol's text")));
    }
    Ok(Some(String::from_utf8(line).map_err(|_| "the line is not UTF-8")))
}

/// The answer to a question in JSON.
fn answer(line: &str) -> Result<Value, &'static str> {
    let Ok(Value::Object(mut question)) = serde_json::from_str(line) else {
        return Err("the line is not a JSON object");
    };
    for field in ANSWERS {
        question.remove(field);
    }
    let text = |field: &str| question.get(field).and_then(Value::as_str);
    let input = text("input").ok_or("the object has no text `input`")?;
    let partners = match question.get("partners_checked") {
        Some(Value::Bool(false)) => Partners::OnAnyCarrier,
        _ => Partners::Required,
    };
    let content = match text("via").ok_or("the object has no text `via`")? {
        "scan" => Content::from_line(input, partners),
        "raw" if input.starts_with('^') => Code::typed(input).content(partners),
        "raw" => Ok(Content::Plain(input.to_owned())),
        "bracketed" => Message::from_bracketed(input, partners).map(Content::Gs1),
        "link" => Content::from_plain(input, partners),
        _ => return Err("`via` must be scan, raw, bracketed or link"),
    };
    let fields = fields(content, input);
    question.extend(fields);
    Ok(Value::Object(question))
}

/// The answer for a content and its input.
fn fields(content: Result<Content, Gs1Error>, input: &str) -> Map<String, Value> {
    let value = match content {
        Err(refusal) => json!({ "accepted": false, "message": refusal.to_string() }),
        Ok(Content::Plain(text)) => json!({ "accepted": true, "ais": [], "plain": text }),
        // The number under the bars announces no Application Identifier.
        Ok(Content::Ean(_)) => json!({ "accepted": true, "ais": [], "plain": input.get(3..) }),
        Ok(Content::Gs1(message)) => gs1(&message),
    };
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn gs1(message: &Message) -> Value {
    let ais: Vec<[&str; 2]> = message.elements().iter().map(|one| [one.ai().code, one.value()]).collect();
    let mut fields = json!({
        "accepted": true,
        "ais": ais,
        "bracketed": message.to_bracketed(),
        "element_string": format!("^{}", message.to_element_string().replace('\u{1d}', "^")),
    });
    if message.is_from_link() {
        fields["ignored"] = json!(message.ignored());
    }
    match message.to_link() {
        Ok(link) => fields["link"] = json!(link),
        Err(reason) => {
            fields["link"] = Value::Null;
            fields["link_message"] = json!(reason.to_string());
        }
    }
    fields
}

/// The answer to a text, for a person.
fn describe(text: &str) -> String {
    let code = Code::typed(text);
    let shown = sanitize(text);
    match code.content(Partners::Required) {
        Err(refusal) => format!("{shown}\n  refused: {refusal}{}", mend(&code)),
        Ok(Content::Plain(_)) => format!("{shown}\n  not GS1 data{}", mend(&code)),
        Ok(Content::Ean(gtin)) => format!("{shown}\n  GTIN {}", gtin.as_str()),
        Ok(Content::Gs1(message)) => {
            let mut lines = vec![shown];
            lines.extend(message.elements().iter().map(|one| {
                let shown = format!("({}) {}", one.ai().code, one.value());
                format!("  {shown:<28} {}", one.ai().title)
            }));
            lines.push(match message.to_link() {
                Ok(link) => format!("  {link}"),
                Err(reason) => format!("  no link: {reason}"),
            });
            lines.join("\n")
        }
    }
}

/// What seems to have happened to a code that is refused, and what mends it.
pub fn mend(code: &Code) -> String {
    code.readings(year()).first().map_or_else(String::new, |reading| format!("; {}", reading.slip.mend()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(input: &[u8]) -> (Vec<Value>, u8) {
        let mut output = Vec::new();
        let code = answer_all(&mut &*input, &mut output, true).unwrap();
        let lines = String::from_utf8(output).unwrap();
        (lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), code)
    }

    const QUESTION: &str =
        r#"{"id":"a","via":"bracketed","input":"(01)09506000134352(10)A","accepted":false}"#;

    #[test]
    fn a_line_that_is_not_a_question_gets_an_error_and_the_next_one_an_answer() {
        let long = "9".repeat(MAX_LINE + 7);
        for wrong in [
            b"no JSON".as_slice(),
            b"[1]",
            br#"{"via":"scan"}"#,
            br#"{"via":"fax","input":""}"#,
            b"\xff",
            long.as_bytes(),
        ] {
            let (lines, code) = answered(&[wrong, b"\n\n", QUESTION.as_bytes(), b"\r\n"].concat());
            assert_eq!((lines.len(), code), (2, 1), "{lines:?}");
            assert_eq!(lines[0]["line"], 1);
            assert!(lines[0]["error"].is_string());
            assert_eq!((&lines[1]["id"], &lines[1]["accepted"]), (&json!("a"), &json!(true)), "{lines:?}");
        }
    }

    #[test]
    fn a_line_of_the_greatest_length_is_read_and_members_of_the_answer_are_not_taken_from_it() {
        let padding = "x".repeat(MAX_LINE - QUESTION.len() - r#","more":"""#.len());
        let line = QUESTION.replace('}', &format!(r#","more":"{padding}"}}"#));
        assert_eq!(line.len(), MAX_LINE);
        let (lines, code) = answered(line.as_bytes());
        assert_eq!((lines.len(), code), (1, 0));
        assert_eq!(lines[0]["accepted"], true);
        assert_eq!(answered(format!("{line} ").as_bytes()).1, 1);
    }

    #[test]
    fn people_see_each_element_with_its_title() {
        let shown = describe("]d2010950600013435217281130\u{1d}10A");
        assert!(shown.contains("(17) 281130"), "{shown}");
        assert!(shown.ends_with("https://id.gs1.org/01/09506000134352/10/A?17=281130"), "{shown}");
        assert!(describe("(01)09506000134353").ends_with("refused: (01) has a wrong check digit"));
        assert!(describe("hello").ends_with("not GS1 data"));
    }
}
