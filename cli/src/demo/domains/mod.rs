//! Data across trust domains: two hospitals and a university, each with a ledger of its own, and one that they share.

mod world;

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use countersign_domains::rules::{AUTHORITY, DATA_OWNER, NOTARY};
use countersign_domains::{Finding, Invalidation, Op};
use countersign_ledger::{Hash, Subject};
use countersign_wallet::{Authorization, RequestState};

use self::world::{Member, Noted, World};
use super::heading;
use crate::commands::domain::{access_told, drawn, group_told, request_told};
use crate::home::now;
use crate::output::{say, show};

const NORTH: &str = "north.example";
const SOUTH: &str = "south.example";
const UNIVERSITY: &str = "university.example";
/// What the laboratory of the south has, and who may do what with it.
const RESULTS: &[u8] = b"potassium 4.2 mmol/L; sodium 139 mmol/L";
const TO_THE_NORTH: &str = "allow read, derive for TREAT from north.example level 2 credit 30";
/// What a doctor of the north makes of it.
const ASSESSMENT: &[u8] = b"the doctor's assessment of the results";
const TO_THE_UNIVERSITY: &str = "allow read, derive for HRESCH from university.example level 1";
/// What the university makes of that.
const STUDY: &[u8] = b"a study of such assessments";

/// Plays the life of shared data in folders below `dir`.
pub fn play(dir: &Path) -> Result<()> {
    heading(
        "Data across domains. Two hospitals and a university each start a ledger of their own, and a neutral operator the one \
         that they share",
    );
    let world = World::start(dir, &[NORTH, SOUTH, UNIVERSITY])?;
    world.print();

    heading(
        "Each domain's registrar introduces its members; three notaries are the first group, and vote on who takes part",
    );
    let mut notaries = world.members(NOTARY, "notary")?;
    let mut authorities = world.members(AUTHORITY, "desk")?;
    let owners = world.members(DATA_OWNER, "laboratory")?;
    world.found(&notaries)?;
    for authority in &mut authorities {
        authority.act(&world, |own, client| own.register(client, now()))?;
    }
    world.tend(&mut notaries)?;
    let [mut north, mut south, mut university] = three(authorities)?;
    let [mut doctors, mut laboratory, mut researchers] = three(owners)?;
    group_told(&laboratory.log(&world)?, now());

    heading(
        "The laboratory of the south notes results on the south's ledger, and publishes who may do what with them",
    );
    let results = laboratory.note(&world, RESULTS, None)?;
    laboratory.publish(&world, results, TO_THE_NORTH)?;
    say!("  data {}\n  {TO_THE_NORTH}", results.key.0);

    heading(
        "Ada, a doctor of the north, becomes known in the south by five messages; the log gets a pseudonym",
    );
    let mut ada = world.user(NORTH, "doctor", "ada")?;
    let ada_there = world.handshake(&mut ada, &mut north, &mut south, 2)?;
    say!("  ada is {} there", ada_there.0);

    heading("The north asks for her, and it is a licence; the university asks as well, and is denied");
    let licensed = north.ask(&world, results, ada_there, "TREAT")?;
    let mut eve = world.user(UNIVERSITY, "doctor", "eve")?;
    let eve_there = world.handshake(&mut eve, &mut university, &mut south, 2)?;
    let denied = university.ask(&world, results, eve_there, "HRESCH")?;
    world.tend(&mut notaries)?;
    let log = ada.log(&world)?;
    log.requests().iter().for_each(|request| request_told(request, now()));
    let standing = |thread: &Subject| log.request(thread).map(|request| request.standing(now()));
    ensure!(standing(&licensed) == Some(RequestState::Licensed), "the north should have a licence");
    ensure!(matches!(standing(&denied), Some(RequestState::Denied(_))), "the university should be denied");

    heading(
        "The south answers whom it knows and the log licenses, for what was licensed, and notes each answer",
    );
    let may = south.answer(&world, &mut ada, (&licensed, results, Op::Read), RESULTS)?;
    say!("  ada, to read: answered and noted, under a licence until {}", may.pass.until());
    let refused = south.answer(&world, &mut ada, (&licensed, results, Op::Share), RESULTS).err();
    say!("  ada, to share: {:#}", refused.context("only what was licensed should be answered")?);
    let refused = south.answer(&world, &mut eve, (&denied, results, Op::Read), RESULTS).err();
    say!("  eve, to read: {:#}", refused.context("who was denied should get nothing")?);

    heading(
        "What is derived in the north is noted there; the university gets a licence for that, and derives a study",
    );
    let under = licence(&log, &licensed)?;
    let assessment = doctors.note(&world, ASSESSMENT, Some((results, under)))?;
    doctors.publish(&world, assessment, TO_THE_UNIVERSITY)?;
    let eve_there = world.handshake(&mut eve, &mut university, &mut north, 1)?;
    let onward = university.ask(&world, assessment, eve_there, "HRESCH")?;
    world.tend(&mut notaries)?;
    north.answer(&world, &mut eve, (&onward, assessment, Op::Derive), ASSESSMENT)?;
    let under = licence(&eve.log(&world)?, &onward)?;
    researchers.note(&world, STUDY, Some((assessment, under)))?;
    let trace = ada.trace(&world, results)?;
    show!("{}", drawn(&trace, &ada.log(&world)?));
    ensure!(
        trace.states.len() == 3 && trace.states.iter().all(|state| state.proven && state.valid),
        "the trace should show three states, all of them proven"
    );

    heading(
        "Somebody in the south looks without a licence, and notes it as if there were one: an audit over all ledgers",
    );
    south.look_without_a_licence(&world, results, RESULTS)?;
    let accesses = university.accesses(&world)?;
    accesses.iter().for_each(access_told);
    let found: Vec<_> = accesses.iter().filter(|access| !access.findings.is_empty()).collect();
    ensure!(
        accesses.len() == 3
            && found.len() == 1
            && found.iter().all(|one| one.findings == [Finding::NoLicence]),
        "the audit should find the one access without a licence"
    );

    heading(
        "The laboratory has made its results up: people vote so, what came of them is invalid, and the licences fall",
    );
    declare_invalid(&world, &mut notaries, laboratory.identity(), results)?;
    let trace = ada.trace(&world, results)?;
    show!("{}", drawn(&trace, &ada.log(&world)?));
    ensure!(trace.states.iter().all(|state| !state.valid), "all that came of it should be invalid");
    let requests = ada.log(&world)?.requests();
    for request in &requests {
        request_told(request, now());
    }
    let licensed = requests.iter().any(|one| one.standing(now()) == RequestState::Licensed);
    ensure!(!licensed, "no licence should be left");
    Ok(())
}

/// A notary moves that what an owner has be declared invalid, with all that was made of it, and all of them vote for
/// it.
fn declare_invalid(
    world: &World,
    notaries: &mut [Member],
    owner: &countersign_ledger::Identity,
    data: Noted,
) -> Result<()> {
    let first = notaries.first_mut().context("a notary")?;
    let trace = first.trace(world, data)?;
    let motions = trace.to_invalidate(owner, &first.log(world)?);
    let evidence = Hash::of(b"the instrument's own log, in which there is no such measurement");
    for (key, state) in &motions {
        let invalidation = Invalidation { state: *state, evidence };
        first.act(world, |own, client| own.propose_invalid(client, *key, invalidation, now()))?;
    }
    for notary in notaries {
        for (key, _) in &motions {
            notary.act(world, |own, client| own.vote(client, &key.validity(), true, now()))?;
        }
    }
    Ok(())
}

/// The licence that a request was answered by.
fn licence(log: &Authorization, thread: &Subject) -> Result<Hash> {
    log.request(thread).and_then(|request| request.licence()).context("the request should be licensed")
}

/// One of each domain.
fn three<T>(members: Vec<T>) -> Result<[T; 3]> {
    members.try_into().map_err(|_| anyhow!("there are three domains"))
}
