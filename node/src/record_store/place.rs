//! Where objects lie: in a folder, or in a bucket that speaks S3. Either keeps what it has acknowledged; neither decides anything.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_ledger::Hash;
use countersign_records::RecordId;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{ClientOptions, MultipartUpload as _, ObjectStoreExt as _, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use super::KeepPoint;
use crate::config::S3Config;
use crate::files;
use crate::keys::{KeysError, read_private};

/// The folder in the data directory.
const FOLDER: &str = "records";
/// Parts of an upload to a bucket: S3 takes none smaller but the last. Two of them are less than an address's share of memory,
/// of which the request that brings the object has some already.
const PART: usize = 5 << 20;

/// How long a bucket is waited for: shorter than whoever asks the node waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where objects lie.
pub(super) enum Place {
    Folder(PathBuf),
    Bucket(Bucket),
}

/// An object that is being read.
pub(crate) enum Opened {
    File(File),
    InBucket(Arc<AmazonS3>, Key),
}

/// A bucket, and the threads that talk to it.
pub(super) struct Bucket {
    store: Arc<AmazonS3>,
    runtime: Runtime,
}

impl Place {
    /// A folder of the data directory, or the configured bucket.
    pub(super) fn open(data: &Path, s3: Option<&S3Config>) -> Result<Self, KeysError> {
        if let Some(s3) = s3 {
            return Bucket::open(s3).map(Self::Bucket);
        }
        let folder = data.join(FOLDER);
        let failed = |source| KeysError::File { path: folder.clone(), source };
        for first in 0..=u8::MAX {
            files::make_directory(&folder.join(format!("{first:02x}"))).map_err(failed)?;
        }
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(Self::Folder(folder))
    }

    /// Keeps an object. When this returns its bytes are durable. `passed` sees each step.
    pub(super) fn put(
        &self,
        record: RecordId,
        digest: Hash,
        mut bytes: File,
        passed: &dyn Fn(KeepPoint),
    ) -> io::Result<()> {
        match self {
            Self::Folder(folder) => {
                let path = file(folder, record, digest);
                let unfinished = path.with_extension("unfinished");
                let mut copy = files::private().truncate(true).open(&unfinished)?;
                io::copy(&mut bytes, &mut copy)?;
                copy.sync_all()?;
                passed(KeepPoint::Copied);
                fs::rename(&unfinished, &path)?;
                sync_folder(&path)
            }
            Self::Bucket(Bucket { store, runtime }) => {
                let key = key(record, digest);
                let next = |bytes: &mut File| {
                    let mut part = Vec::new();
                    bytes.take(PART as u64).read_to_end(&mut part).map(|_| part)
                };
                runtime.block_on(async {
                    let first = next(&mut bytes)?;
                    if first.len() < PART {
                        store.put(&key, first.into()).await?;
                        return Ok(());
                    }
                    let mut upload = store.put_multipart(&key).await?;
                    let sent = async {
                        let mut part = first;
                        while !part.is_empty() {
                            upload.put_part(part.into()).await?;
                            part = next(&mut bytes)?;
                        }
                        upload.complete().await?;
                        Ok(())
                    };
                    let sent: io::Result<()> = sent.await;
                    if sent.is_err() {
                        // What was sent would cost without being there; a rule of the bucket removes what this does not.
                        let _ = upload.abort().await;
                    }
                    sent
                })
            }
        }
    }

    /// Memory that [`Place::put`] needs for an object of so many bytes.
    pub(super) fn memory(&self, bytes: u64) -> usize {
        match self {
            Self::Folder(_) => 0,
            // A part, and what of it is on its way.
            Self::Bucket(_) => 2 * usize::try_from(bytes).map_or(PART, |bytes| bytes.min(PART)),
        }
    }

    /// Opens an object that is held.
    pub(super) fn get(&self, record: RecordId, digest: Hash) -> io::Result<Opened> {
        match self {
            Self::Folder(folder) => File::open(file(folder, record, digest)).map(Opened::File),
            Self::Bucket(bucket) => Ok(Opened::InBucket(Arc::clone(&bucket.store), key(record, digest))),
        }
    }

    /// Bytes of an object from `from` on, `most` of them or, at its end, fewer.
    pub(super) fn read(&self, object: &mut Opened, from: u64, most: usize) -> io::Result<Vec<u8>> {
        match (object, self) {
            (Opened::File(file), _) => {
                file.seek(SeekFrom::Start(from))?;
                let mut bytes = Vec::new();
                file.take(most as u64).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
            (Opened::InBucket(store, key), Self::Bucket(bucket)) => {
                let range = from..from + most as u64;
                Ok(bucket.runtime.block_on(store.get_range(key, range))?.to_vec())
            }
            (Opened::InBucket(..), Self::Folder(_)) => Err(io::Error::other("no bucket is configured")),
        }
    }

    /// Removes an object, if it is there.
    pub(super) fn remove(&self, record: RecordId, digest: Hash) -> io::Result<()> {
        match self {
            Self::Folder(folder) => {
                let path = file(folder, record, digest);
                for path in [path.with_extension("unfinished"), path.clone()] {
                    match fs::remove_file(path) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                        _ => {}
                    }
                }
                sync_folder(&path)
            }
            Self::Bucket(Bucket { store, runtime }) => {
                match runtime.block_on(store.delete(&key(record, digest))) {
                    Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }
}

impl Bucket {
    fn open(s3: &S3Config) -> Result<Self, KeysError> {
        let path = &s3.credentials;
        let malformed = || KeysError::Malformed(path.clone());
        let secret = read_private(path)?.ok_or_else(|| KeysError::Missing(path.clone()))?;
        let mut lines = std::str::from_utf8(&secret).map_err(|_| malformed())?.lines().map(str::trim);
        let (Some(id), Some(key), None) = (lines.next(), lines.next(), lines.next()) else {
            return Err(malformed());
        };
        let store = AmazonS3Builder::new()
            .with_bucket_name(&s3.bucket)
            .with_region(&s3.region)
            .with_endpoint(&s3.endpoint)
            .with_client_options(
                ClientOptions::new()
                    .with_allow_http(s3.endpoint.starts_with("http://"))
                    .with_connect_timeout(PATIENCE)
                    .with_timeout(PATIENCE),
            )
            .with_retry(RetryConfig { max_retries: 2, retry_timeout: PATIENCE, ..RetryConfig::default() })
            .with_access_key_id(id)
            .with_secret_access_key(key)
            .build();
        let failed = |source| KeysError::File { path: path.clone(), source };
        let store = store.map_err(|error| failed(io::Error::other(error)))?;
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("bucket").enable_all().build();
        Ok(Self { store: Arc::new(store), runtime: runtime.map_err(failed)? })
    }
}

/// In one of 256 folders, which are there from the start: none comes or goes with a record.
fn file(folder: &Path, record: RecordId, digest: Hash) -> PathBuf {
    folder.join(format!("{:02x}", digest.0[0])).join(format!("{record}-{digest}"))
}

fn key(record: RecordId, digest: Hash) -> Key {
    Key::from(format!("{record}/{digest}"))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
