#!/usr/bin/env python3
"""Makes the files of `tests/vectors/abe`, by the second implementation. Needs `pip install py_ecc==8.0.0`; takes a minute.

    core/abe/tests/reference/vectors.py
"""

import base64
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import fame  # noqa: E402

FOLDER = Path(__file__).parents[4] / "tests/vectors/abe"
MASTER = bytes([1]) * 32
# Compressed points: at infinity; on the curve y^2 = x^3 + 4 with x = 4, where no multiple of the generator is; no point.
INFINITY = bytes([0xC0]) + bytes(47)
OUTSIDE = bytes([0x80]) + bytes(46) + bytes([4])
NOWHERE = bytes([0xFF]) * 48


def b64(data):
    return base64.b64encode(data).decode()


def put(data, at, part):
    return data[:at] + part + data[at + len(part):]


def write(name, about, given, accepted, refused):
    assert len(refused) >= 5 * len(accepted), f"{name}: {len(refused)} refusals"
    content = {"about": about, "given": given, "accepted": accepted, "refused": refused}
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def policies():
    accepted = []
    for name, text in [
        ("thresholds, gates in each other, spaces", "2 of (role:cardiologist, (( hospital: A or hospital: B)) and ward : 3,card: x)"),
        ("attributes that recur: three policies without repetition", "(a: 1 and b: 1) or (a: 1 and c: 1) or (b: 1 and c: 1)"),
        ("1 of n is or, n of n is and, and a repetition that changes nothing", "1 of (a: 1, 2 of (b: 1, b: 1), a: 1)"),
    ]:
        policy = fame.parse(text)
        parts = [
            [{"attribute": attribute, "coefficients": [[c, row[c]] for c in sorted(row)]} for attribute, row in fame.share(part)]
            for part in fame.one_use(policy)
        ]
        accepted.append({"name": name, "text": text, "expect": {"canonical": fame.show(policy), "parts": len(parts), "rows": parts}})
    many = lambda n: " and ".join(f"a{i}: 1" for i in range(n))
    refused = [{"name": name, "text": text, "reason": reason} for name, text, reason in [
        ("and beside or", "a: 1 and b: 1 or c: 1", "mixed"),
        ("or beside and, inside", "2 of (a: 1 or b: 1 and c: 1, d: 1)", "mixed"),
        ("nothing", "", "unexpected"),
        ("no value", "a: and b: 1", "unexpected"),
        ("negation", "not a: 1", "unexpected"),
        ("a keyword in capitals", "a: 1 AND b: 1", "unexpected"),
        ("a parenthesis that is not closed", "(a: 1", "unexpected"),
        ("a character outside ASCII", "a: 1é", "unexpected"),
        ("a comma that nothing follows", "2 of (a: 1, b: 1,)", "unexpected"),
        ("a label in capitals", "A: 1", "not-an-attribute"),
        ("a keyword as a label", "and: 1", "not-an-attribute"),
        ("a label of 33 characters", "a" * 33 + ": 1", "not-an-attribute"),
        ("a value of 256 characters", "a: " + "b" * 256, "not-an-attribute"),
        ("a threshold of nothing", "0 of (a: 1)", "threshold"),
        ("a threshold that nobody meets", "3 of (a: 1, b: 1)", "threshold"),
        ("65 attributes", many(65), "too-many-attributes"),
        ("17 branches", f"2 of ({many(17).replace(' and ', ', ')})", "too-many-branches"),
        ("17 parentheses", "(" * 17 + "a: 1" + ")" * 17, "too-deep"),
        ("4097 bytes", "a: 1" + " " * 4093, "too-long"),
        ("more than 16 policies without repetition",
         " and ".join(f"(a{i}: 1 or a{i + 1}: 1)" for i in range(30)), "too-repetitive"),
    ]]
    write("policy.json", [
        "Texts of policies: the canonical text, and how the policy is shared.",
        "It is split into policies without repetition, each of which is shared by rows: for an attribute, (column, coefficient) where",
        "it is not zero. Refusals carry the reason of the first fault from the left.",
    ], {}, accepted, refused)


def keys(authority):
    def issue(attributes, random):
        return authority.issue(attributes, bytes([random]) * 32)

    accepted, key = [], issue(["role: doctor", "hospital: A"], 3)
    for name, attributes, random in [
        ("two attributes", ["role: doctor", "hospital: A"], 3),
        ("one attribute, other random bytes", ["member: spiffe://meds.example/doctor/ana"], 4),
    ]:
        made = issue(attributes, random)
        accepted.append({
            "name": name, "key": b64(made.bytes()),
            "expect": {"attributes": sorted(attributes), "random": (bytes([random]) * 32).hex()},
        })
    good = key.bytes()
    names = good.index(b"hospital") - 3
    points = good.index(b"role: doctor") + len(b"role: doctor")
    refused = [{"name": name, "key": b64(data), "reason": reason} for name, data, reason in [
        ("nothing", b"", "suite"),
        ("another suite", put(good, 0, b"\x02"), "suite"),
        ("its last byte is missing", good[:-1], "truncated"),
        ("a byte follows", good + b"\x00", "trailing"),
        ("no attributes", put(good, names, b"\x00"), "attributes"),
        ("65 attributes", put(good, names, b"\x41"), "attributes"),
        ("an attribute that is not canonical", good.replace(b"hospital: A", b"hospital:A "), "attributes"),
        ("attributes out of order", good.replace(b"hospital: A", b"sospital: A"), "attributes"),
        ("a point of G2 at infinity", put(good, points, INFINITY + bytes(48)), "point"),
        ("a point of G2 that is none", put(good, points, NOWHERE * 2), "point"),
        ("a point of G1 at infinity", put(good, points + 288, INFINITY), "point"),
        ("a point of G1 outside the subgroup", put(good, points + 288 + 48, OUTSIDE), "point"),
        ("a point of G1 that is none", put(good, len(good) - 48, NOWHERE), "point"),
    ]]
    write("key.json", [
        "Keys that an authority issued for attributes, and what is no key.",
        "Given are the authority's master seed and its public key. Who has the seed issues the same keys again from attributes and",
        "random bytes.",
    ], {"master": MASTER.hex(), "public": b64(authority.public.bytes)}, accepted, refused)
    return key


