//! Policies: who may open, as text.
//!
//! ```text
//! policy    = term / term 1*("and" term) / term 1*("or" term)
//! term      = attribute / "(" policy ")" / number "of" "(" policy *("," policy) ")"
//! attribute = label ":" value
//! ```
//!
//! `and` beside `or` needs parentheses, so that no two readers see two policies. There is no `not`: whoever opens has something,
//! nobody opens for lack of it. The canonical text has one space where spaces are, no parentheses that change nothing, and
//! `and`, `or` for `n of n`, `1 of n`; the order is the author's.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::attribute::{Attribute, is_value};
use crate::sharing::{Sharing, one_use};

/// Longest text, in bytes.
pub const MAX_TEXT: usize = 4096;
/// Most attributes in a policy, repeated ones counted again.
pub const MAX_LEAVES: usize = 64;
/// Deepest nesting of parentheses.
pub const MAX_DEPTH: usize = 16;
/// Most branches of a `k of (...)` that is neither `and` nor `or`: its shares cost the square of it.
pub const MAX_BRANCHES: usize = 16;

/// Why a text is no policy. Places are counted in bytes from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The text is longer than [`MAX_TEXT`].
    #[error("a policy has at most {} bytes", MAX_TEXT)]
    TooLong,
    /// Something else was to be here: an attribute, a parenthesis, `and`, `or`, `of`, a comma, the end.
    #[error("byte {0}: `label: value`, `and`, `or`, `k of (...)` and parentheses make a policy")]
    Unexpected(usize),
    /// The label or the value is not allowed.
    #[error("byte {0}: no label and value that an attribute may have")]
    NotAnAttribute(usize),
    /// `and` stands beside `or`.
    #[error("byte {0}: `and` beside `or`: parentheses say which belongs together")]
    Mixed(usize),
    /// A threshold that nobody or everybody meets.
    #[error("byte {0}: `k of (...)` needs k from 1 to the number of branches")]
    Threshold(usize),
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("parentheses nest at most {} deep", MAX_DEPTH)]
    TooDeep,
    /// More than [`MAX_LEAVES`] attributes.
    #[error("a policy has at most {} attributes", MAX_LEAVES)]
    TooManyAttributes,
    /// A threshold over more than [`MAX_BRANCHES`] branches.
    #[error("`k of (...)` has at most {} branches", MAX_BRANCHES)]
    TooManyBranches,
    /// Attributes recur in so many ways that the policy would become too many without repetition.
    #[error("attributes recur too often: write the policy with fewer repetitions")]
    TooRepetitive,
}

/// Who may open: a monotone formula over attributes, and how its secret is shared.
#[derive(Clone)]
pub struct Policy {
    text: String,
    root: Node,
    sharings: Vec<Sharing>,
}

impl Policy {
    /// Reads a policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_TEXT {
            return Err(PolicyError::TooLong);
        }
        let mut parser = Parser { text: text.as_bytes(), at: 0, leaves: BTreeSet::new(), count: 0 };
        let root = parser.policy(0)?;
        if parser.at < text.len() {
            return Err(PolicyError::Unexpected(parser.at));
        }
        let sharings = one_use(&root)?.into_iter().map(Sharing::new).collect();
        Ok(Self { text: root.to_string(), root, sharings })
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether who holds `attributes` may open.
    pub fn is_satisfied_by(&self, attributes: &BTreeSet<Attribute>) -> bool {
        self.root.holds(&|attribute| attributes.contains(attribute))
    }

    /// The attributes that it names, each once.
    pub fn attributes(&self) -> BTreeSet<Attribute> {
        let mut leaves = Vec::new();
        self.root.leaves(&mut leaves);
        leaves.into_iter().cloned().collect()
    }

    /// The policies without repeated attributes that together are this one, each with its shares.
    pub(crate) fn sharings(&self) -> &[Sharing] {
        &self.sharings
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        Self::parse(text)
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Policy {}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policy({self})")
    }
}

/// A formula: an attribute, or at least `threshold` of some formulas. Made by [`Node::gate`], so that each has one form.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Leaf(Attribute),
    Gate { threshold: usize, branches: Vec<Node> },
}

impl Node {
    /// At least `threshold` of `branches`, from 1 to all of them. One branch is itself; `and` in `and`, `or` in `or` are one.
    pub fn gate(threshold: usize, mut branches: Vec<Self>) -> Self {
        if branches.len() == 1 {
            return branches.remove(0);
        }
        let (is_and, is_or) = (threshold == branches.len(), threshold == 1);
        let mut flat = Vec::with_capacity(branches.len());
        for branch in branches {
            match branch {
                Self::Gate { threshold, branches } if is_or && threshold == 1 => flat.extend(branches),
                Self::Gate { threshold, branches } if is_and && threshold == branches.len() => {
                    flat.extend(branches);
                }
                branch => flat.push(branch),
            }
        }
        Self::Gate { threshold: if is_and { flat.len() } else { threshold }, branches: flat }
    }

    fn holds(&self, leaf: &impl Fn(&Attribute) -> bool) -> bool {
        match self {
            Self::Leaf(attribute) => leaf(attribute),
            Self::Gate { threshold, branches } => {
                branches.iter().filter(|branch| branch.holds(leaf)).count() >= *threshold
            }
        }
    }

