"""The client's side of a connection (PROTOCOL.md, sections 6 to 8): several messages, one after the other or several
without an answer at once. What becomes of each is an Outcome; only RECEIPTED means delivered."""
import enum
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from . import cipher2012, wire
from .forms import Breach
from .pins import Pin
from .receipt import Opened, open_text


class Stream(Protocol):
    def write(self, data: bytes) -> None: ...
    def read(self, most: int) -> bytes: ...
    def readable(self) -> bool: ...


class Outcome(enum.Enum):
    RECEIPTED = "receipted"
    REFUSED = "refused"  # this message, for good
    STOPPED = "stopped"  # this client, for good: the message stays where it is
    NOT_KNOWN = "not known"  # kept or not: the same id settles it
    UNREADABLE = "unreadable"  # the file changed while it was sent: cancelled


@dataclass
class Message:
    id: bytes  # 16
    name: str
    size: int
    sha256: bytes
    pieces: Callable[[], Iterable[bytes]]
    key: bytes | None = None  # with cipher 2012

    def offer(self, ref: int) -> wire.Offer:
        encrypted = cipher2012.encrypted_size(self.size) if self.key else 0
        return wire.Offer(ref, self.id, int(self.key is not None), self.size, encrypted, self.sha256, self.name.encode())

    def body(self) -> Iterable[bytes]:
        """The bytes that travel. Raises a Breach where they are not those declared."""
        return cipher2012_body(self.key, self._checked()) if self.key else self._checked()

    def _checked(self) -> Iterable[bytes]:
        left, digest = self.size, hashlib.sha256()
        try:
            for piece in self.pieces():
                if (left := left - len(piece)) < 0:
                    break
                digest.update(piece)
                yield piece
        except OSError as error:
            raise Breach("unreadable", str(error)) from None
        if left or digest.digest() != self.sha256:
            raise Breach("unreadable", "the file changed while it was sent")


def cipher2012_body(key: bytes, pieces: Iterable[bytes]) -> Iterable[bytes]:
    yield key
    yield from cipher2012.encrypt_pieces(key, pieces)


def message_of(content: bytes, name: str, id_: bytes, key: bytes | None = None) -> Message:
    return Message(id_, name, len(content), hashlib.sha256(content).digest(), lambda: [content], key)


@dataclass
class Delivery:
    """A message, and what became of it so far."""
    message: Message
    outcome: Outcome = Outcome.NOT_KNOWN
    reason: str = "no answer"
    receipt: Opened | None = None
    text: bytes = b""  # of the receipt, as it came
    accepted: bool = False
    offset: int = 0  # from which on the server wants the body, behind the window
    answered: bool = False


class Ended(Exception):
    """The connection is of no more use. What was receipted or refused before stays so. `outcome` is that of the others."""

    def __init__(self, reason: str, outcome: Outcome = Outcome.NOT_KNOWN):
        super().__init__(reason)
        self.outcome = outcome


MOST_IN_FLIGHT = 16  # fewer than servers take: each costs memory here
OF_MESSAGE, OF_CLIENT = 0x01, 0x03  # the classes of codes that are for good, the one in REFUSAL, the other in CLOSE


