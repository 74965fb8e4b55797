//! The words of the Core Business Vocabulary, CBV 2.0, and of GS1's Web Vocabulary, in the forms in which they are written.

/// A set of words, and how they are written as URIs.
pub(super) struct Words {
    /// Bare, as the JSON binding writes them.
    pub(super) bare: &'static [&'static str],
    /// What comes before them: in the Web Vocabulary, as that is abbreviated, and as a URN (CBV 1.2).
    before: [&'static str; 3],
}

impl Words {
    /// The bare word, in whichever form it is written; `None` if it is none of these.
    pub(super) fn read<'a>(&self, text: &'a str) -> Option<&'a str> {
        let bare = self.before.iter().find_map(|before| text.strip_prefix(before)).unwrap_or(text);
        self.bare.contains(&bare).then_some(bare)
    }

    /// Whether a text is written as one of these words is, so that no other vocabulary has it.
    pub(super) fn claims(&self, text: &str) -> bool {
        let cbv = ["urn:epcglobal:cbv", "http://ns.gs1.org/cbv/", "https://ns.gs1.org/cbv/"];
        self.before.iter().chain(&cbv).any(|before| text.starts_with(before))
    }

    /// The word as a URI of the Web Vocabulary; other texts as they are.
    pub(super) fn uri(&self, text: &str) -> String {
        self.read(text).map_or_else(|| text.to_owned(), |word| format!("{}{word}", self.before[0]))
    }
}

/// The sets whose words nobody may give another meaning. Not the components, which are letters that people take as prefixes:
/// GS1's context gives them their meaning where they stand.
pub(super) const FIXED: [&Words; 7] =
    [&STEP, &DISPOSITION, &TRANSACTIONS, &PARTIES, &ERROR_REASONS, &MEASUREMENTS, &SENSOR_ALERTS];

/// Business steps, CBV 2.0 section 7.1.
pub(super) const STEP: Words = Words {
    bare: STEPS,
    before: ["https://ref.gs1.org/cbv/BizStep-", "cbv:BizStep-", "urn:epcglobal:cbv:bizstep:"],
};
pub(super) const STEPS: &[&str] = &[
    "accepting",
    "arriving",
    "assembling",
    "collecting",
    "commissioning",
    "consigning",
    "creating_class_instance",
    "cycle_counting",
    "decommissioning",
    "departing",
    "destroying",
    "disassembling",
    "dispensing",
    "encoding",
    "entering_exiting",
    "holding",
    "inspecting",
    "installing",
    "killing",
    "loading",
    "other",
    "packing",
    "picking",
    "receiving",
    "removing",
    "repackaging",
    "repairing",
    "replacing",
    "reserving",
    "retail_selling",
    "sampling",
    "sensor_reporting",
    "shipping",
    "staging_outbound",
    "stock_taking",
    "stocking",
    "storing",
    "transporting",
    "unloading",
    "unpacking",
    "void_shipping",
];

/// Dispositions, CBV 2.0 section 7.2.
pub(super) const DISPOSITION: Words = Words {
    bare: DISPOSITIONS,
    before: ["https://ref.gs1.org/cbv/Disp-", "cbv:Disp-", "urn:epcglobal:cbv:disp:"],
};
pub(super) const DISPOSITIONS: &[&str] = &[
    "active",
    "available",
    "completeness_inferred",
    "completeness_verified",
    "conformant",
    "container_closed",
    "container_open",
    "damaged",
    "destroyed",
    "dispensed",
    "disposed",
    "encoded",
    "expired",
    "in_progress",
    "in_transit",
    "inactive",
    "mismatch_class",
    "mismatch_instance",
    "mismatch_quantity",
    "needs_replacement",
    "no_pedigree_match",
    "non_conformant",
    "non_sellable_other",
    "partially_dispensed",
    "recalled",
    "reserved",
    "retail_sold",
    "returned",
    "sellable_accessible",
    "sellable_not_accessible",
    "stolen",
    "unavailable",
    "unknown",
];

