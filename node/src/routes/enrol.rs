//! Enrolment: `POST /enrol`.
//!
//! ```cddl
//! enrolment = [code: tstr, request: bstr]   ; the registrar's one-time code; PKCS #10 in DER
//! ```

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use countersign_ledger::CertificateError;
use minicbor::Decoder;

use countersign_ledger::Problem;

use super::bodies::{Whole, blocking};
use super::problem::ProblemDetails;
use super::{CERTIFICATE, Shared};
use crate::registrar::{CodeError, EnrolmentCode, RegistrarError};
use crate::service::AuthorityError;

/// Room for a code and a certification request.
const MAX_ENROLMENT: usize = 4096;
/// When to ask again for a certificate that somebody else has to issue.
const ROOT_ELSEWHERE: Duration = Duration::from_secs(10);

/// `POST /enrol`
pub(super) async fn enrol(
    State(service): Shared,
    Whole { body, .. }: Whole<MAX_ENROLMENT>,
) -> Result<Response<Body>, ProblemDetails> {
    let (code, request) =
        read(&body).ok_or_else(|| ProblemDetails::malformed("an enrolment is [code, request]"))?;
    let code = EnrolmentCode::parse(code).ok_or(AuthorityError::Code(CodeError::Unknown))?;
    let request = request.to_vec();
    let certificate = blocking(move || Ok(service.enrol(&code, &request)?)).await?;
    let der = certificate.as_der().to_vec();
    Ok((StatusCode::CREATED, [(CONTENT_TYPE, CERTIFICATE)], der).into_response())
}

fn read(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let mut d = Decoder::new(bytes);
    let shape = d.array().ok()? == Some(2);
    let (code, request) = (d.str().ok()?, d.bytes().ok()?);
    (shape && d.position() == bytes.len()).then_some((code, request))
}

impl From<AuthorityError> for ProblemDetails {
    fn from(error: AuthorityError) -> Self {
        let said = error.to_string();
        match error {
            AuthorityError::Code(CodeError::Unknown) => Self::new(Problem::CodeUnknown, said),
            AuthorityError::Code(CodeError::Used) => Self::new(Problem::CodeUsed, said),
            AuthorityError::Code(CodeError::Expired) => Self::new(Problem::CodeExpired, said),
            AuthorityError::Registrar(RegistrarError::Certificate(CertificateError::Possession)) => {
                Self::new(Problem::Possession, said)
            }
            AuthorityError::Registrar(RegistrarError::Certificate(_)) => Self::new(Problem::Request, said),
            AuthorityError::Busy(delay) => {
                Self::busy(if delay.is_zero() { Duration::from_secs(1) } else { delay })
            }
            AuthorityError::RootElsewhere => Self::new(Problem::Busy, said).retry_after(ROOT_ELSEWHERE),
            AuthorityError::Halted(halt) => Self::halted(halt),
            AuthorityError::Refused(reason) => reason.into(),
            AuthorityError::Registrar(RegistrarError::Store(error)) => error.into(),
            error @ (AuthorityError::Registrar(_) | AuthorityError::UnknownCertificate) => {
                tracing::error!(%error, "an enrolment failed");
                Self::internal()
            }
        }
    }
}