def encapsulations(authority):
    public = authority.public
    issue = lambda attributes: authority.issue(attributes, bytes([3]) * 32)
    doctor = issue(["role: cardiologist", "hospital: B", "epoch: 2026-Q4"])
    accepted = []
    made = {}
    for name, text, random in [
        ("and, or", "role: cardiologist and (hospital: A or hospital: B)", 2),
        ("a threshold: factors that are not one", "3 of (role: cardiologist, card: x, hospital: B, epoch: 2026-Q4)", 5),
        ("attributes that recur: two ciphertexts around one seed, the second of which opens",
         "(hospital: A and role: cardiologist) or (role: nurse and hospital: A) or (epoch: 2026-Q4 and role: cardiologist)", 6),
    ]:
        seed = bytes([random]) * 32
        data, shared, parts = public.encapsulate(text, seed)
        text = fame.show(fame.parse(text))
        assert doctor.open(public, text, parts) == seed, name
        made[name] = data
        accepted.append({
            "name": name, "key": b64(doctor.bytes()), "encapsulation": b64(data),
            "expect": {"policy": text, "random": seed.hex(), "shared": shared.hex()},
        })
    good = made["and, or"]
    text = b"role: cardiologist and (hospital: A or hospital: B)"
    at = good.index(text)
    head = at + len(text)
    rows = head + 288 + 32
    other, _, _ = public.encapsulate(text.decode(), bytes([8]) * 32)
    foreign = fame.Authority(bytes([9]) * 32)
    renamed = put(foreign.issue(sorted(doctor.elements), bytes([3]) * 32).bytes(), 1, public.id)
    parts = made["attributes that recur: two ciphertexts around one seed, the second of which opens"]
    mine = doctor.bytes()
    colluding = issue(["role: cardiologist", "x: y"])
    colluding.elements["hospital: B"] = issue(["hospital: B"]).elements["hospital: B"]
    cases = [
        ("nothing", mine, b"", "suite"),
        ("another suite", mine, put(good, 0, b"\x02"), "suite"),
        ("its last byte is missing", mine, good[:-1], "truncated"),
        ("a byte follows", mine, good + b"\x00", "trailing"),
        ("the policy is none", mine, put(good, at, text.replace(b" and ", b" und ")), "policy"),
        ("the policy is not canonical", mine, good[:at - 2] + (len(text) + 1).to_bytes(2, "big") + text + b" " + good[head:],
         "not-canonical"),
        ("another authority's key", foreign.issue(sorted(doctor.elements), bytes([3]) * 32).bytes(), good, "other-authority"),
        ("made for another authority", mine, put(good, 1, foreign.public.id), "other-authority"),
        ("the key has one of two attributes", issue(["role: cardiologist"]).bytes(), good, "not-satisfied"),
        ("the key has the other", issue(["hospital: A", "hospital: B"]).bytes(), good, "not-satisfied"),
        ("the key's attributes are others", issue(["role: cardiologist2", "hospital: AB"]).bytes(), good, "not-satisfied"),
        ("another authority's key under this one's name", renamed, good, "refused"),
        ("two doctors pooled what they have", colluding.bytes(), good, "refused"),
        ("a point of G1 at infinity", mine, put(good, rows, INFINITY), "refused"),
        ("a point of G1 outside the subgroup", mine, put(good, rows, OUTSIDE), "refused"),
        ("a point of G1 that is none", mine, put(good, rows + 48, NOWHERE), "refused"),
        ("a point of G2 at infinity", mine, put(good, head, INFINITY + bytes(48)), "refused"),
        ("a point of G2 that is none", mine, put(good, head + 96, NOWHERE * 2), "refused"),
        ("a row that is not needed was changed", mine, put(good, rows + 144, other[rows + 144:rows + 288]), "refused"),
        ("two rows in each other's place", mine,
         good[:rows] + good[rows + 288:] + good[rows + 144:rows + 288] + good[rows:rows + 144], "refused"),
        ("the hidden seed was changed", mine, put(good, rows - 32, bytes([good[rows - 32] ^ 1])), "refused"),
        ("another encapsulation's rows", mine, good[:rows] + other[rows:], "refused"),
        ("another policy of the same form", mine, good.replace(b"hospital: A", b"hospital: C"), "refused"),
        ("the part that is not opened was changed", mine, put(parts, len(parts) - 48, parts[-96:-48]), "refused"),
    ]
    refused = [{"name": name, "key": b64(key), "encapsulation": b64(data), "reason": reason} for name, key, data, reason in cases]
    write("encapsulation.json", [
        "Encapsulations, and the key that somebody with a key gets from them.",
        "The order: form, policy, authority, whether the attributes fit; whatever else is wrong is `refused` without a further reason.",
        "Who has the random bytes makes the same encapsulation again.",
    ], {"public": b64(public.bytes)}, accepted, refused)


if __name__ == "__main__":
    policies()
    authority = fame.Authority(MASTER)
    keys(authority)
    encapsulations(authority)
