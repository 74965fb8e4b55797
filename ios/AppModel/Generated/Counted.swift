// Generated from bindings/texts by bindings/generate/run.

/// The texts that count, each with the argument that it counts.
let counted: [String: String] = [
    "access.seen": "count",
    "access.unread": "count",
    "age.days": "count",
    "age.hours": "count",
    "age.minutes": "count",
    "document.not-delivered": "count",
    "document.withheld": "count",
    "lasts.days": "count",
    "lasts.hours": "count",
    "lasts.minutes": "count",
    "reading.minutes": "count",
    "reading.seconds": "count",
    "reason.snapshot-too-old": "days",
    "section.shortened": "count",
    "session.missed": "count",
    "settings.following": "count",
    "take.hops": "count",
    "take.progress": "need",
    "trace.also": "count",
    "trace.missing": "count",
    "trace.refused": "count",
    "way.unit": "packs",
]
