"""Server identities (PROTOCOL.md, section 3)."""
import base64
import hashlib
import re
from dataclasses import dataclass

from .forms import WHITE_SPACE, Breach, from_base64, is_control, is_key_name

ED25519 = b"\x01"  # the kind of key, in a verifier key
ED25519_INFO = bytes.fromhex("302a300506032b6570032100")  # a SubjectPublicKeyInfo up to the key, RFC 8410


@dataclass(frozen=True)
class Pin:
    name: str  # for people
    key: bytes  # 32 bytes: the part that counts

    def public_key_info(self) -> bytes:
        return ED25519_INFO + self.key

    def verifier_key(self) -> str:
        return f"{self.name}+{key_hash(self.name, self.key).hex()}+{base64.b64encode(ED25519 + self.key).decode()}"


def key_hash(name: str, key: bytes) -> bytes:
    """The 4 bytes that stand for a key in a signature line (c2sp.org/signed-note)."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + key).digest()[:4]


def parse(text: str) -> list[Pin]:
    """Reads 1 to 16 verifier keys, separated by commas. Raises a Breach that quotes nothing of the text."""
    parts = text.split(",")
    if len(parts) > 16:
        raise Breach("malformed", "more than 16 pins")
    return [_parse(part.strip(WHITE_SPACE), number) for number, part in enumerate(parts, 1)]


def _parse(text: str, number: int) -> Pin:
    match = re.fullmatch(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", text)  # pluses behind the second are base64
    raw = from_base64(match[3].encode()) if match and _is_origin(match[1]) else None
    if not raw or raw[:1] != ED25519 or key_hash(match[1], raw[1:]).hex() != match[2]:
        raise Breach("malformed", f"pin number {number} is not NAME+HASH+KEY, as the server prints it")
    return Pin(match[1], raw[1:])


def _is_origin(name: str) -> bool:
    # Bytes of an argument or a variable that are not UTF-8 are surrogates in Python's strings.
    return is_key_name(name) and not is_control(name) and not any("\ud800" <= c <= "\udfff" for c in name)


def _element(der: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Start and end of the content of a DER element that begins at `at` and ends by `end`. Refuses BER's indefinite length
    (0x80) and lengths that are not in their shortest form: OpenSSL takes the one, so that this function and OpenSSL could
    see different keys in one certificate."""
    if end - at < 2 or der[at] != tag:
        raise Breach("malformed", "the server's certificate is not one")
    size, start = der[at + 1], at + 2
    if size >= 0x80:
        start, digits = start + size - 0x80, der[start:start + size - 0x80]
        size = int.from_bytes(digits)
        if size < 0x80 or digits[0] == 0:
            raise Breach("malformed", "the server's certificate is not one in DER: a length")
    if start + size > end:
        raise Breach("malformed", "the server's certificate is not one: a part reaches beyond what it is in")
    return start, start + size


def public_key_info(certificate: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate in DER (RFC 5280, section 4.1)."""
    at, end = _element(certificate, 0, len(certificate), 0x30)
    if end != len(certificate):
        raise Breach("malformed", "something stands behind the server's certificate")
    at, end = _element(certificate, at, end, 0x30)  # TBSCertificate
    if certificate[at:at + 1] == b"\xa0":  # version; without, it is 1
        _, at = _element(certificate, at, end, 0xA0)
    for tag in (0x02, 0x30, 0x30, 0x30, 0x30):  # serial number, signature, issuer, validity, subject
        _, at = _element(certificate, at, end, tag)
    return certificate[at:_element(certificate, at, end, 0x30)[1]]
