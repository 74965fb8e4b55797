//! A QR code of any text, for one phone's screen and another's camera.

use qrcode::{EcLevel, QrCode};

use super::label::{Label, NotDrawn, qr};

impl Label {
    /// The text in the smallest QR code that holds it. A screen has no dirt and no creases, and more error correction
    /// would only make the modules smaller: level L. Capitals and digits take 5.5 bits each, other characters 8.
    pub fn plain(text: &str) -> Result<Label, NotDrawn> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(|_| NotDrawn::TooLong)?;
        Ok(qr(&code, Vec::new()))
    }
}
