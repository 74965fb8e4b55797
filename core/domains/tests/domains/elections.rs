//! The election of notaries, simulated: who votes for accomplices gains nothing.

use countersign_domains::Group;

use crate::simulation::{LEADER, NODES, World, credits, means, place};

/// Runs some seeds to these numbers of transactions, and looks at each.
fn run(success_of_malicious: f64, look: impl Fn(u64, usize, &World)) {
    for seed in 0..4 {
        let mut world = World::new(seed, success_of_malicious);
        for transactions in 0..=100 {
            if [0, 20, 50, 100].contains(&transactions) {
                look(seed, transactions, &world);
            }
            world.transact();
        }
    }
}

#[test]
fn trusted_nodes_come_before_ordinary_ones_and_those_before_malicious_ones() {
    for success in [0.97, 0.70] {
        run(success, |seed, transactions, world| {
            let ranking = world.ranking();
            let credits = credits(&ranking);
            let [trusted, ordinary, malicious] = means(&credits);
            let context =
                format!("seed {seed}, {transactions} transactions: {trusted} {ordinary} {malicious}");
            assert!(ordinary > malicious, "{context}");
            assert!(transactions < 20 || trusted > ordinary + 5.0, "{context}");
            assert!(
                place(&credits, LEADER) > 10,
                "the accomplice is {} of 30: {context}",
                place(&credits, LEADER)
            );
            let master = (0..NODES).max_by(|one, other| credits[*one].total_cmp(&credits[*other]));
            assert!(transactions < 20 || master.unwrap() < 10, "a trusted node is master: {context}");
            assert!(ranking.rounds <= 20, "{context}");
            let group = Group::elected(&ranking, 12, transactions as u64);
            assert_eq!((group.seats().len(), group.transactions()), (12, transactions as u64));
            let seated = |node: usize| group.seat_of(ranking.notaries[node].id) == Some(node);
            assert!((0..12).all(seated), "the twelve of highest credit, in their order: {context}");
        });
    }
}

#[test]
fn by_classic_page_rank_the_accomplice_would_be_master() {
    run(0.97, |seed, transactions, world| {
        let place = place(&world.classic(), LEADER);
        assert_eq!(place, 1, "seed {seed}, {transactions} transactions");
    });
}
