"""Ed25519 (RFC 8032): the one thing that is not in the standard library. Debian's package is python3-cryptography."""
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def verifies(key: bytes, signature: bytes, text: bytes) -> bool:
    """Whether `signature` (64 bytes) of `text` is of the holder of `key` (32 bytes)."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
    except (InvalidSignature, ValueError):  # ValueError: no key at all
        return False
    return True
