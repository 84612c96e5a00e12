"""The cipher of 2012 (PROTOCOL.md, section 11). It protects nothing."""
import base64
import hashlib
from collections.abc import Iterable, Iterator

from .forms import Breach, from_base64

BLOCK = 32
_CHUNK = 3 * BLOCK  # bytes whose base64 has no padding characters, in whole blocks


def derive(password: bytes) -> bytes:
    """The key of a password: 21 times SHA-256."""
    h = hashlib.sha256(password).digest()
    for _ in range(20):
        h = hashlib.sha256(h + password).digest()
    return h


def encrypted_size(size: int) -> int:
    """Characters of the text of a message of `size` bytes."""
    return (BLOCK * (size // BLOCK + 1) + 2) // 3 * 4


def _exor(key: bytes, data: bytes) -> bytes:
    keys = key * (len(data) // BLOCK)
    return (int.from_bytes(data) ^ int.from_bytes(keys)).to_bytes(len(data))


def _reverse(data: bytes) -> bytes:
    return b"".join(data[at:at + BLOCK][::-1] for at in range(0, len(data), BLOCK))


def encrypt_pieces(key: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Enciphers a message that comes in pieces, in constant memory."""
    rest = b""
    for piece in pieces:
        rest += piece
        whole = len(rest) - len(rest) % _CHUNK
        if whole:
            yield base64.b64encode(_exor(key, _reverse(rest[:whole])))
            rest = rest[whole:]
    n = BLOCK - len(rest) % BLOCK
    yield base64.b64encode(_exor(key, _reverse(rest + bytes([n]) * n)))


def encrypt(key: bytes, plain: bytes) -> bytes:
    return b"".join(encrypt_pieces(key, [plain]))


def decrypt(key: bytes, text: bytes) -> bytes:
    """Opens a text, as strictly as the server. Raises a Breach of class "base64", "length" or "padding"."""
    raw = from_base64(text)
    if raw is None:
        raise Breach("base64", "not canonical base64")
    if not raw or len(raw) % BLOCK:
        raise Breach("length", "not a positive multiple of 32 bytes")
    padded = _reverse(_exor(key, raw))
    n = padded[-1]
    if not 1 <= n <= BLOCK or padded[-n:] != bytes([n]) * n:
        raise Breach("padding", "the last block has no padding")
    return padded[:-n]