/// Types of business transactions, CBV 2.0 section 7.3.
pub(super) const TRANSACTIONS: Words = Words {
    bare: &[
        "bol",
        "cert",
        "desadv",
        "inv",
        "pedigree",
        "po",
        "poc",
        "prodorder",
        "recadv",
        "rma",
        "testprd",
        "testres",
        "upevt",
    ],
    before: ["https://ref.gs1.org/cbv/BTT-", "cbv:BTT-", "urn:epcglobal:cbv:btt:"],
};

/// Types of sources and destinations, CBV 2.0 section 7.4.
pub(super) const PARTIES: Words = Words {
    bare: &["owning_party", "possessing_party", "location"],
    before: ["https://ref.gs1.org/cbv/SDT-", "cbv:SDT-", "urn:epcglobal:cbv:sdt:"],
};

/// Reasons of an error declaration, CBV 2.0 section 7.5.
pub(super) const ERROR_REASONS: Words = Words {
    bare: &["did_not_occur", "incorrect_data"],
    before: ["https://ref.gs1.org/cbv/ER-", "cbv:ER-", "urn:epcglobal:cbv:er:"],
};

/// Components of what a sensor measured, CBV 2.0 section 7.7.
pub(super) const COMPONENTS: Words = Words {
    bare: &[
        "x",
        "y",
        "z",
        "axial_distance",
        "azimuth",
        "height",
        "spherical_radius",
        "polar_angle",
        "elevation_angle",
        "easting",
        "northing",
        "latitude",
        "longitude",
        "altitude",
    ],
    before: ["https://ref.gs1.org/cbv/Comp-", "cbv:Comp-", "urn:epcglobal:cbv:comp:"],
};

/// What a sensor measures, EPCIS 2.0 section 7.3.7.1.2.
pub(super) const MEASUREMENTS: Words = Words {
    bare: &[
        "AbsoluteHumidity",
        "AbsorbedDose",
        "AbsorbedDoseRate",
        "Acceleration",
        "Radioactivity",
        "Altitude",
        "AmountOfSubstance",
        "AmountOfSubstancePerUnitVolume",
        "Angle",
        "AngularAcceleration",
        "AngularMomentum",
        "AngularVelocity",
        "Area",
        "Capacitance",
        "Conductance",
        "Conductivity",
        "Count",
        "Density",
        "Dimensionless",
        "DoseEquivalent",
        "DoseEquivalentRate",
        "DynamicViscosity",
        "ElectricCharge",
        "ElectricCurrent",
        "ElectricCurrentDensity",
        "ElectricFieldStrength",
        "Energy",
        "Exposure",
        "Force",
        "Frequency",
        "Illuminance",
        "Inductance",
        "Irradiance",
        "KinematicViscosity",
        "Length",
        "LinearMomentum",
        "Luminance",
        "LuminousFlux",
        "LuminousIntensity",
        "MagneticFlux",
        "MagneticFluxDensity",
        "MagneticVectorPotential",
        "Mass",
        "MassConcentration",
        "MassFlowRate",
        "MassPerAreaTime",
        "MemoryCapacity",
        "MolalityOfSolute",
        "MolarEnergy",
        "MolarMass",
        "MolarVolume",
        "Power",
        "Pressure",
        "RadiantFlux",
        "RadiantIntensity",
        "RelativeHumidity",
        "Resistance",
        "Resistivity",
        "SolidAngle",
        "SpecificVolume",
        "Speed",
        "SurfaceDensity",
        "SurfaceTension",
        "Temperature",
        "Time",
        "Torque",
        "Voltage",
        "Volume",
        "VolumeFlowRate",
        "VolumeFraction",
        "VolumetricFlux",
        "Wavenumber",
    ],
    before: ["https://gs1.org/voc/", "gs1:", "https://www.gs1.org/voc/"],
};

/// Alerts of a sensor.
pub(super) const SENSOR_ALERTS: Words = Words {
    bare: &["ALARM_CONDITION", "ERROR_CONDITION"],
    before: ["https://gs1.org/voc/", "gs1:", "https://www.gs1.org/voc/"],
};
