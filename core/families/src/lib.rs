//! The families of rules of a ledger: the one list that node and phone both read.
//!
//! A new family is a type that implements [`Rules`], and a line here.

use std::sync::{Arc, LazyLock};

use countersign_bedside::BedsideRules;
use countersign_custody::Profile;
use countersign_custody::report::ReportRules;
use countersign_domains::rules::DomainRules;
use countersign_ledger::{Families, Membership, Rules};
use countersign_records::rules::RecordRules;

/// Every family. A kind belongs to the first that knows it.
pub fn families() -> Families {
    static FAMILIES: LazyLock<Families> = LazyLock::new(|| {
        let profiles = Profile::all().iter().map(|profile| Arc::new(profile.clone()) as Arc<dyn Rules>);
        let others: [Arc<dyn Rules>; 5] = [
            Arc::new(Membership),
            Arc::new(RecordRules),
            Arc::new(ReportRules),
            Arc::new(BedsideRules),
            Arc::new(DomainRules),
        ];
        Families::new(others.into_iter().chain(profiles))
    });
    FAMILIES.clone()
}

#[cfg(test)]
mod tests {
    use countersign_bedside::{BEDSIDE, CREDENTIAL, DEVICE, SESSION};
    use countersign_ledger::{ENROL, Kind, LogName, REVOKE};
    use countersign_records::rules::{ANSWER, AUTHORITY_KEY, DELIVERY, INDEX, REQUEST};

    use countersign_custody::report;
    use countersign_domains::{AUTHORIZATION, DATA, rules as domains};

    use super::*;

    #[test]
    fn every_kind_belongs_to_one_family() {
        let families: Vec<Arc<dyn Rules>> = vec![
            Arc::new(Membership),
            Arc::new(RecordRules),
            Arc::new(ReportRules),
            Arc::new(BedsideRules),
            Arc::new(DomainRules),
        ];
        let profiles = Profile::all().iter().map(|profile| Arc::new(profile.clone()) as Arc<dyn Rules>);
        let families: Vec<_> = families.into_iter().chain(profiles).collect();
        let own = [
            ENROL,
            REVOKE,
            INDEX,
            REQUEST,
            ANSWER,
            DELIVERY,
            AUTHORITY_KEY,
            report::KEY,
            DEVICE,
            CREDENTIAL,
            SESSION,
            domains::GROUP,
            domains::REPORT,
            domains::VOTE,
            domains::REGISTER,
            domains::ADMISSION,
            domains::POLICY,
            domains::INVALIDATE,
            domains::REQUEST,
            domains::DECISION,
            domains::REVOKE_ACCESS,
            domains::STATE,
            domains::ENTRY,
        ];
        let own = own.map(|kind| Kind::new(kind).unwrap());
        let of_profiles = Profile::all().iter().flat_map(Profile::steps).map(|step| step.kind.clone());
        for kind in own.into_iter().chain(of_profiles) {
            assert_eq!(families.iter().filter(|family| family.logs(&kind).is_some()).count(), 1, "{kind}");
            assert!(!super::families().logs(&kind).is_empty(), "{kind}");
        }
    }

    #[test]
    fn a_kind_that_no_family_knows_has_no_log() {
        let kind = |name| Kind::new(name).unwrap();
        assert!(families().of(&kind("medicine.unheard-of")).is_none());
        assert_eq!(families().logs(&kind(REVOKE)), [LogName::TRUST]);
        assert_eq!(families().logs(&kind("medicine.recall")), [LogName::TRUST]);
        assert_eq!(families().logs(&kind("medicine.dispense")), [LogName::SUPPLY]);
        let records = ["records-full", "records-shared"].map(|name| LogName::new(name).unwrap());
        assert_eq!(families().logs(&kind(REQUEST)), records);
        assert_eq!(families().logs(&kind(DEVICE)), [LogName::TRUST]);
        assert_eq!(families().logs(&kind(SESSION)), [BEDSIDE]);
        assert_eq!(families().logs(&kind(domains::REQUEST)), [AUTHORIZATION]);
        assert_eq!(families().logs(&kind(domains::ENTRY)), [DATA]);
        for role in [domains::NOTARY, domains::AUTHORITY, domains::DATA_OWNER] {
            assert!(families().roles().contains(role), "{role}");
        }
    }
}
