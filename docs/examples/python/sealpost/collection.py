"""A directory of log files, held against its manifest, and the manifest against all that was signed of it
(PROTOCOL.md, section 10: "The manifest as a whole")."""
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from . import checkpoint, logfile, manifest, receipt
from .checkpoint import Checkpoint
from .forms import Breach, from_base64
from .pins import Pin
from .tree import Hasher

CHECKPOINT = "checkpoint"
_LOG_FILE = re.compile(r"server_message(0|[1-9][0-9]*)\.txt")


@dataclass(frozen=True)
class Signed:
    """A tree that was signed, and where it was found."""
    source: str
    tree: Checkpoint


class Collection:
    """One audit. `findings` says what is wrong, a line each; none means that all that was looked at fits."""

    def __init__(self, directory: str, pinned: list[Pin]):
        self._dir, self._pins = directory, pinned
        self.findings: list[str] = []
        self.files = self.receipts = self.lines = self.vouched = 0
        self._signed: list[Signed] = []
        self._receipts: dict[int, list[tuple[str, bytes]]] = {}  # by line: where from, and the line in it

    def add_checkpoint(self, path: str) -> None:
        try:
            with open(path, "rb") as file:
                self._signed.append(Signed(path, checkpoint.open_signed(file.read(), self._pins)))
        except (OSError, Breach) as error:
            self.findings.append(f"{path}: {_reason(error)}")

    def add_receipt(self, path: str) -> None:
        """Takes a receipt, and the message where it lies beside it."""
        self.receipts += 1
        try:
            with open(path, "rb") as file:
                opened = receipt.open_text(file.read(), self._pins)
            entry = opened.entry()
            self._signed.append(Signed(path, opened.tree))
            self._receipts.setdefault(opened.index, []).append((path, opened.line))
            message = path.removesuffix(receipt.SUFFIX)
            if os.path.exists(message) and not is_message(message, entry):
                self.findings.append(f"{message}: not the message of its receipt, of line {entry.seq}")
        except (OSError, Breach) as error:
            self.findings.append(f"{path}: {_reason(error)}")

    def audit(self) -> None:
        if os.path.exists(path := os.path.join(self._dir, CHECKPOINT)):
            self.add_checkpoint(path)
        roots = self._lines({s.tree.size for s in self._signed})
        self._judge(roots)
        for index in sorted(self._receipts):
            if index >= self.lines:
                self.findings += [f"{source}: line {index} is missing from the manifest" for source, _ in self._receipts[index]]
        for number in sorted(self._numbers()):
            if number >= self.lines:
                self.findings.append(f"{manifest.file_name(number)}: line {number} is missing from the manifest")
        if self.lines and not self._signed:
            self.findings.append("no checkpoint and no receipt vouches for the manifest")

    def _lines(self, sizes: set[int]) -> dict[int, bytes]:
        """Looks at each line and its file, and returns the roots of trees of these sizes."""
        hasher, roots = Hasher(), {}
        for line in self._manifest():
            if hasher.size in sizes:
                roots[hasher.size] = hasher.root()
            self._line(hasher.size, line)
            hasher.add(line)
        roots[hasher.size], self.lines = hasher.root(), hasher.size
        return roots

    def _manifest(self) -> Iterator[bytes]:
        """The manifest's lines without their ends. What stands behind the last line end is no line yet."""
        try:
            with open(os.path.join(self._dir, manifest.NAME), "rb") as file:
                while (line := file.readline(manifest.MAX_LINE + 2)).endswith(b"\n"):
                    yield line[:-1]
                if line:
                    self.findings.append(f"{manifest.NAME}: {len(line)} bytes behind the last line are no whole line")
        except OSError as error:
            self.findings.append(f"{manifest.NAME}: {_reason(error)}")

    def _line(self, number: int, line: bytes) -> None:
        for source, theirs in self._receipts.get(number, []):
            if theirs != line:
                self.findings.append(f"line {number} is not the one in {source}")
        try:
            entry = manifest.parse(line)
            if entry.seq != number:
                raise Breach("failure", f"it is that of message {entry.seq}")
            self._file(entry)
        except Breach as breach:
            self.findings.append(f"line {number}: {_reason(breach)}")
        except FileNotFoundError:
            self.findings.append(f"line {number}: {manifest.file_name(number)} is missing")
        except OSError as error:
            self.findings.append(f"line {number}: {manifest.file_name(number)}: {_reason(error)}")

    def _file(self, entry: manifest.Entry) -> None:
        with open(os.path.join(self._dir, entry.file), "rb") as file:
            try:
                check_file(file, os.fstat(file.fileno()).st_size, entry)
                self.files += 1
            except Breach as breach:
                self.findings.append(f"line {entry.seq}: {entry.file} is altered: {_reason(breach)}")

    def _judge(self, roots: dict[int, bytes]) -> None:
        """Tells an end that was cut off, an altered line and a split view apart."""
        agree = [s.tree for s in self._signed if roots.get(s.tree.size) == s.tree.root]
        self.vouched = max((t.size for t in agree), default=0)
        for tree in dict.fromkeys(s.tree for s in sorted(self._signed, key=lambda s: s.tree.size)):
            sources = [s.source for s in self._signed if s.tree == tree]
            where = sources[0] + (f" and {len(sources) - 1} more" if len(sources) > 1 else "")
            if tree not in agree:
                self.findings.append(f"{where}: {self._fault(tree, [t for t in agree if t.origin == tree.origin])}")

    def _fault(self, tree: Checkpoint, agree: list[Checkpoint]) -> str:
        """What is wrong with a tree that the manifest does not agree with; `agree` are those of its logbook that it does."""
        rivals = [s for s in self._signed if (s.tree.origin, s.tree.size) == (tree.origin, tree.size) and s.tree != tree]
        if rivals or tree.size <= self.lines and any(t.size >= max(tree.size, 1) for t in agree):
            return f"split view: the server signed these {tree.size} lines and other ones, for different readers"
        if tree.size > self.lines:
            return f"the manifest's end was cut off: {_range(self.lines, tree.size)} missing, of {tree.size} signed"
        below = max((t.size for t in agree if t.size < tree.size), default=0)
        return (f"{tree.size} lines were signed, and the manifest has others: a change in {_range(below, tree.size)}, "
                "or a split view")

    def _numbers(self) -> Iterator[int]:
        """The numbers of the log files that are there."""
        for name in os.listdir(self._dir):
            if match := _LOG_FILE.fullmatch(name):
                yield int(match[1])


