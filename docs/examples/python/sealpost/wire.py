"""Records of the sealpost wire (PROTOCOL.md, section 5): layouts, limits, and a reader of a stream of them."""
import enum
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .forms import Breach

HEADER = struct.Struct(">BI")  # type, length of the payload
MAX_DATA = 65536


class Type(enum.IntEnum):
    HELLO, OFFER, DATA, END, CANCEL = 0x01, 0x02, 0x03, 0x04, 0x05
    WELCOME, ACCEPT, RECEIPT, REFUSAL, CLOSE = 0x81, 0x82, 0x83, 0x84, 0x85


MOST = {Type.HELLO: 256, Type.OFFER: 324, Type.DATA: MAX_DATA, Type.END: 0, Type.CANCEL: 0, Type.WELCOME: 78,
        Type.ACCEPT: 12, Type.RECEIPT: 16388, Type.REFUSAL: 518, Type.CLOSE: 514}  # bytes of payload


class Code(enum.IntEnum):
    """Why an offer is not taken, or a connection ends (section 7). The high byte is the class."""
    TOO_LARGE, BAD_OFFER, ID_CONFLICT, CONTENT_MISMATCH, BAD_CIPHERTEXT = 0x0101, 0x0102, 0x0103, 0x0104, 0x0105
    UNAVAILABLE, OUTCOME_UNKNOWN, NO_SPACE, CANCELLED, PART_SPOILED = 0x0201, 0x0202, 0x0203, 0x0204, 0x0205
    OVER_QUOTA = 0x0206
    PROTOCOL_ERROR, UNAUTHENTICATED = 0x0301, 0x0302
    BUSY, SHUTTING_DOWN, TOO_SLOW, IDLE = 0x0401, 0x0402, 0x0403, 0x0404


@dataclass(frozen=True)
class Hello:
    token: bytes

    def encode(self) -> bytes:
        return record(Type.HELLO, self.token)


@dataclass(frozen=True)
class Offer:
    LAYOUT = struct.Struct(">I16sBQQ32s")
    ref: int
    id: bytes
    cipher: int  # 0 none, 1 2012
    size: int
    encrypted_size: int
    sha256: bytes
    name: bytes  # any bytes: whether it can be a name is for the server to judge

    def encode(self) -> bytes:
        return record(Type.OFFER, self.LAYOUT.pack(
            self.ref, self.id, self.cipher, self.size, self.encrypted_size, self.sha256) + self.name)


@dataclass(frozen=True)
class Data:
    piece: bytes

    def encode(self) -> bytes:
        return record(Type.DATA, self.piece)


@dataclass(frozen=True)
class End:
    def encode(self) -> bytes:
        return record(Type.END)


@dataclass(frozen=True)
class Cancel:
    def encode(self) -> bytes:
        return record(Type.CANCEL)


@dataclass(frozen=True)
class Welcome:
    LAYOUT = struct.Struct(">QIH")
    max_message: int
    window: int
    in_flight: int
    logbook: str

    def encode(self) -> bytes:
        return record(Type.WELCOME, self.LAYOUT.pack(self.max_message, self.window, self.in_flight) + self.logbook.encode())


@dataclass(frozen=True)
class Accept:
    ref: int
    offset: int

    def encode(self) -> bytes:
        return record(Type.ACCEPT, struct.pack(">IQ", self.ref, self.offset))


@dataclass(frozen=True)
class Receipt:
    ref: int
    text: bytes

    def encode(self) -> bytes:
        return record(Type.RECEIPT, struct.pack(">I", self.ref) + self.text)


@dataclass(frozen=True)
class Refusal:
    ref: int
    code: int
    reason: str

    def encode(self) -> bytes:
        return record(Type.REFUSAL, struct.pack(">IH", self.ref, self.code) + self.reason.encode())

    @property
    def retry_after(self) -> int:
        """After how many seconds to try again what is over quota (section 7); 0 where the reason does not say."""
        said = re.match(r"retry-after=([0-9]{1,10}); ", self.reason)
        seconds = int(said[1]) if said and self.code == Code.OVER_QUOTA else 0
        return seconds if seconds < 2**32 else 0


@dataclass(frozen=True)
class Close:
    code: int
    reason: str

    def encode(self) -> bytes:
        return record(Type.CLOSE, struct.pack(">H", self.code) + self.reason.encode())


Record = Hello | Offer | Data | End | Cancel | Welcome | Accept | Receipt | Refusal | Close


def record(type_: Type, payload: bytes = b"") -> bytes:
    return HEADER.pack(type_, len(payload)) + payload


def decode(type_: Type, payload: bytes) -> Record:
    """Takes a payload apart. Raises a Breach of class "malformed"."""
    try:
        match type_:
            case Type.HELLO:
                return Hello(payload)
            case Type.OFFER:
                return Offer(*Offer.LAYOUT.unpack_from(payload), payload[Offer.LAYOUT.size:])
            case Type.DATA:
                return Data(payload)
            case Type.END:
                return End()
            case Type.CANCEL:
                return Cancel()
            case Type.WELCOME:
                return _welcome(Welcome(*Welcome.LAYOUT.unpack_from(payload), payload[Welcome.LAYOUT.size:].decode("ascii")))
            case Type.ACCEPT:
                return Accept(*struct.unpack(">IQ", payload))
            case Type.RECEIPT:
                return Receipt(*struct.unpack_from(">I", payload), _some(payload[4:]))
            case Type.REFUSAL:
                return Refusal(*struct.unpack_from(">IH", payload), payload[6:].decode())
            case Type.CLOSE:
                return Close(*struct.unpack_from(">H", payload), payload[2:].decode())
    except (struct.error, ValueError) as error:
        raise Breach("malformed", f"{type_.name}: {error}") from None


def _welcome(w: Welcome) -> Welcome:
    if w.window == 0 or w.in_flight == 0 or not w.logbook or any(not "!" <= c <= "~" for c in w.logbook):
        raise ValueError("a limit of zero, or no logbook id")
    return w


def _some(text: bytes) -> bytes:
    if not text:
        raise ValueError("no text")
    return text


class Reader:
    """Reads records. `read(n)` returns 1 to n bytes of the stream, and none at its end. A reader that failed stays failed."""

    def __init__(self, read: Callable[[int], bytes]):
        self._read, self._failed = read, None

    def next(self) -> Record | None:
        """Returns the next record, None at a clean end. Raises a Breach of class "truncated", "unknown", "length" or
        "malformed"; its `type` is the record's, where it is known."""
        if self._failed:
            raise self._failed
        try:
            return self._next()
        except Breach as breach:
            self._failed = breach
            raise

    def _next(self) -> Record | None:
        if not (first := self._read(1)):
            return None
        number, size = HEADER.unpack(first + self._exactly(HEADER.size - 1))
        try:
            if number not in MOST:
                raise Breach("unknown", f"record type 0x{number:02x}")
            if size > MOST[number] or number == Type.DATA and size == 0:  # before anything is read or allocated for it
                raise Breach("length", f"{Type(number).name} of {size} bytes")
            return decode(Type(number), self._exactly(size))
        except Breach as breach:
            breach.type = number
            raise

    def _exactly(self, size: int) -> bytes:
        piece, whole = b"", bytearray()
        while len(whole) < size:
            if not (piece := self._read(size - len(whole))):
                raise Breach("truncated", "the stream ends inside a record")
            whole += piece
        return bytes(whole)

    def __iter__(self) -> Iterator[Record]:
        while (rec := self.next()) is not None:
            yield rec
