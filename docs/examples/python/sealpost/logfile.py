"""Log files (PROTOCOL.md, section 13): a header that declares sizes, and parts whose places follow from them."""
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from . import manifest
from .forms import MAX_UINT64, Breach, from_decimal, is_named

MAX_HEADER = 8192
WIDTH = 76  # characters on a line of base64 text
_TITLE = "-----\n{} MESSAGE CONTENT\n-----\n\n"
_HEAD = re.compile(
    r"Message Received at: (?P<at>[A-Z][a-z]{2} [A-Z][a-z]{2} [0-9]{2}, [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2})\n\n"
    r"(?:Total Encrypted Message Size: (?P<encrypted>[0-9]+) bytes\n)?"
    r"Total Decrypted Message Size: (?P<size>[0-9]+) bytes\n"
    r"Sender: (?P<sender>[^\n]*)\n"
    r"(?:Message Name: (?P<name>[^\n]+)\n)?"
    r"Message ID: (?P<id>[0-9a-f]{32})\n"
    r"(?P<left_out>Encrypted Message Content: left out\n)?" + _TITLE.format("DECRYPTED"))
_DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True)
class Head:
    received_at: datetime  # in the server's zone, which is not written
    encrypted_size: int  # 0 with cipher none
    size: int
    sender: str
    name: str  # "" for none
    id: str
    left_out: bool  # the message was enciphered, and the file does not show it

    @property
    def cipher(self) -> str:
        return "2012" if self.encrypted_size else "none"

    def encode(self) -> bytes:
        t = self.received_at
        rows = [f"Message Received at: {_DAYS[t.weekday()]} {_MONTHS[t.month - 1]} {t.day:02}, {t.year:04} {t:%H:%M:%S}\n",
                f"Total Encrypted Message Size: {self.encrypted_size} bytes" if self.encrypted_size else None,
                f"Total Decrypted Message Size: {self.size} bytes",
                f"Sender: {self.sender}",
                f"Message Name: {self.name}" if self.name else None,
                f"Message ID: {self.id}",
                "Encrypted Message Content: left out" if self.left_out else None,
                _TITLE.format("DECRYPTED")]
        return "\n".join(row for row in rows if row is not None).encode()

    def trailer(self) -> bytes:
        """What stands behind the message."""
        return ("\n\n" + _TITLE.format("ENCRYPTED")).encode() if self.shows_text else b"\n"

    @property
    def shows_text(self) -> bool:
        return self.encrypted_size > 0 and not self.left_out

    @property
    def lines(self) -> int:
        """Lines of base64 text."""
        return -(-self.encrypted_size // WIDTH) if self.shows_text else 0

    def file_size(self) -> int:
        text = self.encrypted_size + self.lines if self.shows_text else 0
        return len(self.encode()) + self.size + len(self.trailer()) + text


def parse_head(start: bytes) -> Head:
    """Reads the header from a file's first bytes. Raises a Breach of class "header"."""
    try:
        # The header ends before a message that may be cut inside a character, or not be text at all.
        match = _HEAD.match(start[:MAX_HEADER].decode("utf-8", "surrogateescape"))
        if not match:
            raise ValueError("no header")
        day, month, rest = match["at"].split(" ", 2)
        at = datetime.strptime(f"{_MONTHS.index(month) + 1} {rest}", "%m %d, %Y %H:%M:%S")
        sizes = [from_decimal(match[key] or "0", MAX_UINT64) for key in ("encrypted", "size")]
        head = Head(at, *sizes, match["sender"], match["name"] or "", match["id"], bool(match["left_out"]))
        if None in sizes or not is_named(head.sender, head.name) or head.left_out and not head.encrypted_size:
            raise ValueError("a size or a name that cannot be")
        if not start.startswith(head.encode()):
            raise ValueError("not in its one form")
        return head
    except ValueError as error:  # UnicodeEncodeError too: a name that is not UTF-8
        raise Breach("header", f"no log file: {error}") from None


def parse(file: BinaryIO, size: int) -> Head:
    """Reads the header of a file of `size` bytes, and checks that its parts make up the whole file. Leaves `file` at the
    message's first byte. Raises a Breach of class "header", "size" or "trailer"."""
    head = parse_head(file.read(MAX_HEADER))
    if head.file_size() != size:
        raise Breach("size", f"a file of {size} bytes, where its header declares {head.file_size()}")
    message = len(head.encode())
    file.seek(message + head.size)
    if file.read(len(head.trailer())) != head.trailer():
        raise Breach("trailer", "the lines behind the message are not where they must be")
    file.seek(message)
    return head


def pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The next `size` bytes of a file."""
    while size and (piece := file.read(min(size, 1 << 16))):
        size -= len(piece)
        yield piece


def text(file: BinaryIO, head: Head) -> Iterator[bytes]:
    """The lines of base64 text, without their ends, of a file that stands behind its message's trailer. Raises a Breach
    of class "wrap"."""
    left = head.encrypted_size if head.shows_text else 0
    while left:
        line = file.read(min(left, WIDTH) + 1)
        if line[-1:] != b"\n" or b"\n" in line[:-1]:
            raise Breach("wrap", "the base64 text is not in lines of 76 characters")
        left -= len(line) - 1
        yield line[:-1]


def belongs(head: Head, entry: manifest.Entry) -> bool:
    """Whether header and manifest line are of the same message. The times cannot be compared: the zone is not known."""
    return (head.size, head.encrypted_size, head.cipher, head.sender, head.name, head.id) == (
        entry.size, entry.encrypted_size, entry.cipher, entry.sender, entry.name, entry.id)
