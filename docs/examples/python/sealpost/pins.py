"""Server identities (PROTOCOL.md, section 3)."""
import hashlib
import re
from dataclasses import dataclass

from .forms import Breach, from_base64

ED25519 = b"\x01"  # the kind of key, in a verifier key
ED25519_INFO = bytes.fromhex("302a300506032b6570032100")  # a SubjectPublicKeyInfo up to the key, RFC 8410


@dataclass(frozen=True)
class Pin:
    name: str  # for people
    key: bytes  # 32 bytes: the part that counts

    def public_key_info(self) -> bytes:
        return ED25519_INFO + self.key


def key_hash(name: str, key: bytes) -> bytes:
    """The 4 bytes that stand for a key in a signature line (c2sp.org/signed-note)."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + key).digest()[:4]


def parse(text: str) -> list[Pin]:
    """Reads 1 to 16 verifier keys, separated by commas. Raises a Breach that quotes nothing of the text."""
    parts = text.split(",")
    if len(parts) > 16:
        raise Breach("malformed", "more than 16 pins")
    return [_parse(part.strip(), number) for number, part in enumerate(parts, 1)]


def _parse(text: str, number: int) -> Pin:
    match = re.fullmatch(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", text)
    raw = from_base64(match[3].encode()) if match else None
    if not raw or raw[:1] != ED25519 or key_hash(match[1], raw[1:]).hex() != match[2]:
        raise Breach("malformed", f"pin number {number} is not NAME+HASH+KEY, as the server prints it")
    return Pin(match[1], raw[1:])


def _element(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Start and end of a DER element's content. BER's indefinite length (0x80) is refused: OpenSSL takes it, so that
    this function and OpenSSL could see different keys in one certificate."""
    size, start = der[at + 1], at + 2
    if der[at] != tag or size == 0x80:
        raise Breach("malformed", "the server's certificate is not one")
    if size > 0x80:
        start, size = start + size - 0x80, int.from_bytes(der[start:start + size - 0x80])
    return start, start + size


def public_key_info(certificate: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate in DER (RFC 5280, section 4.1)."""
    try:
        at, _ = _element(certificate, _element(certificate, 0, 0x30)[0], 0x30)  # TBSCertificate
        for tag in (0xA0, 0x02, 0x30, 0x30, 0x30, 0x30):  # version, serial number, signature, issuer, validity, subject
            _, at = _element(certificate, at, tag)
        return certificate[at:_element(certificate, at, 0x30)[1]]
    except IndexError:
        raise Breach("malformed", "the server's certificate is cut") from None
