//! Generates the Kotlin and Swift bindings of the facade.

fn main() {
    uniffi::uniffi_bindgen_main();
}
