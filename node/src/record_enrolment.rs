//! The store is a member as others are: its key is certified by the domain's registrar, and revoked like any other.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use countersign_ledger::{Certificate, certificate};
use countersign_records::rules::STORE;

use crate::keys::write_whole;
use crate::record_store::{CERTIFICATE, RecordStore};
use crate::registrar::RegistrarError;
use crate::service::{AuthorityError, Service};

/// How long before its end a certificate is renewed.
const BEFORE_MILLIS: u64 = 30 * 24 * 3600 * 1000;
/// For how long the code is good with which a certificate is asked for.
const CODE: Duration = Duration::from_hours(7 * 24);

impl Service {
    /// Asks for the record store's certificate, if there is a store, and warns if there is none yet.
    pub(crate) fn begin_records(&self) {
        if let Some(store) = &self.records
            && let Err(error) = self.store_certificate(store)
        {
            tracing::warn!(%error, "the record store has no certificate yet, and delivers nothing until it has");
        }
    }

    /// The record store's certificate. One is asked for where there is none, or it ends soon.
    pub(crate) fn store_certificate(&self, store: &RecordStore) -> Result<Arc<Certificate>, AuthorityError> {
        let now = (self.clock)();
        let mut kept = store.certificate.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(certificate) = &*kept
            && certificate.not_after().0 > now.0 + BEFORE_MILLIS
        {
            return Ok(Arc::clone(certificate));
        }
        match self.enrol_store(store) {
            Ok(certificate) => Ok(Arc::clone(kept.insert(Arc::new(certificate)))),
            // Until its end the old one does.
            Err(error) => kept.clone().filter(|certificate| certificate.not_after() > now).ok_or(error),
        }
    }

    fn enrol_store(&self, store: &RecordStore) -> Result<Certificate, AuthorityError> {
        let mut kept = store.code.lock().unwrap_or_else(PoisonError::into_inner);
        let code = match &*kept {
            Some(code) => code.clone(),
            None => kept.insert(self.registrar.new_code(STORE, store.identity().name(), CODE)?).clone(),
        };
        let request = certificate::request(store.key()).map_err(RegistrarError::from)?;
        let issued = self.enrol(&code, &request);
        // A code that is used up or has ended is of no further use.
        if !matches!(
            issued,
            Err(AuthorityError::RootElsewhere | AuthorityError::Busy(_) | AuthorityError::Halted(_))
        ) {
            *kept = None;
        }
        let certificate = issued?;
        let path: PathBuf = self.config.data.join("keys").join(CERTIFICATE);
        if let Err(error) = write_whole(&path, certificate.as_der()) {
            // It is asked for again at the next start.
            tracing::warn!(%error, "the record store's certificate could not be kept");
        }
        tracing::info!(store = %store.identity().as_str(), "the record store is enrolled");
        Ok(certificate)
    }
}
