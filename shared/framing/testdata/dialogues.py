"""What clients.py, servers.py and wire2012.py share."""

import base64
import hashlib
import pathlib

HERE = pathlib.Path(__file__).parent
TEXT = b"Tide at nine."
OTHER = b"Tide at ten."
MAX = 320 << 10


def stream(*records) -> bytes:
    return b"".join(raw for raw, _ in records)


def fresh(folder: str) -> None:
    (HERE / folder).mkdir(exist_ok=True)
    for old in (HERE / folder).glob("*.txt"):
        old.unlink()


def write(folder: str, name: str, header: dict, body: bytes) -> None:
    out = HERE / folder / f"{name}.txt"
    assert not out.exists(), name
    lines = "".join(f"{k}: {v}\n" for k, v in header.items())
    out.write_bytes(lines.encode() + b"\n" + body)


# The 2012 cipher (PROTOCOL.md, section 11).

def derive(password: bytes) -> bytes:
    h = hashlib.sha256(password).digest()
    for _ in range(20):
        h = hashlib.sha256(h + password).digest()
    return h


def blocks(key: bytes, padded: bytes) -> bytes:
    return b"".join(bytes(b ^ k for b, k in zip(padded[at:at + 32][::-1], key)) for at in range(0, len(padded), 32))


def encrypt(key: bytes, plain: bytes) -> bytes:
    n = 32 - len(plain) % 32
    return base64.b64encode(blocks(key, plain + bytes([n]) * n))


KEY = derive(b"harbour")
