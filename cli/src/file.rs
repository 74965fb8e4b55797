//! Files and folders: those that others wrote, within bounds, and a wallet's own.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// Reads a file of at most `most` bytes, whoever wrote it. A pipe, which may never open, and a device, which may never end, are
/// no files.
pub fn read(path: &Path, most: usize) -> Result<Vec<u8>> {
    let named = || path.display().to_string();
    let about = fs::metadata(path).with_context(named)?;
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

/// The same for text.
pub fn text(path: &Path, most: usize) -> Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|_| anyhow::anyhow!("{} is not text in UTF-8", path.display()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_or_too_long_is_named_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"12345").unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"12345");
        assert!(read(&file, 4).unwrap_err().to_string().ends_with("file has more than 4 bytes"));
        assert!(read(folder.path(), 5).unwrap_err().to_string().ends_with("is not a file"));
        assert!(format!("{:#}", read(&folder.path().join("none"), 5).unwrap_err()).contains("none: "));
        fs::write(&file, b"\xff").unwrap();
        assert!(text(&file, 5).unwrap_err().to_string().ends_with("is not text in UTF-8"));
    }
}
