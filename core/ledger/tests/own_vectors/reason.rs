//! The names of reasons in the files. They stay, whatever the variants are called.

use countersign_ledger::cbor::CborError;
use countersign_ledger::cose::CoseError;
use countersign_ledger::receipt::ReceiptError;
use countersign_ledger::{
    AdvanceError, CertificateError, CheckpointError, CheckpointTextError, FieldsError, FormatError,
    HistoryError, IndexError, KeyError, NameError, NoteError, ProofError, Refusal, SignerError,
};

pub const fn cbor(error: CborError) -> &'static str {
    match error {
        CborError::Truncated => "cbor-truncated",
        CborError::Trailing => "cbor-trailing",
        CborError::NotShortest => "cbor-not-shortest",
        CborError::Indefinite => "cbor-indefinite",
        CborError::KeyOrder => "cbor-key-order",
        CborError::Type => "cbor-type",
        CborError::Depth => "cbor-depth",
        CborError::Utf8 => "cbor-utf8",
    }
}

pub const fn cose(error: CoseError) -> &'static str {
    match error {
        CoseError::Malformed => "cose-malformed",
        CoseError::Untagged => "cose-untagged",
        CoseError::Trailing => "cose-trailing",
        CoseError::DuplicateLabel => "cose-duplicate-label",
        CoseError::TooManyHeaders => "cose-too-many-headers",
    }
}

pub const fn key(error: KeyError) -> &'static str {
    match error {
        KeyError::PublicKey => "public-key",
        KeyError::Encoding => "signature-encoding",
        KeyError::HighS => "high-s",
        KeyError::Signature => "signature",
        KeyError::SecretKey => "secret-key",
    }
}

pub const fn fields(error: FieldsError) -> &'static str {
    match error {
        FieldsError::Shape => "fields-shape",
        FieldsError::Count => "fields-count",
        FieldsError::Name => "fields-name",
        FieldsError::Length => "fields-length",
    }
}

pub const fn format(error: FormatError) -> &'static str {
    match error {
        FormatError::TooLarge => "too-large",
        FormatError::Cose(error) => cose(error),
        FormatError::Cbor(error) => cbor(error),
        FormatError::Headers => "headers",
        FormatError::Kind => "kind",
        FormatError::Unprotected => "unprotected",
        FormatError::Payload => "payload",
        FormatError::Nesting => "nesting",
        FormatError::Fields(error) => fields(error),
        FormatError::Signature(error) => key(error),
    }
}

pub const fn certificate(error: CertificateError) -> &'static str {
    match error {
        CertificateError::Malformed => "certificate-malformed",
        CertificateError::Key => "certificate-key",
        CertificateError::Identity => "certificate-identity",
        CertificateError::UnknownDomain => "certificate-unknown-domain",
        CertificateError::Path => "certificate-path",
        CertificateError::Possession => "certificate-possession",
        CertificateError::Issue => "certificate-issue",
        CertificateError::Signer(SignerError::Cancelled | SignerError::Failed) => "certificate-signer",
    }
}

pub const fn refusal(error: Refusal) -> &'static str {
    match error {
        Refusal::Format(error) => format(error),
        Refusal::FromTheFuture => "future",
        Refusal::Stale => "stale",
        Refusal::UnknownSigner => "unknown-signer",
        Refusal::WrongIssuer => "wrong-issuer",
        Refusal::NotYetValid => "not-yet-valid",
        Refusal::Expired => "expired",
        Refusal::Signature => "signature",
        Refusal::Revoked => "revoked",
        Refusal::Role => "role",
        Refusal::RoleNotGiven => "role-not-given",
        Refusal::Domain => "domain",
        Refusal::Fields => "fields",
        Refusal::Certificate(error) => certificate(error),
    }
}

pub const fn name(error: NameError) -> &'static str {
    match error {
        NameError::Length => "length",
        NameError::Character => "character",
        NameError::Scheme => "scheme",
    }
}

pub const fn index(error: IndexError) -> &'static str {
    match error {
        IndexError::Cbor(error) => cbor(error),
        IndexError::Format => "format",
        IndexError::Path => "path",
        IndexError::NotAbsent => "not-absent",
        IndexError::Order => "order",
        IndexError::RootMismatch => "other-root",
    }
}

pub const fn proof(error: ProofError) -> &'static str {
    match error {
        ProofError::IndexOutOfRange => "index-out-of-range",
        ProofError::Shrinks => "shrinks",
        ProofError::TooLong => "path-too-long",
        ProofError::WrongLength => "path-length",
        ProofError::OldRootMismatch => "older-root",
        ProofError::RootMismatch => "other-root",
    }
}

pub fn history(error: HistoryError) -> String {
    match error {
        HistoryError::Malformed => "malformed".into(),
        HistoryError::Index(error) => format!("index-{}", index(error)),
        HistoryError::Certificate(error) => certificate(error).into(),
        HistoryError::Format(error) => format(error).into(),
        HistoryError::OtherLog => "other-log".into(),
        HistoryError::OtherSubject => "other-subject".into(),
        HistoryError::Order => "order".into(),
        HistoryError::Chain => "chain".into(),
        HistoryError::NotIncluded(error) => format!("not-included-{}", proof(error)),
        HistoryError::Refused(error) => refusal(error).into(),
        HistoryError::Incomplete => "incomplete".into(),
    }
}

pub const fn text(error: CheckpointTextError) -> &'static str {
    match error {
        CheckpointTextError::Lines => "lines",
        CheckpointTextError::Origin => "origin",
        CheckpointTextError::Size => "size",
        CheckpointTextError::RootEncoding => "root-encoding",
        CheckpointTextError::RootLength => "root-length",
        CheckpointTextError::EmptyTree => "empty-tree",
        CheckpointTextError::EmptyLine => "empty-line",
        CheckpointTextError::Extension => "extension",
    }
}

const fn note(error: NoteError) -> &'static str {
    match error {
        NoteError::TooLong => "note-too-long",
        NoteError::TooManySignatures => "note-too-many-signatures",
        NoteError::ControlCharacter => "note-control-character",
        NoteError::TextNotEnded => "note-text-not-ended",
        NoteError::Unsigned => "note-unsigned",
        NoteError::BadSignatureLine => "note-signature-line",
    }
}

pub const fn checkpoint(error: &CheckpointError) -> &'static str {
    match error {
        CheckpointError::Note(error) => note(*error),
        CheckpointError::UnknownLog => "unknown-log",
        CheckpointError::BadSignature(_) => "bad-signature",
        CheckpointError::LogSignatureMissing(_) => "log-signature-missing",
        CheckpointError::Text(error) => text(*error),
        CheckpointError::TooFewCosignatures(_) => "too-few-cosignatures",
    }
}

pub fn advance(error: &AdvanceError) -> String {
    match error {
        AdvanceError::OtherLog => "other-log".into(),
        AdvanceError::Rollback => "rollback".into(),
        AdvanceError::Fork(_) => "fork".into(),
        AdvanceError::NotAnExtension { reason, .. } => format!("not-an-extension-{}", proof(*reason)),
    }
}

pub const fn receipt(error: ReceiptError) -> &'static str {
    match error {
        ReceiptError::Cose(error) => cose(error),
        ReceiptError::UnsupportedVds => "vds",
        ReceiptError::Algorithm => "algorithm",
        ReceiptError::Critical => "critical",
        ReceiptError::Proof => "proof",
        ReceiptError::NotDetached => "not-detached",
        ReceiptError::Path(error) => proof(error),
        ReceiptError::Signature => "signature",
        ReceiptError::OtherCheckpoint => "other-checkpoint",
    }
}
