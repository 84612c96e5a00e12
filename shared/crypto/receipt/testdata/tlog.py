"""Receipts and checkpoints for vectors.py: a second implementation, written from docs/PROTOCOL.md and
c2sp.org and not from the Go code. Of others' code it needs python3-cryptography, for Ed25519.
"""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NAME = "sealpost/0123456789abcdef0123456789abcdef"
HEADER = b"c2sp.org/tlog-proof@v1\n"
LARGEST = 2**62 - 1  # leaves of a tree


class Signer:
    def __init__(self, seed: bytes, name: str = NAME):
        self.key, self.name, self.seed = Ed25519PrivateKey.from_private_bytes(seed), name, seed
        self.public = b"\x01" + self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def hash(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + self.public).digest()[:4]

    def sign(self, text: bytes) -> bytes:
        return self.line(self.hash() + self.key.sign(text))

    def line(self, raw: bytes) -> bytes:
        return f"— {self.name} ".encode() + b64(raw) + b"\n"

    def pin(self) -> str:
        return f"{self.name}+{self.hash().hex()}+{b64(self.public).decode()}"


def b64(raw: bytes) -> bytes:
    return base64.b64encode(raw)


def stray(text: bytes) -> bytes:
    """The same base64 with a bit set that no byte uses."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = len(text.rstrip(b"=")) - 1
    assert text.endswith(b"=")
    return text[:at] + alphabet[alphabet.index(text[at]) + 1:][:1] + text[at + 1:]


# RFC 6962, section 2.1.

def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(n: int) -> int:
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


def root(leaves: list) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def path(m: int, leaves: list) -> list:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return path(m, leaves[:k]) + [root(leaves[k:])]
    return path(m - k, leaves[k:]) + [root(leaves[:k])]


def invented(m: int, n: int, hash_: bytes, level: int = 0) -> tuple:
    """A proof of made-up hashes for leaf m of n, and the root that it leads to."""
    if n == 1:
        return [], hash_
    k = split(n)
    other = hashlib.sha256(b"subtree %d" % level).digest()
    if m < k:
        proof, top = invented(m, k, hash_, level + 1)
        return proof + [other], node(top, other)
    proof, top = invented(m - k, n - k, hash_, level + 1)
    return proof + [other], node(other, top)


# Texts.

def tree(size, root_: bytes, name: str = NAME) -> bytes:
    return f"{name}\n{size}\n".encode() + b64(root_) + b"\n"


def note(text: bytes, *signers: Signer) -> bytes:
    return text + b"\n" + b"".join(s.sign(text) for s in signers)


def head(index, line: bytes, proof: list) -> bytes:
    return HEADER + b"extra " + b64(line) + b"\nindex %d\n" % index + b"".join(b64(h) + b"\n" for h in proof)


def manifest_line(seq: int, name: str = "report.txt") -> bytes:
    """The line of a message with the text "message <seq>"."""
    text = b"message %d" % seq
    digest = hashlib.sha256(text).hexdigest()
    return (f'{{"v":1,"seq":{seq},"file":"server_message{seq}.txt","id":"{digest[:32]}","sender":"store-17","name":"{name}",'
            f'"cipher":"none","received_at":"2012-07-22T20:44:41.{seq % 10**9:09d}Z","size":{len(text)},"encrypted_size":0,'
            f'"sha256":"{digest}","file_size":236,"file_sha256":"{digest[::-1]}"}}').encode()


SERVER = Signer(bytes(range(32)))
NEXT = Signer(bytes(range(1, 33)))
STRANGER = Signer(bytes(range(2, 34)))
WITNESS = Signer(bytes(range(3, 35)), "witness.example/w1")
