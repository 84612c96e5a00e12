"""A directory of log files, held against its manifest, and the manifest against all that was signed of it
(PROTOCOL.md, section 10: "The manifest as a whole")."""
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import checkpoint, manifest, receipt, retired
from .checkpoint import Checkpoint
from .files import check_file, is_message
from .forms import Breach
from .pins import Pin
from .tree import Hasher

CHECKPOINT = "checkpoint"
OWED = "owed"
RETIRED = "retired"
_SHARD = re.compile(r"[0-9]{6,}")
_LOG_FILE = re.compile(r"server_message(0|[1-9][0-9]*)\.txt")


@dataclass(frozen=True)
class Signed:
    """A tree that was signed, and where it was found."""
    source: str
    tree: Checkpoint


class Collection:
    """One audit. `findings` says what is wrong, a line each; none means that all that was looked at fits."""

    def __init__(self, directory: str, pinned: list[Pin], moved: bool = False):
        """With `moved` a log file that is not there was moved away, unless the driver owes it: `away` counts them."""
        self._dir, self._pins, self._moved = directory, pinned, moved
        self.findings: list[str] = []
        self.files = self.receipts = self.lines = self.vouched = self.away = self.retired = 0
        self._owed: list[range] = []
        self._note: retired.Retired | None = None
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
        self._read_owed()
        self._read_retired()
        roots = self._lines({s.tree.size for s in self._signed})
        self._judge(roots)
        for index in sorted(self._receipts):
            if index >= self.lines:
                self.findings += [f"{source}: line {index} is missing from the manifest" for source, _ in self._receipts[index]]
        for number, path in sorted(self._numbers()):
            if number >= self.lines:
                self.findings.append(f"{path}: line {number} is missing from the manifest")
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
        """The manifest's lines without their ends. What stands behind the last line end is not a line yet."""
        try:
            with open(os.path.join(self._dir, manifest.NAME), "rb") as file:
                while (line := file.readline(manifest.MAX_LINE + 2)).endswith(b"\n"):
                    yield line[:-1]
                if line:
                    self.findings.append(f"{manifest.NAME}: {len(line)} bytes behind the last line are not a whole line")
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
        except Breach as breach:
            self.findings.append(f"line {number}: {_reason(breach)}")
            return
        try:
            self._file(entry)
        except FileNotFoundError:
            self._missing(entry)
        except OSError as error:
            self.findings.append(f"line {number}: {entry.file}: {_reason(error)}")

    def _missing(self, entry: manifest.Entry) -> None:
        if self._note and self._note.has(entry.seq):
            self.retired += 1
        elif any(entry.seq in numbers for numbers in self._owed):
            self.findings.append(f"line {entry.seq}: {entry.file} is owed, no run of the driver has had it")
        elif self._moved:
            self.away += 1
        else:
            self.findings.append(f"line {entry.seq}: {entry.file} is missing")

    def _read_owed(self) -> None:
        """The driver's list of what it has passed over: a number or FIRST-LAST on each line."""
        try:
            with open(os.path.join(self._dir, OWED), encoding="ascii") as file:
                for first, _, last in (line.strip().partition("-") for line in file):
                    self._owed.append(range(int(first), int(last or first) + 1))
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            self.findings.append(f"{OWED}: {_reason(error)}")

    def _read_retired(self) -> None:
        """The server's note of the log files that it removed, of a logbook of which a tree was signed."""
        try:
            with open(os.path.join(self._dir, RETIRED), "rb") as file:
                note = retired.open_signed(file.read(retired.MAX_BYTES + 1), self._pins)
            if note.origin not in [s.tree.origin + retired.SUFFIX for s in self._signed]:
                raise Breach("foreign", "it is of no logbook that signed this manifest")
            self._note = note
        except FileNotFoundError:
            pass
        except (OSError, Breach) as error:
            self.findings.append(f"{RETIRED}: {_reason(error)}")

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

    def _numbers(self) -> Iterator[tuple[int, str]]:
        """The numbers of the log files that are there, in shard directories too, and their paths. No link is followed."""
        for entry in os.scandir(self._dir):
            if match := _LOG_FILE.fullmatch(entry.name):
                yield int(match[1]), entry.name
            elif _SHARD.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                for name in os.listdir(entry.path):
                    if (match := _LOG_FILE.fullmatch(name)) and f"{entry.name}/{name}" == manifest.sharded_path(int(match[1])):
                        yield int(match[1]), f"{entry.name}/{name}"


def _range(first: int, end: int) -> str:
    return f"line {first}" if first + 1 == end else f"lines {first} to {end - 1}"


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
