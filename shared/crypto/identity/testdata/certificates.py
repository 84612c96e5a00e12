"""Certificates for vectors.py: sound ones, ones with another key where a careless look finds it, and ones that are no DER.

Each is a name, what must come of it for who pins the first of two keys, a remark, who holds the private half of the leaf's
key, that key where a reader of the certificate sees one, and the bytes.
"""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEQUENCE, SET, INTEGER, BITS, OCTETS, OID, UTF8, TELETEX, TIME, TIME4 = 0x30, 0x31, 0x02, 0x03, 0x04, 0x06, 0x0C, 0x14, 0x17, 0x18
VERSION, EXTENSIONS = 0xA0, 0xA3
ED25519, X25519, COMMON_NAME, UNKNOWN = b"\x2b\x65\x70", b"\x2b\x65\x6e", b"\x55\x04\x03", b"\x2a\x03\x04"


def length(n: int) -> bytes:
    if n < 0x80:
        return bytes([n])
    digits = n.to_bytes((n.bit_length() + 7) // 8)
    return bytes([0x80 + len(digits)]) + digits


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes([tag]) + length(len(content)) + content


def name(text: bytes, tag: int = UTF8, kind: bytes = COMMON_NAME) -> bytes:
    return der(SEQUENCE, der(SET, der(SEQUENCE, der(OID, kind), der(tag, text))))


def info(key: bytes, kind: bytes = ED25519) -> bytes:
    """A SubjectPublicKeyInfo (RFC 8410)."""
    return der(SEQUENCE, der(SEQUENCE, der(OID, kind)), der(BITS, b"\0" + key))


def extension(value: bytes, kind: bytes = UNKNOWN) -> bytes:
    return der(EXTENSIONS, der(SEQUENCE, der(SEQUENCE, der(OID, kind), der(OCTETS, value))))


ALGORITHM = der(SEQUENCE, der(OID, ED25519))
VALIDITY = der(SEQUENCE, der(TIME, b"120101000000Z"), der(TIME4, b"99991231235959Z"))


def parts(public: bytes, **other: bytes) -> dict:
    """The parts of a TBSCertificate, in their order; None leaves one out."""
    return {"version": der(VERSION, der(INTEGER, b"\x02")), "serial": der(INTEGER, b"\x01"), "algorithm": ALGORITHM,
            "issuer": name(b"sealpost"), "validity": VALIDITY, "subject": name(b"sealpost"), "info": info(public),
            "extensions": b""} | other


def signed(signer, tbs: bytes, algorithm: bytes = ALGORITHM) -> bytes:
    return der(SEQUENCE, tbs, algorithm, der(BITS, b"\0" + signer.key.sign(tbs)))


def certificate(signer, **other: bytes) -> bytes:
    made = parts(signer.public[1:], **other)
    return signed(signer, der(SEQUENCE, *made.values()), made["algorithm"])


def decoys(key: bytes) -> dict:
    """Places for a key that is not the certificate's."""
    shown = info(key)
    return {
        "extension": {"extensions": extension(shown)},
        "key-identifier": {"extensions": extension(der(OCTETS, shown), b"\x55\x1d\x0e")},
        "serial": {"serial": der(INTEGER, shown)},
        "issuer": {"issuer": name(shown, TELETEX)},
        "subject": {"subject": name(shown, TELETEX)},
        "everywhere": {"issuer": name(shown, TELETEX), "subject": name(shown, TELETEX), "extensions": extension(shown)},
        "issuer-oid": {"issuer": name(der(BITS, b"\0" + key), TELETEX, ED25519)},
    }


def certificates(pinned, stranger):
    yield from sound(pinned, stranger)
    yield from others(pinned, stranger)
    yield from broken(pinned, stranger)


def sound(pinned, stranger):
    key = pinned.public[1:]

    def good(called: str, about: str, body: bytes):
        return called, "success", about, pinned, key, body

    yield good("good", "version 3, no extensions", certificate(pinned))
    yield good("good-v1", "version 1: the field is left out", certificate(pinned, version=b""))
    yield good("good-extension", "an extension that nobody knows", certificate(pinned, extensions=extension(b"hello")))
    yield good("good-names", "other names", certificate(pinned, issuer=name(b"a"), subject=name(b"mail.example.org")))
    yield good("good-no-names", "empty names", certificate(pinned, issuer=der(SEQUENCE), subject=der(SEQUENCE)))
    yield good("good-expired", "dates that are past", certificate(pinned, validity=der(SEQUENCE, der(TIME, b"120101000000Z"),
                                                                                      der(TIME, b"120102000000Z"))))
    for n in (100, 101, 127, 128, 240, 300):
        yield good(f"good-name-{n}", f"a name of {n} bytes: lengths of one byte and more", certificate(pinned, subject=name(b"x" * n)))
    yield good("good-long", "an extension of 70000 bytes: lengths of three bytes", certificate(pinned, extensions=extension(bytes(70000))))
    yield good("good-issued", "signed by another key: the issuer means nothing",
               signed(stranger, der(SEQUENCE, *parts(key).values())))
    for place, other in decoys(stranger.public[1:]).items():
        yield good("good-decoy-" + place, f"the pinned key, and another one in another place: {place}", certificate(pinned, **other))


def others(pinned, stranger):
    key = pinned.public[1:]

    def mismatch(called: str, about: str, body: bytes, shown: bytes = stranger.public[1:]):
        return called, "mismatch", about, stranger, shown, body

    yield mismatch("stranger", "another key", certificate(stranger))
    for place, other in decoys(key).items():
        yield mismatch("decoy-" + place, f"another key, and the pinned one in another place: {place}", certificate(stranger, **other))
    flipped = bytes([key[0] ^ 1]) + key[1:]
    yield mismatch("key-first-bit", "the first bit of the key is another", certificate(stranger, info=info(flipped)), flipped)
    flipped = key[:-1] + bytes([key[-1] ^ 0x80])
    yield mismatch("key-last-bit", "the last bit of the key is another", certificate(stranger, info=info(flipped)), flipped)
    yield mismatch("x25519", "the pinned key's bytes as a key of X25519", certificate(stranger, info=info(key, X25519)), b"")
    yield mismatch("unknown-kind", "the pinned key's bytes as a key of a kind that nobody knows",
                   certificate(stranger, info=info(key, UNKNOWN)), b"")
    behind = der(SEQUENCE, der(SEQUENCE, der(OID, ED25519)), der(BITS, b"\0" + key), b"\x05\x00")
    yield "info-longer", "mismatch", "the pinned key, and an element behind it in the SubjectPublicKeyInfo", pinned, b"", certificate(pinned, info=behind)
    p256 = ec.derive_private_key(7, ec.SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield mismatch("p256", "a key of P-256, and the pinned one in an extension",
                   certificate(stranger, info=p256, extensions=extension(info(key))), b"")


def endless(tag: int, content: bytes) -> bytes:
    """BER's indefinite length: to the two zero bytes."""
    return bytes([tag, 0x80]) + content + b"\0\0"


def inside(element: bytes) -> bytes:
    """The content of an element."""
    return element[2 + (element[1] & 0x7F if element[1] > 0x80 else 0):]


def longer(element: bytes, digits: int) -> bytes:
    """An element whose length has more digits than it needs."""
    content = inside(element)
    return element[:1] + bytes([0x80 + digits]) + len(content).to_bytes(digits) + content


def broken(pinned, stranger):
    key = pinned.public[1:]
    whole, made = certificate(pinned), parts(key)
    tbs = der(SEQUENCE, *made.values())
    behind = inside(whole)[len(tbs):]

    def malformed(called: str, about: str, body: bytes, holder=pinned):
        return called, "malformed", about, holder, b"", body

    # Lengths that DER does not have.
    yield malformed("indefinite-certificate", "an indefinite length: the certificate", endless(SEQUENCE, inside(whole)))
    yield malformed("indefinite-tbs", "an indefinite length: the TBSCertificate", der(SEQUENCE, endless(SEQUENCE, inside(tbs)), behind))
    for part in ("version", "algorithm", "issuer", "validity", "subject", "info"):
        other = endless(made[part][0], inside(made[part]))
        yield malformed("indefinite-" + part, f"an indefinite length: {part}", certificate(pinned, **{part: other}))
    trap = b"\x30\x80\x06\x03" + ED25519 + b"\x30\x80\x30\x00" + info(key) + b"\0\0\0\0"
    yield malformed("indefinite-trap", "indefinite lengths in the algorithm: who takes them for zero reads on inside it, to the pinned key",
                    der(SEQUENCE, der(SEQUENCE, *parts(stranger.public[1:], algorithm=trap).values()), behind), stranger)
    yield malformed("long-certificate", "a length with a zero before it: the certificate", longer(whole, 4))
    yield malformed("long-tbs", "a length with a zero before it: the TBSCertificate", der(SEQUENCE, longer(tbs, 3), behind))
    for part in ("version", "serial", "algorithm", "issuer", "validity", "subject", "info"):
        yield malformed("long-" + part, f"a length in two bytes where one is enough: {part}",
                        certificate(pinned, **{part: longer(made[part], 1)}))
    yield malformed("length-32-bits", "a length that is right in its lowest 32 bits: the public key",
                    certificate(pinned, info=b"\x30\x85\x01" + len(inside(made["info"])).to_bytes(4) + inside(made["info"])))
    yield malformed("length-64-bits", "a length that is right in its lowest 64 bits: the subject",
                    certificate(pinned, subject=b"\x30\x89\x01" + len(inside(made["subject"])).to_bytes(8) + inside(made["subject"])))
    yield malformed("length-negative", "a length of 2^64-1: the subject", certificate(pinned, subject=b"\x30\x88" + b"\xff" * 8 + inside(made["subject"])))
    yield malformed("length-reserved", "a length of the kind 0xff, which is reserved", b"\x30\xff" + whole[2:])
    # Parts that do not fit each other.
    yield malformed("beyond-certificate", "a TBSCertificate that reaches beyond its certificate",
                    der(SEQUENCE, tbs[:1] + length(len(inside(tbs)) + len(behind) + 1) + inside(tbs), behind))
    short = b"".join(made.values())
    yield malformed("beyond-tbs", "a public key that reaches beyond its TBSCertificate",
                    der(SEQUENCE, der(SEQUENCE, short[:-8]), short[-8:], behind))
    yield malformed("trailing-byte", "a byte behind the certificate", whole + b"\0")
    yield malformed("trailing-certificate", "another certificate behind the certificate", certificate(stranger) + whole, stranger)
    for part in ("serial", "algorithm", "issuer", "validity", "subject", "info"):
        yield malformed("without-" + part, f"left out: {part}", certificate(pinned, **{part: b""}))
    yield malformed("tag-certificate", "a SET in place of the certificate's SEQUENCE", b"\x31" + whole[1:])
    yield malformed("tag-tbs", "a SET in place of the TBSCertificate's", der(SEQUENCE, b"\x31" + tbs[1:], behind))
    yield malformed("tag-subject", "a SET in place of the subject's", certificate(pinned, subject=b"\x31" + made["subject"][1:]))
    for at in (0, 1, 2, 3, 8, 40, len(whole) - len(behind) - 10, len(whole) - 65, len(whole) - 1):
        yield malformed(f"cut-{at:03}", f"the first {at} bytes", whole[:at])
    yield malformed("pem", "not in DER", b"-----BEGIN CERTIFICATE-----\n")
    yield malformed("key-alone", "a public key without a certificate", info(key))
