"""Notes of retired messages: what a server signs of the log files that it removed (PROTOCOL.md, section 14)."""
from dataclasses import dataclass

from . import checkpoint, pins
from .forms import Breach, from_decimal

MAX_RANGES = 4096
MAX_BYTES = MAX_RANGES * 40 + checkpoint.MAX_BYTES
SUFFIX = "/retired"


@dataclass(frozen=True)
class Retired:
    origin: str
    serial: int
    ranges: list[tuple[int, int]]  # first and last of each, ascending, with gaps between them

    def text(self) -> bytes:
        """The text that is signed, in its one spelling."""
        return "".join(f"{line}\n" for line in (self.origin, self.serial, *(f"{a}-{b}" for a, b in self.ranges))).encode()

    def has(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.ranges)


def open_signed(signed: bytes, pinned: list[pins.Pin]) -> Retired:
    """Checks a signed note against the pinned identities, of which only the keys count. Raises a Breach of class
    "malformed" or "signature"."""
    text = checkpoint.verified_text(signed, pinned, MAX_BYTES, SUFFIX)
    origin, *rest = text.decode().removesuffix("\n").split("\n")
    serial = from_decimal(rest[0], checkpoint.MAX_TREE) if rest else None
    if not serial or not 2 <= len(rest) <= 1 + MAX_RANGES:
        raise Breach("malformed", "a note of retired messages has a serial and 1 to 4096 ranges")
    return Retired(origin, serial, _ranges(rest[1:]))


def _ranges(lines: list[str]) -> list[tuple[int, int]]:
    ranges, least = [], 0
    for line in lines:
        first, last = (from_decimal(end, checkpoint.MAX_TREE - 1) for end in (line.split("-") + [""])[:2])
        if line.count("-") != 1 or first is None or last is None or not least <= first <= last:
            raise Breach("malformed", "a line is not the next range")
        ranges.append((first, last))
        least = last + 2
    return ranges
