//! A patient's records, and the doctors who ask for them: every way it goes, and every way it is cut off.

mod accesses;
mod changes;
mod refusals;

use countersign_ledger::{Hash, LogName, Subject};
use countersign_records::rules::{LOGS, Mode};
use countersign_records::{RecordId, View};
use countersign_wallet::{AskFor, RecordError, Records, ShownRecord};

use crate::clinic::{Clinic, Phone};

const SIX: [&str; 2] = ["Problems", "Medication"];

fn wanted(record: RecordId, log: LogName, label: Option<Hash>) -> AskFor {
    AskFor {
        record,
        log,
        label,
        minutes: 30,
        purpose: "TREAT".to_owned(),
        reason: Some("ward round".to_owned()),
        name: "Dr. Ada".to_owned(),
    }
}

/// Titles of the sections that are shown.
fn titles(shown: &ShownRecord) -> Vec<String> {
    let view = View::of(shown.opened.parts());
    let mut titles: Vec<_> = view.sections.into_iter().map(|section| section.title).collect();
    titles.sort();
    titles
}

fn link(phone: &mut Phone, record: &RecordId) -> String {
    phone.records().link(record).unwrap().to_text().to_string()
}

/// A clinic with a shared record, and a doctor who has its link.
struct Case {
    clinic: Clinic,
    patient: Phone,
    doctor: Phone,
    record: RecordId,
    label: Hash,
}

impl Case {
    fn new(mode: Mode) -> Self {
        let clinic = Clinic::new();
        let (mut patient, mut doctor) = (clinic.patient(), clinic.doctor());
        let (record, label) = clinic.shared(&mut patient, mode, &SIX);
        let link = link(&mut patient, &record);
        clinic.clinician(&mut doctor, "ada", &link);
        Self { clinic, patient, doctor, record, label }
    }

    fn ask(&mut self) -> Result<Subject, RecordError> {
        self.ask_for(&wanted(self.record, LOGS[1], Some(self.label)))
    }

    fn ask_for(&mut self, wanted: &AskFor) -> Result<Subject, RecordError> {
        let Self { clinic, doctor, .. } = self;
        doctor.clinician().ask(&clinic.client, &clinic.authority, wanted, clinic.now())
    }

    fn open(&mut self, thread: &Subject) -> Result<ShownRecord, RecordError> {
        let Self { clinic, doctor, .. } = self;
        doctor.clinician().open(&clinic.client, &clinic.store, thread, clinic.now())
    }

    fn read(&mut self, thread: &Subject) -> Result<ShownRecord, RecordError> {
        let now = self.clinic.now();
        self.doctor.clinician().read(thread, now)
    }

    fn accesses(&mut self) -> Vec<countersign_wallet::Access> {
        self.patient.sync(&self.clinic);
        self.patient.records().accesses(&self.record, self.clinic.now()).unwrap().list
    }

    fn act<T>(
        &mut self,
        act: impl FnOnce(&mut Records<'_>, &Clinic, &RecordId) -> Result<T, RecordError>,
    ) -> Result<T, RecordError> {
        self.patient.sync(&self.clinic);
        act(&mut self.patient.records(), &self.clinic, &self.record)
    }
}
