"""Clients in Python that nobody here wrote, on the folder that the program `elsewhere` has made: check.py FOLDER.

What is accepted must be refused once a byte of it is changed: `holds` sees to that.
"""

import base64
import hashlib
import json
import ssl
import struct
import sys
import time
import urllib.request
import zlib
from pathlib import Path

import base45
import cbor2
import numpy
import scitt_cose
import zxingcpp
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto import jwe, jwk
from pycose.keys import EC2Key
from pycose.keys.curves import P256
from pycose.messages import CoseMessage

FOLDER = Path(sys.argv[1])
WORLD = json.loads((FOLDER / "world.json").read_text())
LOG = WORLD["node"] + "/supply"
ROOT = ssl.DER_cert_to_PEM_cert((FOLDER / "tls-root.der").read_bytes())
HTTPS = urllib.request.build_opener(urllib.request.HTTPSHandler(context=ssl.create_default_context(cadata=ROOT)))


def get(url, **headers):
    with HTTPS.open(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return answer.read()


def accepts(check, content):
    try:
        return bool(check(content))
    except Exception:  # a client may refuse in any way
        return False


def holds(what, content, check):
    assert check(content), f"{what}: refused"
    for at in range(0, len(content), max(1, len(content) // 64)):
        changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        assert not accepts(check, changed), f"{what}: accepted although byte {at} is another"


def member_key():
    return x509.load_der_x509_certificate((FOLDER / "member.der").read_bytes()).public_key()


def pem(key):
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def statement():
    numbers = member_key().public_numbers()
    key = EC2Key(crv=P256, x=numbers.x.to_bytes(32, "big"), y=numbers.y.to_bytes(32, "big"))

    def by_pycose(content):
        message = CoseMessage.decode(content)
        message.key = key
        return message.verify_signature()

    content = (FOLDER / "known.cose").read_bytes()
    holds("statement, by pycose", content, by_pycose)
    known = frozenset({1, 2, 3, 15, 16, 34})
    by_scitt = lambda content: scitt_cose.verify_sign1(content, public_key_pem=pem(member_key()), understood_labels=known)
    holds("statement, by scitt-cose", content, by_scitt)


def receipt():
    statement = hashlib.sha256((FOLDER / "known.cose").read_bytes()).hexdigest()
    content = get(f"{LOG}/entries/{statement}", Accept="application/cose")
    (key,) = cbor2.loads(get(f"{LOG}/.well-known/scitt-keys", Accept="application/cbor"))
    point = ec.EllipticCurvePublicNumbers(*(int.from_bytes(key[label], "big") for label in (-2, -3)), ec.SECP256R1())
    key = pem(point.public_key())
    check = lambda content, entry: scitt_cose.verify_receipt(content, leaf_entry_hex=entry, log_public_key_pem=key).ok
    holds("receipt", content, lambda content: check(content, statement))
    assert not accepts(lambda content: check(content, "00" * 32), content), "another statement is in the log"


def code():
    text, payload = (FOLDER / "code.txt").read_text(), (FOLDER / "code.payload").read_bytes()
    assert text.startswith("CS1:")
    holds("base45", text.encode(), lambda text: text[:4] == b"CS1:" and base45.b45decode(text[4:]) == payload)
    (read,) = zxingcpp.read_barcodes(picture("code.png"))
    assert read.text == text


def symbols():
    elements, link = (FOLDER / "pack.txt").read_text(), (FOLDER / "pack.link").read_text()
    for name, form, text in [
        ("datamatrix", zxingcpp.BarcodeFormat.DataMatrix, elements),
        ("gs1-qr", zxingcpp.BarcodeFormat.QRCode, elements),
        ("link-qr", zxingcpp.BarcodeFormat.QRCode, link),
    ]:
        pixels = picture(f"{name}.png")
        (read,) = zxingcpp.read_barcodes(pixels, text_mode=zxingcpp.TextMode.Plain)
        assert (read.format, read.bytes.decode()) == (form, text), f"{name}: {read.format} {read.bytes}"
        gs1 = read.content_type == zxingcpp.ContentType.GS1
        assert gs1 == (text == elements), f"{name}: {read.content_type}"
        pixels[:, : pixels.shape[1] // 2] = 255
        assert not zxingcpp.read_barcodes(pixels), f"{name}: half of it is read"


def health_link():
    uri = (FOLDER / "health-link.txt").read_text()
    (read,) = zxingcpp.read_barcodes(picture("health-link.png"), text_mode=zxingcpp.TextMode.Plain)
    assert read.text == uri and read.ec_level == "M", f"{read.text} {read.ec_level}"
    payload = json.loads(base64.urlsafe_b64decode(uri.removeprefix("shlink:/") + "=="))
    key = jwk.JWK(kty="oct", k=payload.pop("key"))
    assert payload == {"url": "https://files.example/l/1", "flag": "U", "exp": 1900000000, "label": "Trial"}, payload

    header, _, *sealed = (FOLDER / "health-link.jwe").read_text().split(".")
    nonce, text, tag = (base64.urlsafe_b64decode(part + "==") for part in sealed)

    # Changed are the bytes, not their base64, of which some readers ignore bits and blanks.
    def opens(content):
        cut = len(nonce), len(nonce) + len(text)
        parts = [content[: cut[0]], content[cut[0] : cut[1]], content[cut[1] :]]
        encoded = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts]
        file = jwe.JWE(algs=["dir", "A256GCM"])
        file.deserialize(".".join([header, "", *encoded]), key)
        assert file.jose_header == {"alg": "dir", "enc": "A256GCM", "cty": "application/fhir+json"}
        return file.payload == (FOLDER / "health-link.json").read_bytes()

    holds("JWE", nonce + text + tag, opens)


def picture(name):
    """A grey PNG of eight bits without interlacing, by its filters (ISO/IEC 15948 section 9)."""
    file = (FOLDER / name).read_bytes()
    chunks, at = {}, 8
    while at < len(file):
        length, kind = struct.unpack(">I4s", file[at : at + 8])
        content, (check,) = file[at + 8 : at + 8 + length], struct.unpack(">I", file[at + 8 + length : at + 12 + length])
        assert zlib.crc32(kind + content) == check
        chunks[kind] = chunks.get(kind, b"") + content
        at += 12 + length
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour, interlaced) == (8, 0, 0)
    rows = numpy.frombuffer(zlib.decompress(chunks[b"IDAT"]), numpy.uint8).reshape(height, width + 1)
    before, pixels = numpy.zeros(width, numpy.uint8), numpy.empty((height, width), numpy.uint8)
    for row, pixel in zip(rows, pixels):
        pixel[:] = before = unfilter(int(row[0]), row[1:].copy(), before)
    return pixels


def unfilter(kind, row, above):
    if kind == 2:
        return row + above
    left = upper = 0
    for at in range(len(row) if kind else 0):
        up = int(above[at])
        nearest = min((left, up, upper), key=lambda one: abs(left + up - upper - one))
        left, upper = (int(row[at]) + {1: left, 3: (left + up) // 2, 4: nearest}[kind]) % 256, up
        row[at] = left
    return row


for check, name in [
    (statement, "statement: pycose, scitt-cose"),
    (receipt, "receipt: scitt-cose"),
    (code, "the text of a code: base45"),
    (symbols, "symbols: zxing-cpp"),
    (health_link, "a SMART Health Link and its file: jwcrypto"),
]:
    began = time.monotonic()
    check()
    print(f"ok   {1000 * (time.monotonic() - began):5.0f} ms  {name}")
