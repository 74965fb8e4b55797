//! What the papers print. Nothing here is ours, and nothing of ours stands here; what could not be read in the copies that we
//! have is left out.

/// Where S000's figures stand.
pub const DRUGS: &str = "C.-L. Chen et al., *An IoT-Based Traceable Drug Anti-Counterfeiting Management System*, IEEE Access 8 \
                         (2020), 10.1109/ACCESS.2020.3036832";
/// Where S001's figures stand.
pub const LUXURY: &str = "C.-L. Chen et al., *Blockchain-Based Anti-Counterfeiting Management System for Traceable Luxury \
                          Products*, Sustainability 14 (2022) 12814";
/// The machine and the ledger that S001 was measured on.
pub const TESTBED: &str = "Hyperledger Fabric, two organisations with a peer each and one orderer, i5-8300H, 8 GB of memory, \
                           4 Gbit/s";

/// One round of S001's load test.
pub struct Round {
    pub succeeded: u32,
    pub failed: u32,
    /// Transactions sent a second.
    pub sent: f64,
    /// Seconds: least, mean, most.
    pub latency: [f64; 3],
    /// Transactions a second.
    pub throughput: f64,
}

const fn round(succeeded: u32, failed: u32, sent: f64, latency: [f64; 3], throughput: f64) -> Round {
    Round { succeeded, failed, sent, latency, throughput }
}

/// S001's rounds: design, evaluation, ordering, purchase.
pub const ROUNDS: [Round; 4] = [
    round(492, 1, 98.5, [0.28, 0.82, 2.70], 64.8),
    round(983, 1, 192.3, [0.74, 4.00, 7.27], 95.6),
    round(976, 1, 195.4, [0.34, 4.03, 7.79], 96.2),
    round(994, 0, 197.9, [0.20, 3.10, 8.45], 102.6),
];

/// What a container of S001's used: its name, processor in percent, on average and at most, memory in MB, written to
/// disk. The table names a container of another project, so it may stem from there.
pub const RESOURCES: [(&str, f64, f64, f64, &str); 5] = [
    ("peer, one organisation", 9.61, 24.06, 123.0, "3.89 MB"),
    ("peer, the other", 8.88, 22.40, 146.0, "3.89 MB"),
    ("orderer", 4.48, 12.75, 110.0, "5.53 MB"),
    ("chaincode at one peer", 1.83, 6.80, 17.1, "not in our copy"),
    ("chaincode at the other", 1.61, 5.79, 17.0, "not in our copy"),
];

/// What a phase costs in a paper's own account.
pub struct Phase {
    pub name: &'static str,
    pub messages: u32,
    pub bits: u32,
    /// To send these at 14 Mbit/s.
    pub millis: f64,
    /// What the paper says that each role computes; empty where its table is lost.
    pub operations: &'static str,
}

const fn phase(name: &'static str, messages: u32, bits: u32, millis: f64, operations: &'static str) -> Phase {
    Phase { name, messages, bits, millis, operations }
}

const EACH: &str = "each role 7 multiplications of a point, 3 hashes, 2 comparisons, 2 signatures";
const APPROVAL: &str = "each role 7 multiplications of a point, 3 hashes, 2 comparisons, 3 signatures";
const DISTRIBUTION: &str =
    "each role 7 multiplications of a point, 3 hashes, 2 comparisons; 2 signatures, at the distributor 3";

/// S000's phases.
pub const DRUG_PHASES: [Phase; 4] = [
    phase("registration", 2, 480, 0.034, "1 multiplication of a point at the chain centre"),
    phase("development", 2, 1520, 0.109, EACH),
    phase("approval", 2, 1760, 0.126, APPROVAL),
    phase("distribution", 2, 1840, 0.131, DISTRIBUTION),
];

/// S001's phases.
pub const LUXURY_PHASES: [Phase; 4] = [
    phase("design", 3, 4032, 0.288, ""),
    phase("evaluation", 2, 2688, 0.192, ""),
    phase("ordering", 4, 5376, 0.384, ""),
    phase("purchase", 4, 5376, 0.384, ""),
];
