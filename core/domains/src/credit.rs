//! The credit of notaries: an improved `PageRank` over their votes on one another.
//!
//! The paper (section on notary election) says what classic `PageRank` lacks here: a vote has no quality, and nothing
//! counts but votes. Its equations are in no copy that we have; the ones below are our reconstruction, and agree with
//! every sentence that is left (an initial credit of 50, a stop when no credit changes by 1 % or more, three
//! suppressions of colluding votes).
//!
//! ```text
//! C_i <- (1 - d) S_i + d * sum over j != i of  omega_ji C_j            d = 0.85
//! omega_ji = eta_j * rho_ji * g_ji * min(w_ji, 3 / (N - 1))            w_ji = v_ji / sum over k != j of v_jk
//! ```
//!
//! - Nobody votes for themselves, and nobody gives one other more than three times an even share. What that cuts is
//!   lost.
//! - `eta_j`, the quality of a voter: `(1 - TV(w_j, m))^2`, by the distance to the median of all voters. Who votes
//!   like nobody else has little weight; the same factor takes up to half of their own score `S_j`. Who votes for
//!   nobody has quality 0.
//! - `rho_ji`, reciprocity: what two give one another beyond twice an even share counts a fifth.
//! - `g_ji`, the ceiling of a domain: where there are others, a notary gets at most a third of all that it gets from
//!   its own.
//!
//! The paper computes with real numbers. These have 32 binary places and are rounded down, and sums are of whole
//! numbers, so every notary gets the same ranking to the last bit, in whatever order the votes come. Where a
//! comparison would divide by zero there is nothing to compare: the map is monotone and contracts by `d` once `g` is
//! held (after five rounds), so it settles.
//!
//! A credit is shown as `100 C_i / (C_i + mean)`: 50 % for a notary of average credit, as for a newcomer.
//!
//! Not defended: colluders who are the majority of voters, since they are the median then. Colluders who vote
//! honestly for the most part get about the credit of an ordinary notary.

use countersign_ledger::Hash;

use crate::conduct::{Conduct, NEWCOMER};
use crate::fixed::Fixed;

/// Most notaries that are ranked: their number goes squared into time and memory.
pub const MAX_CANDIDATES: usize = 256;
/// Rounds after which the ceilings of domains are held.
const CEILINGS_HELD: usize = 5;
/// More rounds than it ever takes: 0.85^64 of what is wrong is left.
const MAX_ROUNDS: usize = 64;

/// A notary that is to be ranked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Who it is: [`crate::notary_id`].
    pub id: Hash,
    /// Its trust domain.
    pub domain: String,
    /// What was seen of it.
    pub conduct: Conduct,
    /// What it gives to others, in units of its own choice; one vote for each other, the first counts.
    pub votes: Vec<(Hash, u32)>,
}

/// A credit in hundredths of a percent: a notary of average credit has 5000.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Credit(u16);

impl Credit {
    /// That of a newcomer: the paper's initial credit of 50.
    pub const INITIAL: Self = Self(5_000);
    /// The largest credit.
    pub const MAX: Self = Self(10_000);

    /// A credit of so many hundredths of a percent; `None` above 100 %.
    pub const fn new(hundredths: u16) -> Option<Self> {
        if hundredths <= Self::MAX.0 { Some(Self(hundredths)) } else { None }
    }

    /// The hundredths of a percent.
    pub const fn hundredths(self) -> u16 {
        self.0
    }
}

/// A notary's place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ranked {
    /// Who it is.
    pub id: Hash,
    /// Its trust domain.
    pub domain: String,
    /// Its credit.
    pub credit: Credit,
}

/// Candidates that cannot be ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCandidates {
    /// None, or more than [`MAX_CANDIDATES`].
    #[error("from 1 to {MAX_CANDIDATES} notaries can be ranked")]
    Count,
    /// One is named twice.
    #[error("a notary is named twice")]
    Twice,
}

/// Notaries by credit, the highest first; equal credits by id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ranking {
    /// The notaries.
    pub notaries: Vec<Ranked>,
    /// How many rounds it took.
    pub rounds: usize,
}

