//! `label`: draws the symbol of a code, to print or to show.

use anyhow::{Context as _, Result, anyhow, bail};
use countersign_scan::Code;
use countersign_scan::draw::{Carrier, Label as Drawing, ModuleWidth, Scale};
use countersign_scan::gs1::{Content, Partners};

use super::gs1::mend;
use crate::args::{Label, Symbology};
use crate::file;
use crate::output::say;

/// Draws into the file, in the format of its extension.
pub fn run(args: &Label) -> Result<()> {
    let code = Code::typed(&args.code);
    let content = code.content(Partners::Required).map_err(|refusal| anyhow!("{refusal}{}", mend(&code)))?;
    let Content::Gs1(message) = content else {
        bail!("the text is not GS1 data: give it in brackets, such as (01)09506000134352(10)ABC");
    };
    let mut label = match (args.symbology, code.stem(&message)) {
        (Symbology::Datamatrix, _) => Drawing::new(&message, Carrier::DataMatrix)?,
        (Symbology::Qr, _) => Drawing::new(&message, Carrier::Qr)?,
        (Symbology::Link, None) => Drawing::new(&message, Carrier::LinkQr)?,
        (Symbology::Link, Some(stem)) => Drawing::link(&message, &stem)?,
    };
    if let Some(micrometres) = args.print_module {
        let width = ModuleWidth::new(micrometres).context("a module is 254 to 990 micrometres wide")?;
        label = label.with_modules(width);
    }
    let scale = Scale::new(args.module).context("a module is 2 to 16 pixels wide")?;
    let extension = args.output.extension().and_then(|extension| extension.to_str());
    let picture = match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("png") => label.picture(scale).png(),
        Some("svg") => label.svg(scale).into_bytes(),
        _ => bail!("{} is neither a .png nor a .svg file", args.output.display()),
    };
    file::write(&args.output, &picture)?;
    say!("{}: {} bytes", args.output.display(), picture.len());
    Ok(())
}
