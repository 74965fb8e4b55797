/// The packs of the examples, each by the key of what it shows, and its code.
public let examples: [(key: String, code: String)] = [
    ("demo.pack-genuine", "(01)09506000134352(17)351130(10)L1(21)S001"),
    ("demo.pack-recalled", "(01)09506000134352(17)351130(10)L2(21)T001"),
    ("demo.pack-dispensed", "(01)09506000134352(17)351130(10)L1(21)S007"),
    ("demo.pack-unknown", "(01)09506000134352(17)351130(10)L1(21)X001"),
    ("demo.pack-misread", "(01)09506000134352(17)351130(10)l1(21)s001"),
]
