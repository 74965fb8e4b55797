//! Trust domains: who may look across, who notarises, and where data went.
//!
//! Domains that do not trust one another share one log, `authorization`, and a group of notaries out of all of them.
//! A domain asks for a user of its own; the policy of the data's owner decides; the notaries find that the decision
//! follows; the domain that holds the data answers, and notes what it did on its own log, `data`. From what is noted
//! there, over all domains, anybody who may read it sees where data went.
//!
//! # Reading order
//!
//! | step | modules | result |
//! | --- | --- | --- |
//! | who notarises | `fixed`, `conduct`, `credit`, `group`, `report` | [`rank`], [`Group`] |
//! | what is decided | `op`, `behaviour`, `policy` | [`Policy::decide`], [`Decision`] |
//! | how it is agreed on | `names`, `ballot`, `matter`; `election`, `registration`, `admission`, `data`, `request` | [`Thread`] |
//! | what may be stated | [`rules`], `refusal` | [`rules::DomainRules`], [`Refusal`] |
//! | who is let in | `handshake`, `presentation`, `access_log` | [`AuthRecord`], [`Pass`], [`joint`] |
//! | where data went | `anchor`, `data_state`, `filter`, `trace` | [`Chains::trace`], [`Trace`] |
//!
//! # What is the paper's, and what is ours
//!
//! S. Zhao, L. Cao, J. Li, J. Wan, J. Bai, *Cross-Domain Data Traceability Mechanism Based on Blockchain*, CMC 76(2)
//! (2023), 10.32604/cmc.2023.040776. Its equations and several tables are in no copy that we have.
//!
//! - The paper's: the parties, the order of the thirteen steps of an access, an initial credit of 50 and the stop at
//!   1 %, the highest credit is master, what a policy speaks of, permits and denials are both recorded, Bloom filters
//!   from data to its next state, forks that consume nothing (Rule 1), invalidity that goes downstream (Rule 2), the
//!   joint audit.
//! - Reconstructed: the formulas of credit, the quorum of two thirds of the credit, the fields of all messages and
//!   the checks of each, the language of policies, what a filter is over and how large it is, the id of a state.
//! - Changed on purpose: a user has another pseudonym in each domain, since logs are read by everybody; data is named
//!   by a salted digest, since `H(data)` can be guessed; votes are statements of their own, so a silent master holds
//!   nothing up, and a decision is recomputed by every notary; blocks are ordered by what they had seen, not by
//!   clocks; the filters are keyed by their blocks; a request of somebody of whom nothing is known is forwarded,
//!   since by the formula nobody could begin.
//!
//! # What is not here
//!
//! A domain's monitor, the routing within it, and its certificates of short life are the deployment's. How many
//! requests a domain may make is bounded by the node's allowances alone. Whoever publishes a policy first under a key
//! owns it, so a salt is kept until then.
//!
//! In scope: formats, rules, decisions. Out of scope: sockets, storage, who talks to whom.

mod access_log;
mod admission;
mod anchor;
mod ballot;
mod behaviour;
mod conduct;
mod credit;
mod data;
mod data_state;
mod election;
mod filter;
mod fixed;
mod group;
mod handshake;
mod matter;
mod names;
mod op;
mod policy;
mod presentation;
mod refusal;
mod registration;
mod report;
mod request;
pub mod rules;
mod trace;

pub use access_log::{AccessEntry, Finding, Licence, NoPass, Pass, joint};
pub use admission::{Admission, Admitted};
pub use anchor::Anchor;
pub use ballot::{BALLOT_MILLIS, Ballot, Standing, Tally, Vote};
pub use behaviour::Behaviour;
pub use conduct::Conduct;
pub use credit::{Candidate, Credit, MAX_CANDIDATES, NotCandidates, Ranked, Ranking, rank};
pub use data::{DataPolicy, Held, Invalidation, owner_id};
pub use data_state::{DataState, MAX_PARENTS, Step};
pub use election::{Election, Office};
pub use filter::{FilterError, MAX_FILTER, MAX_HASHES, ParentFilter, Shape};
pub use group::{Group, MAX_SEATS, Seat, Sitting, TAKE_OVER_MILLIS, WARM_UP, domain_id, notary_id};
pub use handshake::{
    ANSWER, AUTH_RECORD, AuthRecord, CHALLENGE, Challenged, Desk, HELLO, Hello, MAX_SEEN, MESSAGE_MILLIS,
    MESSAGE_SKEW_MILLIS, NotAuthenticated, SeenMessages, VOUCH,
};
pub use matter::{Matter, Motion};
pub use names::{
    AUTHORIZATION, DATA, DataKey, Pseudonym, Topic, domain_subject, group_subject, report_subject,
    state_subject,
};
pub use op::{NotAnOp, Op, Ops};
pub use policy::{Asked, Decision, Denial, MAX_NAMES, MAX_RULES, MAX_TEXT, Policy, PolicyError};
pub use presentation::{PRESENTATION, Presentation};
pub use refusal::Refusal;
pub use registration::Registration;
pub use report::{MAX_ROWS, Observed, Report, Reporter, candidates};
pub use request::{Cause, Grounds, MAX_LICENCE_MILLIS, Phase, Request, Thread};
pub use trace::{Block, Chains, MAX_TRACED, NotABlock, Trace, Work};
