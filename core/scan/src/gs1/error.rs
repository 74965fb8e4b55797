//! Why GS1 data is refused. No message repeats the data itself: it may be a patient's.

use thiserror::Error;

/// Why a text is not valid GS1 data. Application Identifiers are named, values are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Gs1Error {
    /// The text has no symbology identifier (`]` and two characters, ISO/IEC 15424) in front.
    #[error("no symbology identifier")]
    NoSymbology,
    /// A symbology that carries no GS1 data and that this crate does not read.
    #[error("the symbology is not read here")]
    UnknownSymbology,
    /// One of several symbols that make up a text (structured append): what it says is cut anywhere.
    #[error("the symbol is part {number} of {}: show all of them at once", if *.of == 0 { "several".to_owned() } else { .of.to_string() })]
    Part {
        /// Its number, from 1.
        number: u8,
        /// How many there are; 0 if the symbol does not say.
        of: u8,
    },
    /// More text than any symbol holds.
    #[error("the text is too long for a symbol")]
    TooMuchText,
    /// Nothing follows the symbology identifier or the FNC1.
    #[error("no data")]
    Empty,
    /// The number under an EAN or UPC symbol has the wrong length, a wrong check digit or other characters.
    #[error("not an EAN or UPC number")]
    Ean,
    /// A number that is not a GTIN of 8, 12, 13 or 14 digits with its check digit.
    #[error("not a GTIN")]
    NotAGtin,
    /// A `^`, which represents FNC1 in print and is not a character of GS1 data.
    #[error("a ^ where FNC1 should be")]
    Caret,
    /// No Application Identifier begins here.
    #[error("unknown Application Identifier")]
    UnknownAi,
    /// More than 64 element strings.
    #[error("too many element strings")]
    TooMany,
    /// Brackets that do not pair up, or text outside them.
    #[error("the brackets do not enclose Application Identifiers")]
    Brackets,
    /// The Application Identifier has no value.
    #[error("({0}) has no value")]
    NoValue(&'static str),
    /// The value is longer than the Application Identifier allows; often a lost separator.
    #[error("({0}) is too long")]
    TooLong(&'static str),
    /// The value is shorter than the Application Identifier needs, or ends inside a part.
    #[error("({0}) has the wrong length")]
    WrongLength(&'static str),
    /// The value breaks a rule of its Application Identifier.
    #[error("({ai}) {fault}")]
    Value {
        /// The Application Identifier.
        ai: &'static str,
        /// The first rule that it breaks.
        fault: Fault,
    },
    /// Two Application Identifiers that exclude each other.
    #[error("({0}) may not appear beside ({1})")]
    Excluded(&'static str, &'static str),
    /// An Application Identifier without the ones it needs.
    #[error("({0}) lacks an Application Identifier that it needs")]
    MissingPartner(&'static str),
    /// An Application Identifier with two different values.
    #[error("({0}) has two different values")]
    Contradiction(&'static str),
    /// A digital signature (8030) beside a key without a serial.
    #[error("({0}) is signed and has no serial")]
    NoSerial(&'static str),
    /// The text is not a Digital Link URI.
    #[error("not a Digital Link: {0}")]
    Link(LinkFault),
}

/// The rule that a value breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A character other than a digit.
    #[error("has a character that is not a digit")]
    NotADigit,
    /// A character outside set 82.
    #[error("has a character outside set 82")]
    NotInSet82,
    /// A character outside set 39.
    #[error("has a character outside set 39")]
    NotInSet39,
    /// A character outside base64url.
    #[error("has a character outside base64url")]
    NotBase64Url,
    /// Padding where none belongs.
    #[error("has wrong base64 padding")]
    Padding,
    /// Too short for the rule.
    #[error("is too short")]
    TooShort,
    /// Too long for the rule.
    #[error("is too long")]
    TooLong,
    /// The modulo 10 check digit does not fit.
    #[error("has a wrong check digit")]
    CheckDigit,
    /// The check character pair does not fit.
    #[error("has a wrong check character pair")]
    CheckPair,
    /// No GS1 company prefix where one must begin.
    #[error("does not begin with a company prefix")]
    CompanyPrefix,
    /// A month that does not exist.
    #[error("has an impossible month")]
    Month,
    /// A day that does not exist in the month.
    #[error("has an impossible day")]
    Day,
    /// An hour over 23.
    #[error("has an impossible hour")]
    Hour,
    /// A minute over 59.
    #[error("has an impossible minute")]
    Minute,
    /// A second over 59.
    #[error("has an impossible second")]
    Second,
    /// A code that is not on its list.
    #[error("has a code that is not on its list")]
    Code,
    /// A `%` without two hexadecimal digits.
    #[error("has a broken percent sequence")]
    Percent,
    /// An impossible bank account number.
    #[error("is not a bank account number")]
    Iban,
    /// A position beyond 90 degrees of latitude or 180 of longitude.
    #[error("is no place on earth")]
    Place,
    /// A number out of order, such as piece 3 of 2, or zero, or with leading zeros.
    #[error("has a number out of range")]
    Range,
    /// A malformed coupon.
    #[error("is not a coupon")]
    Coupon,
}

/// Why a text is not a Digital Link URI that this crate reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinkFault {
    /// A character that no URI has.
    #[error("a character that no URI has")]
    Character,
    /// A scheme other than `http` or `https`.
    #[error("neither http nor https")]
    Scheme,
    /// A domain that is missing or has characters that no domain has.
    #[error("no proper domain")]
    Domain,
    /// No Digital Link key in the path.
    #[error("no key in the path")]
    NoKey,
    /// The qualifiers in the path are not in an order that the key allows.
    #[error("the path is not a key and its qualifiers in order")]
    Path,
    /// An encoded NUL.
    #[error("an encoded NUL")]
    Nul,
    /// A number in the query that is no Application Identifier.
    #[error("a number in the query that is no Application Identifier")]
    UnknownAi,
    /// The same Application Identifier twice.
    #[error("({0}) twice")]
    Twice(&'static str),
    /// An Application Identifier that may not stand in the query.
    #[error("({0}) may not stand in the query")]
    NotAnAttribute(&'static str),
    /// An Application Identifier that belongs in the path.
    #[error("({0}) belongs in the path")]
    BelongsInPath(&'static str),
    /// A compressed link whose bits are no element strings.
    #[error("the compressed part is broken")]
    Compressed,
}

/// Why valid GS1 data has no Digital Link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoLink {
    /// No Application Identifier that a link can begin with.
    #[error("no Digital Link key")]
    NoKey,
    /// An Application Identifier that may stand neither in this path nor in a query.
    #[error("({0}) cannot be written in a Digital Link")]
    NotAnAttribute(&'static str),
}