/// Ranks notaries. The order in which they are given does not matter.
pub fn rank(candidates: &[Candidate]) -> Result<Ranking, NotCandidates> {
    if candidates.is_empty() || candidates.len() > MAX_CANDIDATES {
        return Err(NotCandidates::Count);
    }
    let mut sorted: Vec<&Candidate> = candidates.iter().collect();
    sorted.sort_by_key(|candidate| candidate.id);
    if sorted.windows(2).any(|pair| pair[0].id == pair[1].id) {
        return Err(NotCandidates::Twice);
    }
    let (credits, rounds) = Election::new(&sorted).settle();
    let mean = share(credits.iter().copied().sum(), credits.len());
    let mut notaries: Vec<_> = sorted.iter().zip(credits).collect();
    notaries.sort_by(|(one, of_one), (other, of_other)| of_other.cmp(of_one).then(one.id.cmp(&other.id)));
    let ranked = |(candidate, credit): (&&Candidate, Fixed)| {
        let hundredths = (Fixed::whole(Credit::MAX.0.into()) * (credit / (credit + mean))).floor();
        let credit = Credit(u16::try_from(hundredths).unwrap_or_default().min(Credit::MAX.0));
        Ranked { id: candidate.id, domain: candidate.domain.clone(), credit }
    };
    Ok(Ranking { notaries: notaries.into_iter().map(ranked).collect(), rounds })
}

/// A square matrix: `weights[from][to]`.
type Weights = Vec<Vec<Fixed>>;

struct Election {
    /// The part of each credit that comes from what was seen.
    base: Vec<Fixed>,
    /// What each vote weighs, but for the ceilings of domains.
    weights: Weights,
    /// The domain of each, as the number of the first candidate of it.
    domains: Vec<usize>,
}

impl Election {
    fn new(candidates: &[&Candidate]) -> Self {
        let capped = capped(&votes(candidates));
        let quality = quality(&capped);
        let weights = scaled(&without_reciprocity(&capped), &quality);
        let most = candidates.iter().map(|one| one.conduct.participations()).max().unwrap_or_default();
        let base = candidates.iter().zip(&quality).map(|(candidate, quality)| {
            candidate.conduct.score(most) * (Fixed::ONE + *quality) * Fixed::ratio(1, 2)
        });
        let first = |of: &&Candidate| candidates.iter().position(|other| other.domain == of.domain);
        let domains = candidates.iter().map(|one| first(one).unwrap_or_default()).collect();
        Self { base: base.collect(), weights, domains }
    }

    /// The credits, and the number of rounds.
    fn settle(&self) -> (Vec<Fixed>, usize) {
        let follow = Fixed::ratio(85, 100);
        let mut credits = vec![NEWCOMER; self.base.len()];
        let mut ceilings = Vec::new();
        for round in 1..=MAX_ROUNDS {
            if round <= CEILINGS_HELD {
                ceilings = self.ceilings(&credits);
            }
            let next: Vec<_> = (0..credits.len())
                .map(|to| {
                    let (own, others) = self.votes_for(to, &credits);
                    (Fixed::ONE - follow) * self.base[to] + follow * (ceilings[to] * own + others)
                })
                .collect();
            let still =
                |(old, new): (&Fixed, &Fixed)| Fixed::whole(100) * old.distance(*new) < *old || old == new;
            let settled = credits.iter().zip(&next).all(still);
            credits = next;
            if settled {
                return (credits, round);
            }
        }
        (credits, MAX_ROUNDS)
    }

    /// By how much the votes of its own domain are cut, for each notary.
    fn ceilings(&self, credits: &[Fixed]) -> Vec<Fixed> {
        if self.domains.iter().all(|domain| *domain == 0) {
            return vec![Fixed::ONE; credits.len()];
        }
        (0..credits.len())
            .map(|to| match self.votes_for(to, credits) {
                (Fixed::ZERO, _) => Fixed::ONE,
                // A third of all is half of what the others give.
                (own, others) => (Fixed::ratio(1, 2) * others / own).min(Fixed::ONE),
            })
            .collect()
    }

    /// What a notary gets from its own domain and from the others.
    fn votes_for(&self, to: usize, credits: &[Fixed]) -> (Fixed, Fixed) {
        let mut sums = (Fixed::ZERO, Fixed::ZERO);
        for (from, credit) in credits.iter().enumerate() {
            let vote = self.weights[from][to] * *credit;
            let sum = if self.domains[from] == self.domains[to] { &mut sums.0 } else { &mut sums.1 };
            *sum = *sum + vote;
        }
        sums
    }
}

/// What each gives to each other.
fn votes(candidates: &[&Candidate]) -> Vec<Vec<u32>> {
    let vote = |from: &Candidate, to: &Candidate| {
        let vote = from.votes.iter().find(|(id, _)| *id == to.id && from.id != to.id);
        vote.map_or(0, |(_, vote)| *vote)
    };
    candidates.iter().map(|from| candidates.iter().map(|to| vote(from, to)).collect()).collect()
}

