//! Files and folders: those that others wrote, within bounds, and a wallet's own.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Error, Result, anyhow, bail};

/// Reads a file of at most `most` bytes, whoever wrote it; `wanted` says what it should be. A pipe, which may never open, and a
/// device, which may never end, are no files.
pub fn read(path: &Path, wanted: &str, most: usize) -> Result<Vec<u8>> {
    let named = || path.display().to_string();
    let about = fs::metadata(path).map_err(|error| absent(path, wanted, error))?;
    if !about.is_file() {
        bail!("{} is not a file", path.display());
    }
    let mut bytes = Vec::new();
    if about.len() <= most as u64 {
        File::open(path)
            .with_context(named)?
            .take(most as u64 + 1)
            .read_to_end(&mut bytes)
            .with_context(named)?;
    }
    if about.len() > most as u64 || bytes.len() > most {
        bail!("{} has more than {most} bytes", path.display());
    }
    Ok(bytes)
}

/// The same for text, without the mark that some editors put before it.
pub fn text(path: &Path, wanted: &str, most: usize) -> Result<String> {
    let text = String::from_utf8(read(path, wanted, most)?)
        .map_err(|_| anyhow!("{} is not text in UTF-8", path.display()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Writes a file in a folder that is there.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, bytes).map_err(|error| match path.parent() {
        Some(folder) if error.kind() == io::ErrorKind::NotFound => {
            anyhow!("{} cannot be written: make the folder {} first", path.display(), folder.display())
        }
        _ => Error::new(error).context(path.display().to_string()),
    })
}

/// Writes a file that is private and is there whole or not at all: `fill` writes it under another name.
pub fn write_whole(path: &Path, fill: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let named = || path.display().to_string();
    let unfinished = path.with_extension("unfinished");
    write_private(&unfinished, &[])?;
    let mut file = OpenOptions::new().write(true).open(&unfinished).with_context(named)?;
    let filled = fill(&mut file).and_then(|()| Ok(file.sync_all()?));
    if let Err(error) = filled.and_then(|()| Ok(fs::rename(&unfinished, path)?)) {
        // What is in it is not what it was to be.
        let _ = fs::remove_file(&unfinished);
        return Err(error.context(named()));
    }
    Ok(())
}

fn absent(path: &Path, wanted: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => anyhow!("there is no file {}: wanted is {wanted}", path.display()),
        _ => Error::new(error).context(path.display().to_string()),
    }
}

/// Writes a file that is not there yet, for its owner alone whatever the umask.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || options.open(path)?.write_all(bytes);
    write().with_context(|| path.display().to_string())
}

/// Makes a folder, if there is none, that only its owner can look into, whatever the umask.
pub fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that only its owner can read, whatever the umask.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(bytes));
    written.with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_or_too_long_is_named_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"12345").unwrap();
        let bytes = |path: &Path, most| read(path, "a list", most);
        assert_eq!(bytes(&file, 5).unwrap(), b"12345");
        assert!(bytes(&file, 4).unwrap_err().to_string().ends_with("file has more than 4 bytes"));
        assert!(bytes(folder.path(), 5).unwrap_err().to_string().ends_with("is not a file"));
        let none = format!("{:#}", bytes(&folder.path().join("none"), 5).unwrap_err());
        assert!(none.starts_with("there is no file ") && none.ends_with("none: wanted is a list"), "{none}");
        fs::write(&file, "\u{feff}12").unwrap();
        assert_eq!(text(&file, "a list", 5).unwrap(), "12");
        fs::write(&file, b"\xff").unwrap();
        assert!(text(&file, "a list", 5).unwrap_err().to_string().ends_with("is not text in UTF-8"));
        let lost = write(&folder.path().join("none/file"), "1").unwrap_err().to_string();
        assert!(lost.contains("make the folder ") && lost.ends_with("none first"), "{lost}");
    }
}