def check_file(file: BinaryIO, size: int, entry: manifest.Entry) -> None:
    """Compares a log file with its manifest line. Raises a Breach."""
    if size != entry.file_size:
        raise Breach("size", f"{size} bytes instead of {entry.file_size}")
    if hashlib.file_digest(file, "sha256").hexdigest() != entry.file_sha256:
        raise Breach("hash", "its SHA-256 is another")
    file.seek(0)
    head = logfile.parse(file, size)
    if not logfile.belongs(head, entry):
        raise Breach("header", "its header is of another message")
    if _sha256(logfile.pieces(file, head.size)) != entry.sha256:
        raise Breach("hash", "the SHA-256 of the message in it is another")
    file.seek(len(head.trailer()), os.SEEK_CUR)
    for quads in _groups(logfile.text(file, head)):
        if from_base64(quads) is None:
            raise Breach("base64", "its base64 text is none")


def _groups(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Lines of 76 characters are 19 groups of four: each is base64 by itself, and padding stands in the last alone."""
    before = None
    for line in lines:
        if before is not None:
            yield before if not before.endswith(b"=") else b"="
        before = line
    if before is not None:
        yield before


def is_message(path: str, entry: manifest.Entry) -> bool:
    """Whether a file is the message of a manifest line."""
    with open(path, "rb") as file:
        return os.fstat(file.fileno()).st_size == entry.size and hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256


def _sha256(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _range(first: int, end: int) -> str:
    return f"line {first}" if first + 1 == end else f"lines {first} to {end - 1}"


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