/// The share that each gives to each other, cut at three times an even one.
fn capped(votes: &[Vec<u32>]) -> Weights {
    let most = even(votes.len()) * Fixed::whole(3);
    let row = |votes: &Vec<u32>| {
        let all: u64 = votes.iter().map(|vote| u64::from(*vote)).sum();
        votes.iter().map(|vote| Fixed::ratio((*vote).into(), all).min(most)).collect()
    };
    votes.iter().map(row).collect()
}

/// One of the shares of all others.
fn even(count: usize) -> Fixed {
    share(Fixed::ONE, count.saturating_sub(1))
}

fn share(sum: Fixed, count: usize) -> Fixed {
    sum / Fixed::whole(u32::try_from(count).unwrap_or(u32::MAX))
}

/// How much each voter's vote is worth, by its distance to the median of all.
fn quality(capped: &Weights) -> Vec<Fixed> {
    let votes_at_all = |row: &&Vec<Fixed>| row.iter().any(|weight| *weight > Fixed::ZERO);
    let voters: Vec<_> = capped.iter().enumerate().filter(|(_, row)| votes_at_all(row)).collect();
    let middle = |to: usize| {
        let of_others = voters.iter().filter(|(from, _)| *from != to).map(|(_, row)| row[to]);
        median(of_others.collect())
    };
    let middle = normalised(&(0..capped.len()).map(middle).collect::<Vec<_>>());
    let quality = |row: &Vec<Fixed>| {
        let distances = normalised(row).into_iter().zip(&middle).map(|(one, other)| one.distance(*other));
        let agrees = Fixed::ONE - distances.sum::<Fixed>() * Fixed::ratio(1, 2);
        if votes_at_all(&row) { agrees * agrees } else { Fixed::ZERO }
    };
    capped.iter().map(quality).collect()
}

fn median(mut values: Vec<Fixed>) -> Fixed {
    values.sort_unstable();
    match (values.len(), values.len() / 2) {
        (0, _) => Fixed::ZERO,
        (count, middle) if count % 2 == 1 => values[middle],
        (_, middle) => (values[middle - 1] + values[middle]) * Fixed::ratio(1, 2),
    }
}

fn normalised(row: &[Fixed]) -> Vec<Fixed> {
    let sum: Fixed = row.iter().copied().sum();
    row.iter().map(|weight| *weight / sum).collect()
}

fn scaled(weights: &Weights, by: &[Fixed]) -> Weights {
    let row = |(row, by): (&Vec<Fixed>, &Fixed)| row.iter().map(|weight| *weight * *by).collect();
    weights.iter().zip(by).map(row).collect()
}

