"""Manifest lines (PROTOCOL.md, section 14): one JSON object each, in one canonical form."""
import json
import re
from dataclasses import astuple, dataclass, fields
from datetime import date

from .forms import MAX_UINT64, Breach, is_named

NAME = "manifest.jsonl"
MAX_LINE = 4096  # bytes, without the line end
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T((?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])\.[0-9]{9}Z")
_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True)
class Entry:
    """The fields in the order of the keys."""
    v: int
    seq: int
    file: str
    id: str
    sender: str
    name: str
    cipher: str
    received_at: str
    size: int
    encrypted_size: int
    sha256: str
    file_size: int
    file_sha256: str

    def encode(self) -> bytes:
        """The line, without its line end."""
        return b"{%s}" % b",".join(b'"%s":%s' % (f.name.encode(), _value(v)) for f, v in zip(fields(self), astuple(self)))


def _value(value: int | str) -> bytes:
    if isinstance(value, int):
        return b"%d" % value
    return b'"%s"' % value.replace("\\", "\\\\").replace('"', '\\"').encode()


def file_name(seq: int) -> str:
    return f"server_message{seq}.txt"


def sharded_path(seq: int) -> str:
    """Where the log file lies in a sharded directory."""
    return f"{seq // 10000:06}/{file_name(seq)}"


def parse(line: bytes) -> Entry:
    """Reads a line without its line end. Raises a Breach of class "failure" for whatever Entry.encode does not write."""
    try:
        if len(line) > MAX_LINE:
            raise ValueError("more than 4096 bytes")
        entry = Entry(**json.loads(line.decode()))
        _check(entry)
        if entry.encode() != line:
            raise ValueError("not in the canonical form")
        return entry
    except (ValueError, TypeError, RecursionError) as error:
        raise Breach("failure", f"no manifest line: {error}") from None


def _check(e: Entry) -> None:
    for f, value in zip(fields(e), astuple(e)):
        if type(value) is not f.type or f.type is int and not 0 <= value <= MAX_UINT64:
            raise ValueError(f"{f.name} is no {f.type.__name__}")
    if e.v != 1 or e.file not in (file_name(e.seq), sharded_path(e.seq)):
        raise ValueError("another version, or the file of another number")
    if any(len(text) != digits or not _HEX.fullmatch(text) for text, digits in ((e.id, 32), (e.sha256, 64), (e.file_sha256, 64))):
        raise ValueError("an id or a hash is not in lower-case hex digits")
    if not is_named(e.sender, e.name) or e.cipher not in ("none", "2012") or (e.cipher == "none") != (e.encrypted_size == 0):
        raise ValueError("sender, name, cipher or encrypted size cannot be")
    at = _TIME.fullmatch(e.received_at)
    if not at:
        raise ValueError("received_at is not in its form")
    date.fromisoformat(at[1])