    pub fn leaves<'a>(&'a self, into: &mut Vec<&'a Attribute>) {
        match self {
            Self::Leaf(attribute) => into.push(attribute),
            Self::Gate { branches, .. } => branches.iter().for_each(|branch| branch.leaves(into)),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Gate { threshold, branches } = self else {
            let Self::Leaf(attribute) = self else { return Ok(()) };
            return write!(f, "{attribute}");
        };
        let word = match *threshold {
            1 => " or ",
            all if all == branches.len() => " and ",
            _ => {
                write!(f, "{threshold} of (")?;
                for (n, branch) in branches.iter().enumerate() {
                    write!(f, "{}{branch}", if n == 0 { "" } else { ", " })?;
                }
                return f.write_str(")");
            }
        };
        for (n, branch) in branches.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { word })?;
            match branch {
                Self::Gate { threshold, branches } if [1, branches.len()].contains(threshold) => {
                    write!(f, "({branch})")?;
                }
                _ => write!(f, "{branch}")?,
            }
        }
        Ok(())
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    /// An attribute that recurs is one, and has its points computed once.
    leaves: BTreeSet<Attribute>,
    count: usize,
}

impl Parser<'_> {
    fn policy(&mut self, depth: usize) -> Result<Node, PolicyError> {
        let mut branches = vec![self.term(depth)?];
        let mut operator = None;
        loop {
            self.spaces();
            let at = self.at;
            let word = match self.run(|c| c.is_ascii_alphanumeric()) {
                b"" => break,
                b"and" => "and",
                b"or" => "or",
                _ => return Err(PolicyError::Unexpected(at)),
            };
            if *operator.get_or_insert(word) != word {
                return Err(PolicyError::Mixed(at));
            }
            branches.push(self.term(depth)?);
        }
        let threshold = if operator == Some("and") { branches.len() } else { 1 };
        Ok(Node::gate(threshold, branches))
    }

    fn term(&mut self, depth: usize) -> Result<Node, PolicyError> {
        self.spaces();
        let at = self.at;
        if self.eat(b'(') {
            let inner = self.nested(depth)?;
            return self.expect(b')').map(|()| inner);
        }
        let word = self.run(|c| c.is_ascii_alphanumeric() || c == b'-').to_vec();
        self.spaces();
        if !word.is_empty() && word.iter().all(u8::is_ascii_digit) {
            return self.threshold(&word, at, depth);
        }
        if word.is_empty() {
            return Err(PolicyError::Unexpected(at));
        }
        self.expect(b':')?;
        self.spaces();
        let value = self.run(is_value).to_vec();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let attribute =
            Attribute::new(&text(&word), &text(&value)).map_err(|_| PolicyError::NotAnAttribute(at))?;
        self.count += 1;
        if self.count > MAX_LEAVES {
            return Err(PolicyError::TooManyAttributes);
        }
        if !self.leaves.contains(&attribute) {
            self.leaves.insert(attribute.clone());
        }
        Ok(Node::Leaf(self.leaves.get(&attribute).cloned().unwrap_or(attribute)))
    }

    /// What follows a number: `of (...)`.
    fn threshold(&mut self, digits: &[u8], at: usize, depth: usize) -> Result<Node, PolicyError> {
        let of = self.at;
        if self.run(|c| c.is_ascii_alphanumeric()) != b"of" {
            return Err(PolicyError::Unexpected(of));
        }
        self.expect(b'(')?;
        let mut branches = vec![self.nested(depth)?];
        loop {
            self.spaces();
            if !self.eat(b',') {
                break;
            }
            branches.push(self.nested(depth)?);
        }
        self.expect(b')')?;
        let threshold = match digits {
            [b'1'..=b'9'] | [b'1'..=b'9', _] => {
                digits.iter().fold(0, |n, digit| 10 * n + usize::from(digit - b'0'))
            }
            _ => return Err(PolicyError::Threshold(at)),
        };
        if threshold > branches.len() {
            return Err(PolicyError::Threshold(at));
        }
        if threshold > 1 && threshold < branches.len() && branches.len() > MAX_BRANCHES {
            return Err(PolicyError::TooManyBranches);
        }
        Ok(Node::gate(threshold, branches))
    }

    fn nested(&mut self, depth: usize) -> Result<Node, PolicyError> {
        if depth == MAX_DEPTH { Err(PolicyError::TooDeep) } else { self.policy(depth + 1) }
    }

    fn spaces(&mut self) {
        self.run(|c| matches!(c, b' ' | b'\t' | b'\r' | b'\n'));
    }

    fn run(&mut self, holds: impl Fn(u8) -> bool) -> &[u8] {
        let rest = &self.text[self.at..];
        let run = &rest[..rest.iter().position(|&c| !holds(c)).unwrap_or(rest.len())];
        self.at += run.len();
        run
    }

    fn eat(&mut self, c: u8) -> bool {
        let here = self.text.get(self.at) == Some(&c);
        self.at += usize::from(here);
        here
    }

    fn expect(&mut self, c: u8) -> Result<(), PolicyError> {
        self.spaces();
        if self.eat(c) { Ok(()) } else { Err(PolicyError::Unexpected(self.at)) }
    }
}
