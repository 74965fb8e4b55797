//! The operator's alerts: a file that Prometheus reads, about metrics that the node has.

use std::collections::{BTreeMap, BTreeSet};

use countersign_ledger::{LogName, Problem};
use saphyr::{LoadableYamlNode as _, Yaml};

use crate::world::{Client, Site, accepted, enrol, metrics, refusal};

const ALERTS: &str = include_str!("../../alerts.yml");
const PAGE: &str = include_str!("../../OPERATING.md");

/// Each metric with its labels and the values that each label has.
type Metrics = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// What stands in the lines of an exposition, or in an expression.
fn metrics_in(text: &str) -> Metrics {
    let mut found = Metrics::new();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (at, _) in text.match_indices("countersign_") {
        if text[..at].ends_with(is_name) {
            continue;
        }
        let rest = &text[at..];
        let (name, rest) = rest.split_at(rest.find(|c| !is_name(c)).unwrap_or(rest.len()));
        let labels = found.entry(name.to_owned()).or_default();
        let selector = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        // No value has a comma in it.
        for label in selector.into_iter().flat_map(|(labels, _)| labels.split(',')) {
            let (name, value) = label.split_once('=').unwrap_or_else(|| panic!("{label} in {text}"));
            labels.entry(name.to_owned()).or_default().insert(value.trim_matches('"').to_owned());
        }
    }
    found
}

/// All that a node tells once everything has happened to it.
fn told() -> Metrics {
    let site = Site::new();
    let running = site.open().start().unwrap();
    let node = running.node();
    let member = enrol(node, "manufacturer", "dm");
    accepted(node, LogName::SUPPLY, &member.sign(&site.request(1)));
    node.revoke(member.certificate.fingerprint()).unwrap();
    assert_eq!(refusal(node, LogName::SUPPLY, &member.sign(&site.request(2))), "revoked");
    Client::new(node.genesis(), running.addr()).get("/health");
    metrics_in(&metrics(&running))
}

#[test]
fn every_alert_is_a_rule_that_prometheus_reads_about_metrics_that_there_are() {
    let told = told();
    let documents = Yaml::load_from_str(ALERTS).unwrap();
    let groups = documents[0]["groups"].as_sequence().unwrap();
    let rules = groups.iter().flat_map(|group| {
        assert!(group["name"].as_str().is_some());
        group["rules"].as_sequence().unwrap()
    });
    let mut alerts = BTreeSet::new();
    let mut halts = told["countersign_halted"]["reason"].clone();
    for rule in rules {
        let text = |key: &str| rule[key].as_str().unwrap_or_else(|| panic!("{key} in {rule:?}"));
        let keys: BTreeSet<_> = rule.as_mapping().unwrap().keys().filter_map(|key| key.as_str()).collect();
        assert!(keys.is_subset(&["alert", "expr", "for", "labels", "annotations"].into()), "{keys:?}");
        let (alert, expr) = (text("alert"), text("expr"));
        assert!(alerts.insert(alert), "{alert} stands twice");
        assert!(PAGE.contains(alert), "the operator's page does not say what to do on {alert}");
        assert!(["warning", "critical"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{alert}");
        assert!(!rule["annotations"]["summary"].as_str().unwrap().is_empty());
        let asked = metrics_in(expr);
        assert!(!asked.is_empty() || expr.starts_with("up{job=\"countersign\"}"), "{alert}: {expr}");
        if let Some(reasons) = asked.get("countersign_halted").and_then(|labels| labels.get("reason")) {
            halts.retain(|halt| !reasons.contains(halt));
        }
        for (metric, labels) in asked {
            let known = told.get(&metric).unwrap_or_else(|| panic!("{alert}: there is no {metric}"));
            for (label, values) in labels {
                let values_known =
                    known.get(&label).unwrap_or_else(|| panic!("{alert}: {metric} has no {label}"));
                for value in values {
                    // Some values are told only when they have happened.
                    let may_come = match (metric.as_str(), label.as_str()) {
                        ("countersign_submissions_total", "outcome") => value == "busy",
                        ("countersign_submissions_total", "reason") => {
                            Problem::ALL.iter().any(|problem| problem.as_str() == value)
                        }
                        ("countersign_http_requests_total", "status") => value == "500",
                        _ => false,
                    };
                    assert!(
                        may_come || values_known.contains(&value),
                        "{alert}: {metric} has no {label}={value}"
                    );
                }
            }
        }
        // What a sentence names of its labels is there.
        let summary = rule["annotations"]["summary"].as_str().unwrap();
        for label in summary.split("$labels.").skip(1).filter_map(|rest| rest.split(' ').next()) {
            let has = metrics_in(expr).keys().any(|metric| told[metric].contains_key(label));
            assert!(has, "{alert}: no {label}");
        }
    }
    assert!(halts.is_empty() && alerts.len() > 10, "no alert for {halts:?}");
}
