"""Base64, decimals and names, each in their one spelling."""
import base64
import re
import unicodedata

MAX_UINT64 = 2**64 - 1
WHITE_SPACE = "".join(map(chr, [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F,
                                0x205F, 0x3000]))  # Unicode's property of that name; str.isspace() knows four more
NO_SENDER = "-"  # of a message of the 2012 wire
SENDER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HIDDEN = {0x2028, 0x2029, 0xFEFF, 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}


class Breach(ValueError):
    """Something is not of its form, or does not hold. `outcome` is the class of the fault, as in the test
    vectors; `type` that of the record, where it is known."""

    def __init__(self, outcome: str, reason: str):
        super().__init__(reason)
        self.outcome, self.type = outcome, None


def from_base64(text: bytes) -> bytes | None:
    """Reads standard base64 with padding and without stray bits; None for anything else."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return raw if base64.b64encode(raw) == text else None


def from_decimal(text: str, most: int) -> int | None:
    """Reads a number from 0 to `most` without sign or leading zeroes; None for anything else."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,19}", text) or int(text) > most:
        return None
    return int(text)


def is_control(text: str) -> bool:
    """Whether a character of Unicode's category Cc is in `text`."""
    return any(unicodedata.category(c) == "Cc" for c in text)


def is_key_name(name: str) -> bool:
    """Whether `name` may be the name of a key (c2sp.org/signed-note)."""
    return name != "" and not any(c == "+" or c in WHITE_SPACE for c in name)


def is_name(name: str) -> bool:
    """Whether `name` may be the name of a message (section 5, OFFER)."""
    return 1 <= len(name.encode()) <= 255 and not is_control(name) and not any(ord(c) in _HIDDEN for c in name)


def is_named(sender: str, name: str) -> bool:
    """Whether a message may have this sender and name: without a sender it may have no name either."""
    if sender == NO_SENDER:
        return name == "" or is_name(name)
    return SENDER.fullmatch(sender) is not None and is_name(name)
