//! `scan`: reads the codes in pictures, without the ledger.

use anyhow::Result;
use serde_json::json;

use super::live;
use crate::args::Scan;
use crate::camera::Frames;
use crate::output::{say, told};
use crate::pack;
use crate::print::symbol::{sentence, symbol_json};

/// Prints the symbols of each picture, or those that a camera sees; the exit code is 1 if a picture could not be read or
/// has none, or the camera saw none.
pub fn run(args: &Scan, as_json: bool) -> Result<u8> {
    match (args.camera, &args.frames) {
        (Some(number), _) => live::run(Frames::device(number)?, as_json),
        (None, Some(folder)) => live::run(Frames::folder(folder)?, as_json),
        (None, None) => Ok(pictures(args, as_json)),
    }
}

fn pictures(args: &Scan, as_json: bool) -> u8 {
    let mut code = 0;
    for path in &args.pictures {
        let file = path.display().to_string();
        let read = pack::symbols(path);
        if read.as_ref().map_or(true, Vec::is_empty) {
            code = 1;
        }
        if as_json {
            let line = match &read {
                Ok(symbols) => {
                    json!({ "file": file, "symbols": symbols.iter().map(symbol_json).collect::<Vec<_>>() })
                }
                Err(error) => json!({ "file": file, "symbols": [], "error": told(error) }),
            };
            say!("{line}");
            continue;
        }
        match read {
            Ok(symbols) if symbols.is_empty() => say!("{file}\n  no code found"),
            Ok(symbols) => {
                say!("{file}");
                for symbol in &symbols {
                    say!("  {}", sentence(symbol));
                }
            }
            Err(error) => say!("{file}\n  {}", told(&error)),
        }
    }
    code
}