class Session:
    """One connection. It is for one thread."""

    def __init__(self, stream: Stream, token: str, pinned: list[Pin]):
        """Logs in. Raises Ended."""
        self._stream, self._pins, self._sender = stream, pinned, token.split(":")[1] if token.count(":") == 2 else ""
        self._reader = wire.Reader(stream.read)
        self._open: dict[int, Delivery] = {}  # offers without an answer
        self._next, self._welcome = 0, None
        self._write(wire.Hello(token.encode()))
        self._welcome = self._take()

    def deliver(self, messages: Iterable[Message]) -> list[Delivery]:
        """Sends messages in order and waits for all answers. Does not raise: where the connection ends, the outcome
        says so."""
        deliveries = [Delivery(message) for message in messages]
        try:
            for delivery in deliveries:
                self._send(delivery)
            while self._open:
                self._take()
        except (Ended, OSError) as error:
            ended = error if isinstance(error, Ended) else Ended(str(error))
            for delivery in deliveries:
                if not delivery.answered:
                    delivery.outcome, delivery.reason = ended.outcome, str(ended)
        return deliveries

    def _send(self, delivery: Delivery) -> None:
        while len(self._open) >= min(self._welcome.in_flight, MOST_IN_FLIGHT):
            self._take()
        ref, self._next = self._next, (self._next + 1) % 2**32
        self._open[ref] = delivery
        self._write(delivery.message.offer(ref))
        try:
            whole = self._send_body(ref, delivery)
        except Breach as breach:
            if breach.outcome != "unreadable":
                raise
            delivery.outcome, delivery.reason, whole = Outcome.UNREADABLE, str(breach), False
        self._write(wire.End() if whole else wire.Cancel())

    def _send_body(self, ref: int, delivery: Delivery) -> bool:
        """Whether the whole body was sent: not where the answer came before."""
        at, window = 0, self._welcome.window  # the number of the next byte
        for piece in _records(delivery.message.body()):
            while self._stream.readable():  # a server waits for its answers to be taken
                self._take()
            # No further before ACCEPT, or an answer that makes the rest needless.
            while ref in self._open and not delivery.accepted and at + len(piece) > window:
                self._take()
            if ref not in self._open:
                return False
            # What lies between the window and the offset the server has from an earlier connection.
            if due := piece[:max(0, window - at)] + piece[max(0, max(window, delivery.offset) - at):]:
                self._write(wire.Data(due))
            at += len(piece)
        return True

    def _may_resume(self, m: Message, offset: int) -> bool:
        """Whether a server may ask for the body of a message from there on (section 6)."""
        return offset == 0 or m.key is None and self._welcome.window <= offset <= m.size

    def _write(self, record: wire.Record) -> None:
        try:
            self._stream.write(record.encode())
        except OSError:
            if self._welcome is None:
                raise
            while True:  # the server may have said why before it stopped reading
                self._take()

    def _take(self) -> wire.Record:
        """Reads one record and does what it says. Raises Ended."""
        try:
            rec = self._reader.next()
        except Breach as breach:
            raise Ended(f"the server broke the protocol: {breach}") from None
        match rec:
            case wire.Welcome() if self._welcome is None:
                return rec
            case wire.Accept() if self._waits(rec):
                delivery = self._open[rec.ref]
                delivery.accepted, delivery.offset = True, rec.offset
            case wire.Receipt() if rec.ref in self._open:
                self._receipted(self._answered(rec.ref), rec.text)
            case wire.Refusal() if rec.ref in self._open:
                self._refused(self._answered(rec.ref), rec)
            case wire.Close():
                self._closed(rec)
            case None:
                raise Ended("the server ended the connection")
            case _:
                raise Ended(f"the server broke the protocol: {type(rec).__name__} is out of turn")
        return rec

    def _waits(self, rec: wire.Accept) -> bool:
        """Whether an offer waits for this ACCEPT."""
        delivery = self._open.get(rec.ref)
        return delivery is not None and not delivery.accepted and self._may_resume(delivery.message, rec.offset)

    def _answered(self, ref: int) -> Delivery:
        delivery = self._open.pop(ref)
        delivery.answered = True
        return delivery

    def _receipted(self, delivery: Delivery, text: bytes) -> None:
        try:
            opened = open_text(text, self._pins)
            self._compare(opened, delivery.message)
        except Breach as breach:  # it is not an answer
            delivery.outcome, delivery.reason = Outcome.NOT_KNOWN, f"the receipt cannot be accepted: {breach}"
            return
        delivery.outcome, delivery.reason, delivery.receipt, delivery.text = Outcome.RECEIPTED, "", opened, text

    def _compare(self, opened: Opened, m: Message) -> None:
        """Section 8, rule 3."""
        e = opened.entry()
        ours = (f"sealpost/{self._welcome.logbook}", self._sender, m.id.hex(), m.name, "2012" if m.key else "none", m.size,
                m.sha256.hex())
        if (opened.tree.origin, e.sender, e.id, e.name, e.cipher, e.size, e.sha256) != ours:
            raise Breach("foreign", "it is about another message")

    def _refused(self, delivery: Delivery, r: wire.Refusal) -> None:
        if delivery.outcome is not Outcome.UNREADABLE:
            delivery.outcome = Outcome.REFUSED if r.code >> 8 == OF_MESSAGE else Outcome.NOT_KNOWN
            delivery.reason = f"{r.reason} (code 0x{r.code:04x})"

    def _closed(self, c: wire.Close) -> None:
        reason = f"{c.reason} (code 0x{c.code:04x})"
        raise Ended(reason, Outcome.STOPPED if c.code >> 8 == OF_CLIENT else Outcome.NOT_KNOWN)


def _records(body: Iterable[bytes]) -> Iterable[bytes]:
    """Cuts a body into pieces of the largest DATA."""
    rest = b""
    for piece in body:
        rest += piece
        while len(rest) >= wire.MAX_DATA:
            yield rest[:wire.MAX_DATA]
            rest = rest[wire.MAX_DATA:]
    if rest:
        yield rest
