"""FAME with the Fujisaki-Okamoto transform as `countersign-abe` does it, written a second time from its description.

For tests alone: slow, not constant in time, and over another library for BLS12-381 (py_ecc, pure Python). Nothing here looks at the
crate's code; what both must agree on is in the crate's documentation.
"""

import hashlib
import re
from functools import lru_cache
from math import comb

from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.bls.point_compression import compress_G1, compress_G2
from py_ecc.optimized_bls12_381 import FQ12, G1, G2, add, curve_order as R, multiply, neg, pairing

SUITE = 1
DST = b"COUNTERSIGN-ABE-V01-CS01-with-BLS12381G1_XMD:SHA-256_SSWU_RO_"


# The random oracle.

def oracle(label, *parts):
    hasher = hashlib.sha512(b"countersign/abe/1/")
    for part in (label.encode(), *parts):
        hasher.update(len(part).to_bytes(8, "big") + part)
    return hasher.digest()


def oracle_scalar(label, *parts):
    return int.from_bytes(oracle(label, *parts), "big") % R


# Groups.

def write_g1(point):
    return compress_G1(point).to_bytes(48, "big")


def write_g2(point):
    return b"".join(half.to_bytes(48, "big") for half in compress_G2(point))


def e(p, q):
    """The pairing as blst computes it, a fixed power of py_ecc's."""
    return FQ12.one() / pairing(q, p) ** 3


def write_gt(element):
    """py_ecc has Fp12 as polynomials in w with w^12 = 2 w^6 - 2; as a tower, u = w^6 - 1 and v = w^2."""
    coefficients = [int(c) for c in element.coeffs]
    modulus = element.field_modulus
    out = b""
    for i in range(3):
        for j in range(2):
            low, high = coefficients[2 * i + j], coefficients[2 * i + j + 6]
            out += ((low + high) % modulus).to_bytes(48, "big") + high.to_bytes(48, "big")
    return out


@lru_cache(maxsize=None)
def h(kind, name):
    """H(x, l, t) as points[l][t]."""
    return [[hash_to_G1(bytes([kind, l, t]) + name, DST, hashlib.sha256) for t in (1, 2)] for l in (1, 2, 3)]


def of_attribute(attribute):
    return h(1, attribute.encode())


def of_column(n):
    return h(0, n.to_bytes(2, "big"))


def total(points):
    points = list(points)
    result = points[0]
    for point in points[1:]:
        result = add(result, point)
    return result


# Policies: an attribute is a string, a gate (k, [policies]).

def gate(k, branches):
    if len(branches) == 1:
        return branches[0]
    everything, flat = k == len(branches), []
    for branch in branches:
        same = isinstance(branch, tuple) and (
            (k == 1 and branch[0] == 1) or (everything and branch[0] == len(branch[1])))
        flat += branch[1] if same else [branch]
    return (len(flat) if everything else k, flat)


TOKEN = re.compile(r"\s*(?:(\d+)\s*of\s*\(|([a-z][a-z0-9-]*)\s*:\s*([A-Za-z0-9._~:/@+=%-]+)|(and|or)\b|([(),]))")


def parse(text):
    """Reads well-formed text. What is no policy is for the crate's own tests."""
    tokens, at = [], 0
    while at < len(text.rstrip()):
        match = TOKEN.match(text, at)
        tokens.append(match.groups())
        at = match.end()

    def policy():
        branches, word = [term()], None
        while tokens and tokens[0][3]:
            word = tokens.pop(0)[3]
            branches.append(term())
        return gate(len(branches) if word == "and" else 1, branches)

    def term():
        number, label, value, _, _ = tokens.pop(0)
        if label:
            return f"{label}: {value}"
        branches = [policy()]
        while tokens.pop(0)[4] == ",":
            branches.append(policy())
        return gate(int(number), branches) if number else branches[0]

    return policy()


def show(policy, inside=False):
    if isinstance(policy, str):
        return policy
    k, branches = policy
    if k not in (1, len(branches)):
        return f"{k} of ({', '.join(map(show, branches))})"
    text = (" or " if k == 1 else " and ").join(show(branch, True) for branch in branches)
    return f"({text})" if inside else text


