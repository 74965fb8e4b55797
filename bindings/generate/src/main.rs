//! UniFFI's generator, at the version that the library was built with: anything else would not fit.

fn main() {
    uniffi::uniffi_bindgen_main();
}
