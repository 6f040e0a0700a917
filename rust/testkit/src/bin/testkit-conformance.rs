//! Writes the files of the conformance table: `testkit-conformance [FOLDER]`.

use std::error::Error;
use std::path::PathBuf;

use tandem_testkit::conformance::{Table, folder, models};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = match std::env::args_os().nth(1) {
        Some(option) if option.as_encoded_bytes().starts_with(b"-") => {
            return Err("usage: testkit-conformance [FOLDER]".into());
        }
        argument => argument.map_or_else(folder, PathBuf::from),
    };
    for (path, bytes) in models()? {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, bytes)?;
    }
    std::fs::write(folder.join("cases.json"), Table::from_code()?.to_json()?)?;
    Ok(())
}
