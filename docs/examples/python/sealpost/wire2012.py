"""The wire of 2012 (PROTOCOL.md, section 12): raw TCP, no framing, no answer, no protection."""
import socket
from collections.abc import Iterable

from . import cipher2012
from .forms import Breach

KEY = 32  # bytes in front of the text


def encode(key: bytes, plain: bytes) -> bytes:
    """A whole connection: the key, then the text."""
    return key + cipher2012.encrypt(key, plain)


def decode(stream: bytes, most: int | None = None) -> tuple[bytes, bytes]:
    """Takes a whole connection apart, into key and message. `most` is the largest message taken. Raises a Breach of
    class "truncated", "oversize", or one of cipher2012.decrypt."""
    if len(stream) < KEY:
        raise Breach("truncated", "the stream ends inside the key")
    key, text = stream[:KEY], stream[KEY:]
    if most is not None and len(text) > cipher2012.encrypted_size(most):
        raise Breach("oversize", "the text is longer than that of the largest message")
    plain = cipher2012.decrypt(key, text)
    if most is not None and len(plain) > most:
        raise Breach("oversize", "larger than the largest message")
    return key, plain


def send(address: tuple[str, int], key: bytes, pieces: Iterable[bytes], timeout: float) -> None:
    """Sends one message, half-closes and waits: the server closes normally once the message is kept, and resets the
    connection where it refuses (ConnectionError)."""
    with socket.create_connection(address, timeout=timeout) as sock:
        sock.sendall(key)
        for piece in cipher2012.encrypt_pieces(key, pieces):
            sock.sendall(piece)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(4096):
            pass