/// The weights, without four fifths of what two give one another beyond twice an even share.
fn without_reciprocity(weights: &Weights) -> Weights {
    let most = even(weights.len()) * Fixed::whole(2);
    let weight = |from: usize, to: usize| {
        let (there, back) = (weights[from][to], weights[to][from]);
        let beyond = (there.min(back) - most) / there.max(back);
        there * (Fixed::ONE - Fixed::ratio(8, 10) * beyond)
    };
    (0..weights.len()).map(|from| (0..weights.len()).map(|to| weight(from, to)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: usize) -> Hash {
        Hash::of(&number.to_be_bytes())
    }

    /// Candidates of three domains by turns, of whom nothing was seen, with these votes.
    fn candidates(votes: &[Vec<u32>]) -> Vec<Candidate> {
        let candidate = |(at, row): (usize, &Vec<u32>)| Candidate {
            id: id(at),
            domain: format!("d{}", at % 3),
            conduct: Conduct::default(),
            votes: row.iter().enumerate().map(|(to, vote)| (id(to), *vote)).collect(),
        };
        votes.iter().enumerate().map(candidate).collect()
    }

    fn credit(ranking: &Ranking, of: usize) -> u16 {
        let ranked = ranking.notaries.iter().find(|ranked| ranked.id == id(of)).unwrap();
        ranked.credit.hundredths()
    }

    #[test]
    fn who_is_voted_for_alike_by_all_has_average_credit() {
        let ranking = rank(&candidates(&vec![vec![7; 30]; 30])).unwrap();
        assert!(ranking.notaries.iter().all(|one| (4998..=5000).contains(&one.credit.hundredths())));
        assert!(ranking.rounds < 20, "{}", ranking.rounds);
    }

    #[test]
    fn votes_for_oneself_and_for_one_accomplice_weigh_next_to_nothing() {
        let mut votes = vec![vec![7; 30]; 30];
        let honest = credit(&rank(&candidates(&votes)).unwrap(), 29);
        for (colluder, cast) in votes.iter_mut().enumerate().take(29).skip(24) {
            *cast = vec![0; 30];
            (cast[colluder], cast[29]) = (50, 50);
        }
        let ranking = rank(&candidates(&votes)).unwrap();
        assert!(credit(&ranking, 29) < honest + 250, "the accomplice: {}", credit(&ranking, 29));
        assert!(credit(&ranking, 24) < 4800 && credit(&ranking, 0) >= 5000);
    }

    #[test]
    fn two_who_favour_one_another_gain_less_than_by_as_many_votes_of_strangers() {
        let mut votes = vec![vec![7; 12]; 12];
        (votes[0][1], votes[1][0]) = (60, 60);
        let both = credit(&rank(&candidates(&votes)).unwrap(), 1);
        (votes[1][0], votes[2][1]) = (7, 60);
        votes[0][1] = 7;
        assert!(both < credit(&rank(&candidates(&votes)).unwrap(), 1));
    }

    #[test]
    fn of_what_two_give_one_another_beyond_twice_an_even_share_a_fifth_counts() {
        let mut weights = vec![vec![Fixed::ratio(1, 10); 11]; 11];
        let (there, back) = (Fixed::ratio(30, 100), Fixed::ratio(25, 100));
        (weights[0][1], weights[1][0]) = (there, back);
        let left = without_reciprocity(&weights);
        // The lesser has 5 of 100 more than twice an even share: of each, four fifths of that part of the greater are cut.
        let part = Fixed::ONE - Fixed::ratio(8, 10) * Fixed::ratio(5, 30);
        let close = |one: Fixed, other: Fixed| one.distance(other) < Fixed::ratio(1, 1_000_000);
        assert!(close(left[0][1], there * part) && close(left[1][0], back * part));
        assert_eq!(left[2], weights[2], "others lose nothing");
    }

    #[test]
    fn a_domain_gives_its_own_at_most_a_third() {
        // Ten of one domain give all to the first of them; the others give everybody the same.
        let candidate = |at: usize, votes: Vec<u32>| Candidate {
            domain: if at < 10 { "own" } else { "others" }.to_owned(),
            ..candidates(&vec![votes; at + 1]).remove(at)
        };
        let votes = |at: usize| if at < 10 { [vec![30], vec![10; 29]].concat() } else { vec![10; 30] };
        let all: Vec<_> = (0..30).map(|at| candidate(at, votes(at))).collect();
        let sorted: Vec<_> = all.iter().collect();
        let election = Election::new(&sorted);
        let credits = vec![NEWCOMER; 30];
        let ceilings = election.ceilings(&credits);
        let (own, others) = election.votes_for(0, &credits);
        let left = ceilings[0] * own;
        assert!(ceilings[0] < Fixed::ONE, "more than a third came from its own domain");
        assert!(left <= others * Fixed::ratio(1, 2) && left / (left + others) > Fixed::ratio(332, 1000));
    }

    #[test]
    fn of_one_domain_alone_nothing_is_cut() {
        let mut all = candidates(&vec![vec![7; 5]; 5]);
        for candidate in &mut all {
            "only".clone_into(&mut candidate.domain);
        }
        let sorted: Vec<_> = all.iter().collect();
        assert_eq!(Election::new(&sorted).ceilings(&[NEWCOMER; 5]), [Fixed::ONE; 5]);
    }

    #[test]
    fn one_alone_is_ranked_and_nobody_or_somebody_twice_is_not() {
        let one = candidates(&[vec![5]]);
        assert_eq!(rank(&one).map(|ranking| ranking.notaries[0].credit.hundredths()), Ok(5000));
        assert_eq!(rank(&[]), Err(NotCandidates::Count));
        assert_eq!(rank(&[one[0].clone(), one[0].clone()]), Err(NotCandidates::Twice));
        let many: Vec<_> =
            (0..=MAX_CANDIDATES).map(|at| Candidate { id: id(at), ..one[0].clone() }).collect();
        assert_eq!(rank(&many), Err(NotCandidates::Count));
    }

    proptest! {
        #[test]
        fn it_settles_below_a_hundred_and_the_same_in_any_order(
            votes in prop::collection::vec(prop::collection::vec(any::<u32>(), 9), 9),
            seen in prop::collection::vec((0_u32..40, 0_u32..5000), 9),
            turned in 0_usize..9,
        ) {
            let mut all = candidates(&votes);
            for (candidate, (times, millis)) in all.iter_mut().zip(seen) {
                (0..times).for_each(|_| candidate.conduct.served(millis, 1));
            }
            let ranking = rank(&all).unwrap();
            prop_assert!(ranking.rounds < MAX_ROUNDS);
            prop_assert!(ranking.notaries.is_sorted_by(|one, other| one.credit >= other.credit));
            all.rotate_left(turned);
            for candidate in &mut all {
                candidate.votes.reverse();
            }
            prop_assert_eq!(rank(&all).unwrap(), ranking);
        }
    }
}
