//! A QR code of any text.

use qrcode::{EcLevel, QrCode};

use super::label::{Label, NotDrawn, qr};

impl Label {
    /// The text in the smallest QR code that holds it, for one phone's screen and another's camera. A screen has no dirt and no
    /// creases, and more error correction would only make the modules smaller: level L. Capitals and digits take 5.5 bits each,
    /// other characters 8.
    pub fn plain(text: &str) -> Result<Label, NotDrawn> {
        drawn(text, EcLevel::L)
    }

    /// The same for paper: level M, as SMART Health Links ask for.
    pub fn on_paper(text: &str) -> Result<Label, NotDrawn> {
        drawn(text, EcLevel::M)
    }
}

fn drawn(text: &str, level: EcLevel) -> Result<Label, NotDrawn> {
    let code = QrCode::with_error_correction_level(text, level).map_err(|_| NotDrawn::TooLong)?;
    Ok(qr(&code, Vec::new()))
}
