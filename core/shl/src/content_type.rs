//! What a file is: the content types of the specification, and any other by its name.

/// Longest name of another content type, in bytes.
const MAX_NAME: usize = 128;

/// What a file is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ContentType {
    /// `application/fhir+json`: any FHIR resource.
    Fhir,
    /// `application/smart-health-card`: signed cards.
    HealthCard,
    /// `application/smart-api-access`: a token for somebody's server.
    ApiAccess,
    /// One that the specification does not have.
    Other(String),
}

impl ContentType {
    /// Reads a media type: without its parameters, and with the `application/` that a JWE may leave out (RFC 7515, section
    /// 4.1.10).
    pub fn parse(text: &str) -> Self {
        let name = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let name = if name.contains('/') { name } else { format!("application/{name}") };
        let known = [Self::Fhir, Self::HealthCard, Self::ApiAccess];
        let known = known.into_iter().find(|known| known.as_str() == name);
        known.unwrap_or_else(|| Self::Other(name[..name.floor_char_boundary(MAX_NAME)].to_owned()))
    }

    /// The media type.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Fhir => "application/fhir+json",
            Self::HealthCard => "application/smart-health-card",
            Self::ApiAccess => "application/smart-api-access",
            Self::Other(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_known_however_it_is_written() {
        for text in ["application/fhir+json", "Application/FHIR+json; fhirVersion=4.0", "fhir+json"] {
            assert_eq!(ContentType::parse(text), ContentType::Fhir, "{text}");
        }
        assert_eq!(ContentType::parse("smart-health-card"), ContentType::HealthCard);
        assert_eq!(ContentType::parse("text/plain").as_str(), "text/plain");
        assert!(ContentType::parse(&"é".repeat(1000)).as_str().len() <= MAX_NAME);
    }
}
