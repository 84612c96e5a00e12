"""Receipts: a manifest line, and the proof that it is in a tree that was signed (PROTOCOL.md, section 10;
c2sp.org/tlog-proof)."""
import base64
from dataclasses import dataclass

from . import checkpoint, manifest, tree
from .checkpoint import Checkpoint
from .forms import Breach, from_base64, from_decimal, is_control
from .pins import Pin

SUFFIX = ".tlog-proof"
MAX_BYTES = 65536
MAX_PROOF = 62  # hashes
_FORM = b"c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Receipt:
    """A receipt, taken apart. Nothing in it is verified."""
    line: bytes  # of the manifest, without its line end
    index: int
    proof: list[bytes]
    signed: bytes  # the checkpoint

    def encode(self) -> bytes:
        rows = [_FORM, b"extra " + base64.b64encode(self.line), b"index %d" % self.index,
                *(base64.b64encode(p) for p in self.proof), b"", self.signed]
        return b"\n".join(rows)


@dataclass(frozen=True)
class Opened:
    """A receipt whose signature and proof hold."""
    line: bytes
    index: int
    tree: Checkpoint
    signed: bytes

    def entry(self) -> manifest.Entry:
        """The manifest line in it, whose number must be its place in the tree. Raises a Breach of class "failure"."""
        entry = manifest.parse(self.line)
        if entry.seq != self.index:
            raise Breach("failure", "the line has another number than the receipt")
        return entry


def parse(text: bytes) -> Receipt:
    """Takes a receipt apart. Raises a Breach of class "malformed"."""
    head, found, signed = text.partition(b"\n\n")
    rows = head.split(b"\n")
    if len(text) > MAX_BYTES or not found or rows[0] != _FORM or not 3 <= len(rows) <= 3 + MAX_PROOF:
        raise Breach("malformed", "no receipt")
    proof = [from_base64(row) for row in rows[3:]]
    if any(p is None or len(p) != 32 for p in proof):
        raise Breach("malformed", "the receipt's proof is not made of hashes")
    return Receipt(_line(rows[1]), _index(rows[2]), proof, signed)


def _line(row: bytes) -> bytes:
    line = from_base64(row[6:]) if row.startswith(b"extra ") else None
    try:
        if line and len(line) <= manifest.MAX_LINE and not is_control(line.decode()):
            return line
    except UnicodeDecodeError:
        pass
    raise Breach("malformed", "the receipt holds no manifest line")


def _index(row: bytes) -> int:
    index = from_decimal(row[6:].decode("ascii", "replace"), checkpoint.MAX_TREE) if row.startswith(b"index ") else None
    if index is None:
        raise Breach("malformed", "the receipt has no index")
    return index


def open_text(text: bytes, pinned: list[Pin]) -> Opened:
    """Checks a receipt against the pinned identities. Raises a Breach of class "malformed", "signature" or "proof".
    That the line is about one's own message is for the caller to compare."""
    r = parse(text)
    signed = checkpoint.open_signed(r.signed, pinned)
    if not tree.includes(r.index, r.line, r.proof, signed.size, signed.root):
        raise Breach("proof", "the proof does not lead from the line to the signed tree")
    return Opened(r.line, r.index, signed, r.signed)
