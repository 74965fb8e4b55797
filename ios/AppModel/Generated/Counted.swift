// Generated from bindings/texts by bindings/generate/run.

/// The texts that count, each with the argument that it counts.
let counted: [String: String] = [
    "age.days": "count",
    "age.hours": "count",
    "age.minutes": "count",
    "reason.snapshot-too-old": "days",
    "settings.following": "count",
    "take.hops": "count",
    "take.progress": "need",
    "way.unit": "packs",
]
