"""A TLS connection to the pinned server (PROTOCOL.md, sections 2 and 3).

Before OpenSSL 3.5 it has X25519 alone: who records the connection can read it once they have a quantum computer.
"""
import select
import socket
import ssl

from . import pins

ALPN = "sealpost/1"


class WrongServer(Exception):
    """The server holds none of the pinned keys, or does not speak this version: refused for good."""


class Connection:
    """A byte stream to a server that was checked. Nothing was sent on it yet."""

    def __init__(self, address: tuple[str, int], pinned: list[pins.Pin], timeout: float):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols([ALPN])
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # names and issuer mean nothing, the key does
        self._sock = context.wrap_socket(socket.create_connection(address, timeout=timeout))
        try:
            self._check(pinned)
        except BaseException:
            self._sock.close()
            raise

    def _check(self, pinned: list[pins.Pin]) -> None:
        info = pins.public_key_info(self._sock.getpeercert(binary_form=True))
        if info not in [pin.public_key_info() for pin in pinned]:
            raise WrongServer(f"the server's key is {info.hex()}, expected one of {[pin.key.hex() for pin in pinned]}")
        if self._sock.selected_alpn_protocol() != ALPN:
            raise WrongServer(f"the server does not speak {ALPN}")

    def write(self, data: bytes) -> None:
        self._sock.sendall(data)

    def read(self, most: int) -> bytes:
        return self._sock.recv(most)

    def readable(self) -> bool:
        """Whether something came that was not read."""
        return self._sock.pending() > 0 or bool(select.select([self._sock], [], [], 0)[0])

    def close(self) -> None:
        """Sends close_notify first, so that the server sees an end and not a lost connection."""
        try:
            self._sock.unwrap()
        except OSError:
            pass
        self._sock.close()
