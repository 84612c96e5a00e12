"""Checkpoints: what a server signs of its manifest (PROTOCOL.md, section 10; c2sp.org/tlog-checkpoint, signed-note)."""
import base64
from dataclasses import dataclass

from . import ed25519, pins
from .forms import Breach, from_base64, from_decimal, is_control, is_key_name

MAX_BYTES = 65536
MAX_TREE = 2**62 - 1  # lines
ORIGIN = "sealpost/"
_SIGNATURE = "\u2014 "
_MAX_SIGNATURES = 100


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int  # lines
    root: bytes

    def text(self) -> bytes:
        """The text that is signed, in its one spelling without extension lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()


@dataclass(frozen=True)
class Signature:
    name: str
    hash: bytes  # of name and key
    raw: bytes


@dataclass(frozen=True)
class Note:
    """A signed note, taken apart. Nothing in it is verified."""
    text: bytes
    signatures: list[Signature]

    def encode(self) -> bytes:
        lines = [f"{_SIGNATURE}{s.name} {base64.b64encode(s.hash + s.raw).decode()}\n" for s in self.signatures]
        return self.text + b"\n" + "".join(lines).encode()


def parse_note(note: bytes, most: int = MAX_BYTES) -> Note:
    """Takes a signed note apart. Raises a Breach of class "malformed"."""
    try:
        text = note.decode()
    except UnicodeDecodeError:
        raise Breach("malformed", "the note is not UTF-8") from None
    head, found, block = text.rpartition("\n\n")
    if len(note) > most or any(c < " " and c != "\n" for c in text) or not found or not block.endswith("\n"):
        raise Breach("malformed", "no signed note")
    lines = block[:-1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise Breach("malformed", "too many signatures")
    return Note((head + "\n").encode(), [_signature(line) for line in lines])


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_SIGNATURE).partition(" ")
    raw = from_base64(encoded.encode())
    if not line.startswith(_SIGNATURE) or not is_key_name(name) or raw is None or len(raw) < 5:
        raise Breach("malformed", "a line behind the note's text is not a signature")
    return Signature(name, raw[:4], raw[4:])


def parse(text: bytes) -> Checkpoint:
    """Reads the text of a checkpoint. Raises a Breach of class "malformed"."""
    lines = text.decode().removesuffix("\n").split("\n")
    if not all(lines) or len(lines) < 3:
        raise Breach("malformed", "a checkpoint has three lines, and none is empty")
    size, root = from_decimal(lines[1], MAX_TREE), from_base64(lines[2].encode())
    if size is None or root is None or len(root) != 32:
        raise Breach("malformed", "no size or no root in the checkpoint")
    return Checkpoint(_origin(text), size, root)


def _origin(text: bytes) -> str:
    origin = text.decode().partition("\n")[0]
    if not origin.startswith(ORIGIN) or not is_key_name(origin) or is_control(origin):
        raise Breach("malformed", "the checkpoint names no logbook")
    return origin


def open_signed(signed: bytes, pinned: list[pins.Pin]) -> Checkpoint:
    """Checks a signed checkpoint against the pinned identities, of which only the keys count. Raises a Breach of class
    "malformed" or "signature"."""
    return parse(verified_text(signed, pinned))


def verified_text(signed: bytes, pinned: list[pins.Pin], most: int = MAX_BYTES, suffix: str = "") -> bytes:
    """Checks a note, whose origin ends in `suffix`, and returns its text."""
    note = parse_note(signed, most)
    origin = _origin(note.text)
    if not origin.endswith(suffix):
        raise Breach("malformed", "the note is of another kind")
    keys: dict[bytes, set[bytes]] = {}
    for pin in pinned:
        keys.setdefault(pins.key_hash(origin, pin.key), set()).add(pin.key)
    first: dict[bytes, bytes] = {}  # a repeated signature of a key has no meaning
    for s in note.signatures:
        if s.name == origin and s.hash in keys:
            first.setdefault(s.hash, s.raw)
    # Two keys of one hash: whose line it is cannot be told, so that it holds for neither.
    if not first or not all(len(keys[h]) == 1 and ed25519.verifies(*keys[h], raw, note.text) for h, raw in first.items()):
        raise Breach("signature", "the signature is not of a pinned identity")
    return note.text
