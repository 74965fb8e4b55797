//! What a notary saw of the others, as a statement: from these alone everybody computes the same ranking.
//!
//! A vote is a notary's own word. What was seen of somebody is the median of what the others say, each number by
//! itself; nobody speaks for themselves. So fewer than half of the reporters change nothing.
//!
//! ```cddl
//! notary-report = { "period" => uint, "rows" => bstr }
//!          ; 1 to 48 rows of 42 bytes, ascending: notary 32, vote 2, took part 2, efficiency 2, asked 2, answered 2
//! ```

use countersign_ledger::{Draft, Fields, Hash, Value, Verified};

use crate::conduct::Conduct;
use crate::credit::Candidate;
use crate::names::report_subject;
use crate::rules::{REPORT, draft};

/// Most rows: they fit one field of a statement.
pub const MAX_ROWS: usize = 48;
const NUMBERS: usize = 5;
const ROW: usize = Hash::LEN + 2 * NUMBERS;

/// What a notary saw of another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Observed {
    /// Of whom: [`crate::notary_id`].
    pub notary: Hash,
    /// The vote for them, in units of the voter's choice.
    pub vote: u16,
    /// In how many transactions they took part.
    pub participations: u16,
    /// Their mean efficiency, of 65535.
    pub efficiency: u16,
    /// How often they were asked whether they are there.
    pub asked: u16,
    /// How often they answered.
    pub answered: u16,
}

impl Observed {
    const fn numbers(&self) -> [u16; NUMBERS] {
        [self.vote, self.participations, self.efficiency, self.asked, self.answered]
    }

    fn of_row(row: &[u8; ROW]) -> Option<Self> {
        let (notary, numbers) = row.split_first_chunk::<{ Hash::LEN }>()?;
        let (numbers, _) = numbers.as_chunks::<2>();
        let number = |at: usize| numbers.get(at).map(|number| u16::from_be_bytes(*number));
        Some(Self {
            notary: Hash(*notary),
            vote: number(0)?,
            participations: number(1)?,
            efficiency: number(2)?,
            asked: number(3)?,
            answered: number(4)?,
        })
    }
}

/// What a notary saw of all others in a period.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The period; it rises from report to report.
    pub period: u64,
    rows: Vec<Observed>,
}

impl Report {
    /// A report; `None` unless it has 1 to [`MAX_ROWS`] rows, one for each notary.
    pub fn new(period: u64, mut rows: Vec<Observed>) -> Option<Self> {
        rows.sort_by_key(|row| row.notary);
        Self { period, rows }.if_sound()
    }

    fn if_sound(self) -> Option<Self> {
        let counted = (1..=MAX_ROWS).contains(&self.rows.len());
        let ascending = self.rows.is_sorted_by(|one, other| one.notary < other.notary);
        (counted && ascending).then_some(self)
    }

    /// What it says of a notary.
    pub fn of_notary(&self, notary: Hash) -> Option<&Observed> {
        self.rows.iter().find(|row| row.notary == notary)
    }

    /// The statement, for the notary who saw it.
    pub fn draft(&self, notary: Hash, prev: Option<Hash>) -> Draft {
        let row = |row: &Observed| {
            [row.notary.0.to_vec(), row.numbers().iter().flat_map(|number| number.to_be_bytes()).collect()]
                .concat()
        };
        let rows = self.rows.iter().flat_map(row).collect();
        let fields = Fields::new().with("period", self.period).with("rows", Value::Bytes(rows));
        draft(REPORT, report_subject(notary), fields, prev, Vec::new())
    }

    /// Reads a report; `None` if the fields are not of the format.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        let (rows, rest) = fields.bytes("rows")?.as_chunks::<ROW>();
        let rows = rows.iter().map(Observed::of_row).collect::<Option<_>>()?;
        rest.is_empty().then_some(Self { period: fields.uint("period")?, rows })?.if_sound()
    }
}

/// Who reports: their id and their domain, with what they say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reporter {
    /// [`crate::notary_id`].
    pub id: Hash,
    /// Their trust domain.
    pub domain: String,
    /// The report.
    pub report: Report,
}

/// The notaries that reported, to be ranked by what they say of one another.
pub fn candidates(reporters: &[Reporter]) -> Vec<Candidate> {
    let candidate = |reporter: &Reporter| {
        let others = reporters.iter().filter(|other| other.id != reporter.id);
        let seen: Vec<_> = others.filter_map(|other| other.report.of_notary(reporter.id)).collect();
        let [_, participations, efficiency, asked, answered] = std::array::from_fn(|at| {
            let mut said: Vec<u16> = seen.iter().map(|row| row.numbers()[at]).collect();
            said.sort_unstable();
            said.get(said.len().saturating_sub(1) / 2).copied().unwrap_or_default()
        });
        Candidate {
            id: reporter.id,
            domain: reporter.domain.clone(),
            conduct: Conduct::seen(participations, efficiency, asked, answered),
            votes: reporter.report.rows.iter().map(|row| (row.notary, row.vote.into())).collect(),
        }
    };
    reporters.iter().map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credit::rank;

    fn id(number: u8) -> Hash {
        Hash([number; 32])
    }

    fn row(of: u8, vote: u16, participations: u16, efficiency: u16) -> Observed {
        Observed { notary: id(of), vote, participations, efficiency, asked: 20, answered: 20 }
    }

    fn reporter(number: u8, rows: Vec<Observed>) -> Reporter {
        let domain = format!("d{}", number % 3);
        Reporter { id: id(number), domain, report: Report::new(1, rows).unwrap() }
    }

    /// Nine who say the same of all; the last `liars` praise the ninth and themselves, and blame the others.
    fn reporters(liars: u8) -> Vec<Reporter> {
        let said = |by: u8, of: u8| match (by >= 9 - liars, of) {
            (true, _) if of == 8 || of == by => row(of, 1000, 60_000, 65_535),
            (true, _) => row(of, 0, 0, 0),
            (false, 8) => row(of, 10, 20, 30_000),
            (false, _) => row(of, 50, 20, 50_000),
        };
        (0..9).map(|by| reporter(by, (0..9).map(|of| said(by, of)).collect())).collect()
    }

    #[test]
    fn fewer_than_half_of_the_reporters_change_nothing_of_what_was_seen() {
        let honest = candidates(&reporters(0));
        for liars in 1..4 {
            let told = candidates(&reporters(liars));
            for (one, other) in honest.iter().zip(&told) {
                assert_eq!(one.conduct, other.conduct, "{liars} liars");
            }
            let ranking = rank(&told).unwrap();
            assert_ne!(ranking.notaries[0].id, id(8), "{liars} liars");
        }
    }

    #[test]
    fn nobody_speaks_for_themselves_and_nobody_at_all_is_a_newcomer() {
        let mut all = reporters(0);
        all[3].report = Report::new(1, vec![row(3, 9, 60_000, 65_535), row(4, 1, 20, 50_000)]).unwrap();
        assert_eq!(candidates(&all)[3].conduct, candidates(&reporters(0))[3].conduct);
        let alone = candidates(&all[..1]);
        assert_eq!(alone[0].conduct, Conduct::default());
    }

    #[test]
    fn a_report_has_a_row_for_each_and_not_too_many() {
        assert_eq!(Report::new(1, vec![]), None);
        assert_eq!(Report::new(1, vec![row(1, 1, 1, 1), row(1, 2, 2, 2)]), None);
        assert!(Report::new(1, (0..48).map(|of| row(of, 1, 1, 1)).collect()).is_some());
        assert_eq!(Report::new(1, (0..49).map(|of| row(of, 1, 1, 1)).collect()), None);
    }
}
