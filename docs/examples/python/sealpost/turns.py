"""What a server answers to a client's records (PROTOCOL.md, section 6), as a machine without sockets, files or clocks:
each state is a method that takes a record and returns the next state."""
import hashlib
from collections.abc import Callable

from . import cipher2012, wire, wire2012
from .forms import Breach, is_name
from .wire import Code

WINDOW = 262144


class Closed(Exception):
    pass


class Server:
    """One connection to a server of one sender. `answers` grows: "RECEIPT 0", "REFUSAL 1 0x0103", "CLOSE 0x0301" and so
    on. It keeps what it receipts, so that a repeated id is known."""

    def __init__(self, token: bytes, max_message: int = 1 << 30):
        self._token, self._max = token, max_message
        self._next = 0
        self._kept: dict[bytes, wire.Offer] = {}
        self.answers: list[str] = []

    def run(self, stream: bytes) -> list[str]:
        """Takes a whole stream of records. A stream that ends inside a body or a record is a cut connection: nothing is
        answered to that."""
        at = memoryview(stream)

        def read(most: int) -> bytes:
            nonlocal at
            piece, at = bytes(at[:most]), at[most:]
            return piece

        state: Callable = self._start
        try:
            for rec in wire.Reader(read):
                state = state(rec)
        except Closed:
            pass
        except Breach as breach:
            if breach.outcome != "truncated":
                self._say("CLOSE", Code.PROTOCOL_ERROR)
        return self.answers

    def _say(self, what: str, code: int | None = None, ref: int | None = None) -> None:
        parts = [what, None if ref is None else str(ref), None if code is None else f"0x{code:04x}"]
        self.answers.append(" ".join(part for part in parts if part is not None))

    def _close(self, code: Code) -> None:
        self._say("CLOSE", code)
        raise Closed

    def _start(self, rec: wire.Record) -> Callable:
        if not isinstance(rec, wire.Hello):
            self._close(Code.PROTOCOL_ERROR)
        if rec.token != self._token:
            self._close(Code.UNAUTHENTICATED)
        self._say("WELCOME")
        return self._between

    def _between(self, rec: wire.Record) -> Callable:
        if not isinstance(rec, wire.Offer) or rec.ref != self._next:
            self._close(Code.PROTOCOL_ERROR)
        self._next += 1
        self._offer, self._body, self._left_over = rec, bytearray(), WINDOW
        self._declared = 32 + rec.encrypted_size if rec.cipher else rec.size
        if (known := self._kept.get(rec.id)) is not None:
            return self._receipt() if _content(known) == _content(rec) else self._refuse(Code.ID_CONFLICT)
        if (code := self._judge(rec)) is not None:
            return self._refuse(code)
        if self._declared > WINDOW:
            self._say("ACCEPT", ref=rec.ref)
            self._left_over += self._declared
        return self._in_body

    def _judge(self, o: wire.Offer) -> Code | None:
        try:
            if not is_name(o.name.decode()):
                return Code.BAD_OFFER
        except UnicodeDecodeError:
            return Code.BAD_OFFER
        if o.size > self._max:
            return Code.TOO_LARGE
        if o.cipher > 1 or o.encrypted_size != (cipher2012.encrypted_size(o.size) if o.cipher else 0):
            return Code.BAD_OFFER
        return None

    def _in_body(self, rec: wire.Record) -> Callable:
        match rec:
            case wire.Data():
                self._body += rec.piece
                self._left_over -= len(rec.piece) if self._declared > WINDOW else 0
                return self._in_body if len(self._body) <= self._declared else self._refuse(Code.CONTENT_MISMATCH)
            case wire.Cancel():
                self._refuse(Code.CANCELLED)
            case wire.End():
                self._end()
            case _:
                self._close(Code.PROTOCOL_ERROR)
        return self._between

    def _end(self) -> None:
        o = self._offer
        try:
            if len(self._body) != self._declared:
                raise Breach("size", "not as many bytes as declared")
            plain = wire2012.decode(bytes(self._body))[1] if o.cipher else bytes(self._body)
        except Breach as breach:
            self._refuse(Code.CONTENT_MISMATCH if breach.outcome == "size" else Code.BAD_CIPHERTEXT)
            return
        if len(plain) != o.size or hashlib.sha256(plain).digest() != o.sha256:
            self._refuse(Code.CONTENT_MISMATCH)
            return
        self._kept[o.id] = o
        self._receipt()

    def _skip(self, rec: wire.Record) -> Callable:
        match rec:
            case wire.Data():
                self._left_over -= len(rec.piece)
                if self._left_over >= 0:
                    return self._skip
            case wire.End() | wire.Cancel():
                return self._between
        self._close(Code.PROTOCOL_ERROR)

    def _receipt(self) -> Callable:
        self._say("RECEIPT", ref=self._offer.ref)
        return self._skip

    def _refuse(self, code: Code) -> Callable:
        self._say("REFUSAL", code, self._offer.ref)
        return self._skip


def _content(o: wire.Offer) -> tuple:
    """What must be the same under the same id."""
    return o.name, o.cipher, o.size, o.encrypted_size, o.sha256
