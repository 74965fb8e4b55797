//! Foreign decoders read what we draw.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use countersign_scan::Picture;
use countersign_scan::draw::{Carrier, Label, Scale};
use countersign_scan::gs1::{Message, Partners};
use proptest::prelude::*;

fn messages() -> impl Strategy<Value = Message> {
    (r"[A-Za-z0-9./-]{1,20}", r"[A-Za-z0-9./-]{1,20}").prop_map(|(lot, serial)| {
        let pairs = [("01", "09506000134352"), ("17", "281130"), ("10", &lot), ("21", &serial)];
        Message::from_pairs(&pairs, Partners::Required).unwrap()
    })
}

fn picture(message: &Message, carrier: Carrier) -> Picture {
    Label::new(message, carrier).unwrap().picture(Scale::new(4).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn rqrr_reads_every_link_that_we_draw(message in messages()) {
        let picture = picture(&message, Carrier::LinkQr);
        let at = |x, y| picture.pixels()[y * picture.width() + x];
        let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(picture.width(), picture.height(), at);
        let grids = prepared.detect_grids();
        prop_assert_eq!(grids.len(), 1);
        prop_assert_eq!(grids[0].decode().unwrap().1, message.to_link().unwrap());
    }

    /// rqrr cannot: it does not know the leading FNC1 and has no `DataMatrix`.
    #[test]
    fn rxing_reads_every_gs1_symbol_that_we_draw(message in messages()) {
        for carrier in [Carrier::DataMatrix, Carrier::Qr] {
            let picture = picture(&message, carrier);
            let (width, height) = (u32::try_from(picture.width()).unwrap(), u32::try_from(picture.height()).unwrap());
            let found = rxing::helpers::detect_in_luma_slice(picture.pixels(), width, height, None).unwrap();
            prop_assert_eq!(found.getText(), message.to_element_string());
        }
    }
}