def leaves(policy):
    return [policy] if isinstance(policy, str) else [leaf for branch in policy[1] for leaf in leaves(branch)]


def holds(policy, held):
    if isinstance(policy, str):
        return policy in held
    return sum(holds(branch, held) for branch in policy[1]) >= policy[0]


def given(policy, attribute, held):
    if isinstance(policy, str):
        return held if policy == attribute else policy
    values = [given(branch, attribute, held) for branch in policy[1]]
    missing = policy[0] - sum(value is True for value in values)
    rest = [value for value in values if not isinstance(value, bool)]
    if missing <= 0:
        return True
    return gate(missing, rest) if missing <= len(rest) else False


def one_use(policy):
    """Policies without repetition whose disjunction is this one."""
    names = leaves(policy)
    repeated = sorted((-names.count(name), name) for name in set(names) if names.count(name) > 1)
    if not repeated:
        return [policy]
    attribute = repeated[0][1]
    found, rest = given(policy, attribute, True), given(policy, attribute, False)
    parts = [attribute] if found is True else [gate(2, [attribute, part]) for part in one_use(found)]
    return parts + ([] if isinstance(rest, bool) else one_use(rest))


def share(policy):
    """The rows of a policy without repetition: (attribute, {column: coefficient})."""
    columns = 1

    def rows(policy, secret):
        nonlocal columns
        if isinstance(policy, str):
            return [(policy, secret)]
        k, branches = policy
        first, n, out = columns, len(branches), []
        columns += k - 1
        for i, branch in enumerate(branches):
            if k == n:
                part = dict(secret) if i == 0 else {first + i - 1: -1}
                if i < n - 1:
                    part[first + i] = 1
            else:
                part = dict(secret)
                part.update({first + j - 1: comb(i + 1, j) for j in range(1, k) if comb(i + 1, j)})
            out += rows(branch, part)
        return out

    return rows(policy, {0: 1})


def solve(rows):
    """Factors that make (1, 0, 0, ...) of some rows, by elimination: by another way than the crate finds them."""
    width = 1 + max(column for _, row in rows for column in row)
    # One equation a column, one unknown a row.
    system = [[row.get(column, 0) % R for _, row in rows] + [int(column == 0)] for column in range(width)]
    pivots, line = [], 0
    for unknown in range(len(rows)):
        pivot = next((at for at in range(line, width) if system[at][unknown]), None)
        if pivot is None:
            continue
        system[line], system[pivot] = system[pivot], system[line]
        inverse = pow(system[line][unknown], -1, R)
        system[line] = [value * inverse % R for value in system[line]]
        for other in range(width):
            if other != line and system[other][unknown]:
                factor = system[other][unknown]
                system[other] = [(a - factor * b) % R for a, b in zip(system[other], system[line])]
        pivots.append(unknown)
        line += 1
    if any(system[at][-1] for at in range(line, width)):
        return None
    factors = [0] * len(rows)
    for at, unknown in enumerate(pivots):
        factors[unknown] = system[at][-1]
    return factors


# The scheme.

class Authority:
    def __init__(self, seed):
        self.seed = seed
        a1, a2, b1, b2, d1, d2, d3 = (
            oracle_scalar("master", seed, name) for name in (b"a1", b"a2", b"b1", b"b2", b"d1", b"d2", b"d3"))
        self.a, self.b, self.d = (a1, a2), (b1, b2), (d1, d2, d3)
        pair = e(G1, G2)
        self.public = Public(
            [multiply(G2, a) for a in self.a], [pair ** ((self.d[t] * self.a[t] + d3) % R) for t in (0, 1)])

    def issue(self, attributes, random):
        attributes = sorted(attributes)
        randomness = oracle("issue", self.seed, random, write_attributes(attributes))[:32]
        scalars = [oracle_scalar("key", randomness, n.to_bytes(2, "big")) for n in range(3 + len(attributes))]
        r1, r2, sigma = scalars[:3]
        br = [self.b[0] * r1 % R, self.b[1] * r2 % R, (r1 + r2) % R]

        def element(points, sigma, d):
            out = []
            for t in (0, 1):
                inverse = pow(self.a[t], -1, R)
                terms = [multiply(points[l][t], br[l] * inverse % R) for l in range(3)]
                out.append(total(terms + [multiply(G1, (d[t] + sigma * inverse) % R)]))
            return out + [multiply(G1, (d[2] - sigma) % R)]

        return Key(
            self.public.id,
            [multiply(G2, x) for x in br],
            element(of_column(0), sigma, self.d),
            {name: element(of_attribute(name), s, (0, 0, 0)) for name, s in zip(attributes, scalars[3:])})


