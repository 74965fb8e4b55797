//! The TLS endpoint: the operator's certificate, or one for development.
//!
//! The development certificate is issued at each start by a root that is made at the first start and kept, so names may
//! change and nothing expires, while phones pin one root.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_ledger::{Day, UnixMillis};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::config::TlsConfig;
use crate::keys::{KeyFiles, KeysError, read_private};

/// How long a development certificate is valid: the longest that phones accept, 825 days, rounded down.
const DEVELOPMENT_DAYS: u64 = 800;
const DAY_MILLIS: u64 = 24 * 3600 * 1000;

/// Why there is no TLS endpoint.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The development root cannot be kept or read.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The development certificate could not be made; a configured name may be none.
    #[error("the development certificate: {0}")]
    Development(#[from] rcgen::Error),
    /// The operator's certificate or key cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// Certificate and key do not go together.
    #[error("the certificate and the key of the TLS endpoint: {0}")]
    Rustls(#[from] rustls::Error),
}

/// A TLS endpoint and, where phones cannot know it otherwise, the root to pin.
pub(crate) struct Endpoint {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) root: Option<Vec<u8>>,
}

impl Endpoint {
    /// That of a server called `name`, which listens on `listen`; its development root is among the secrets in `files`.
    pub(crate) fn open(
        tls: &TlsConfig,
        name: &str,
        listen: SocketAddr,
        files: &KeyFiles,
        now: UnixMillis,
    ) -> Result<Self, TlsError> {
        let (chain, key, root) = match (&tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => (read_chain(certificate)?, read_key(key)?, None),
            _ => development(tls, name, listen, files, now)?,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(tls), root })
    }
}

type Material = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, Option<Vec<u8>>);

fn development(
    tls: &TlsConfig,
    name: &str,
    listen: SocketAddr,
    files: &KeyFiles,
    now: UnixMillis,
) -> Result<Material, TlsError> {
    let pem = files.keep("tls-root.pem", || {
        let key = KeyPair::generate().map_err(|_| KeysError::Random)?;
        Ok(key.serialize_pem().into_bytes())
    })?;
    let root_key = KeyPair::from_pem(&String::from_utf8_lossy(&pem))?;
    let mut root = CertificateParams::new(Vec::new())?;
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    root.distinguished_name.push(DnType::CommonName, format!("{name} development"));
    let root_der = files.keep("tls-root.crt", || {
        let signed = root.self_signed(&root_key).map_err(|_| KeysError::Random)?;
        Ok(signed.der().to_vec())
    })?;

    let key = KeyPair::generate()?;
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into_iter();
    let listening = Some(listen.ip()).filter(|ip: &IpAddr| !ip.is_unspecified()).map(|ip| ip.to_string());
    let mut names: Vec<_> = names.chain(tls.names.iter().cloned()).chain(listening).collect();
    names.sort();
    names.dedup();
    let mut leaf = CertificateParams::new(names)?;
    leaf.distinguished_name.push(DnType::CommonName, name);
    // RFC 5280 section 4.2.1: with its own key's identifier, which rcgen writes where it is asked about authority.
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let midnight = |at| date_time_ymd(1970, 1, 1) + Duration::from_millis(Day::of(UnixMillis(at)).begins().0);
    leaf.not_before = midnight(now.0.saturating_sub(DAY_MILLIS));
    leaf.not_after = midnight(now.0 + DEVELOPMENT_DAYS * DAY_MILLIS);
    let leaf = leaf.signed_by(&key, &Issuer::new(root, root_key))?;

    let secret = Zeroizing::new(key.serialize_der());
    let key = PrivateKeyDer::Pkcs8(secret.to_vec().into());
    Ok((vec![leaf.der().clone()], key, Some(root_der.to_vec())))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::File { path: path.to_owned(), source };
    CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let failed = |source| TlsError::File { path: path.to_owned(), source };
    let missing = || failed(pem::Error::Io(std::io::ErrorKind::NotFound.into()));
    let pem = read_private(path)?.ok_or_else(missing)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(failed)
}