def write_text(text):
    return len(text.encode()).to_bytes(2, "big") + text.encode()


def write_attributes(attributes):
    return bytes([len(attributes)]) + b"".join(map(write_text, attributes))


class Public:
    def __init__(self, powers, elements):
        self.powers, self.elements = powers, elements
        self.bytes = bytes([SUITE]) + b"".join(map(write_g2, powers)) + b"".join(map(write_gt, elements))
        self.id = oracle("public-key", self.bytes)[:32]

    def encapsulate(self, text, seed):
        """The encapsulation, its shared key, and the points of its parts for `Key.open`."""
        policy = parse(text)
        text = show(policy).encode()
        randomness = oracle("randomness", seed, self.id, text)[:32]
        out, parts = bytes([SUITE]) + self.id + len(text).to_bytes(2, "big") + text, []
        for n, part in enumerate(one_use(policy)):
            s = [oracle_scalar("encapsulation", randomness, bytes([n, t])) for t in (1, 2)]
            head = [multiply(self.powers[0], s[0]), multiply(self.powers[1], s[1]), multiply(G2, sum(s) % R)]
            secret = self.elements[0] ** s[0] * self.elements[1] ** s[1]
            masked = self.mask(secret, text, n, seed)
            rows = []
            for attribute, coefficients in share(part):
                row = []
                for l in range(3):
                    point = total(multiply(of_attribute(attribute)[l][t], s[t]) for t in (0, 1))
                    for column, coefficient in coefficients.items():
                        shares = total(multiply(of_column(column)[l][t], s[t] * coefficient % R) for t in (0, 1))
                        point = add(point, shares)
                    row.append(point)
                rows.append(row)
            out += b"".join(map(write_g2, head)) + masked + b"".join(write_g1(p) for row in rows for p in row)
            parts.append((part, head, masked, rows))
        return out, oracle("key", seed, out)[:32], parts

    def mask(self, secret, text, n, seed):
        mask = oracle("mask", write_gt(secret), self.id, text, bytes([n]))[:32]
        return bytes(a ^ b for a, b in zip(seed, mask))


class Key:
    def __init__(self, public_id, k0, k, elements):
        self.public_id, self.k0, self.k, self.elements = public_id, k0, k, elements

    def bytes(self):
        points = self.k + [point for name in sorted(self.elements) for point in self.elements[name]]
        return (bytes([SUITE]) + self.public_id + write_attributes(sorted(self.elements))
                + b"".join(map(write_g2, self.k0)) + b"".join(map(write_g1, points)))

    def open(self, public, text, parts):
        """The seed, by the first part that this key opens; nothing where it opens none."""
        for n, (part, head, masked, rows) in enumerate(parts):
            held = [(row, points) for row, points in zip(share(part), rows) if row[0] in self.elements]
            factors = held and solve([row for row, _ in held])
            if not factors:
                continue
            secret = FQ12.one()
            for l in range(3):
                of_key, of_rows = self.k[l], None
                for factor, ((attribute, _), points) in zip(factors, held):
                    if factor:
                        of_key = add(of_key, multiply(self.elements[attribute][l], factor))
                        point = multiply(points[l], factor)
                        of_rows = point if of_rows is None else add(of_rows, point)
                secret *= e(of_key, head[l]) * e(neg(of_rows), self.k0[l])
            return public.mask(secret, text.encode(), n, masked)
        return None
