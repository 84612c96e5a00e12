"""Makes the test vectors in retired/ anew: python3 retired.py

The files it makes must never change.
"""

import pathlib

from tlog import LARGEST, NAME, NEXT, SERVER, STRANGER, WITNESS, Signer, note, root, stray, tree

HERE = pathlib.Path(__file__).parent / "retired"
ORIGIN = NAME + "/retired"


def renamed(signer: Signer) -> Signer:
    return Signer(signer.seed, ORIGIN)


OURS, NEXT, STRANGER = renamed(SERVER), renamed(NEXT), renamed(STRANGER)


def text(serial, *ranges, origin: str = ORIGIN) -> bytes:
    return "".join(f"{line}\n" for line in (origin, serial, *ranges)).encode()


def write(name: str, expect: str, about: str, body: bytes, serial=None, numbers: str = "", pins=(SERVER,)) -> None:
    header = {"expect": expect, "note": about, "pin": ",".join(pin.pin() for pin in pins)}
    if expect == "success":
        header |= {"serial": serial, "numbers": numbers}
    out = HERE / f"{name}.txt"
    assert not out.exists(), name
    out.write_bytes("".join(f"{k}: {v}\n" for k, v in header.items()).encode() + b"\n" + body)


def good(name: str, about: str, serial: int, *ranges: str, signers=(OURS,), more: bytes = b"", pins=(SERVER,)) -> None:
    write(name, "success", about, note(text(serial, *ranges), *signers) + more, serial, ",".join(ranges), pins)


def malformed(name: str, about: str, body: bytes) -> None:
    """A text that is no note of retired messages, well signed."""
    write(name, "malformed", about, note(body, OURS))


HERE.mkdir(exist_ok=True)
for old in HERE.glob("*.txt"):
    old.unlink()

GOOD = text(7, "0-41", "43-43")
SIGNED = note(GOOD, OURS)

good("good", "two ranges", 7, "0-41", "43-43")
good("good-first", "the first note, of one message", 1, "0-0")
good("good-largest", "the largest serial and the largest number", LARGEST, f"{LARGEST - 1}-{LARGEST - 1}")
good("good-all", "every number", 2, f"0-{LARGEST - 1}")
good("good-most", "4096 ranges", 9, *(f"{2 * n}-{2 * n}" for n in range(4096)))
good("good-two-identities", "signed by two identities", 7, "0-41", signers=(OURS, NEXT))
good("good-next-identity", "the same with the other one pinned", 7, "0-41", signers=(OURS, NEXT), pins=(NEXT,))
good("good-witness", "a witness signed too", 7, "0-41", signers=(OURS, WITNESS))
good("good-repeated", "a changed copy of the signature behind it: of a key's signatures the first counts", 7, "0-41",
     more=OURS.line(OURS.hash() + bytes(64)))

malformed("ranges-none", "no range", text(7))
malformed("ranges-many", "4097 ranges", text(7, *(f"{2 * n}-{2 * n}" for n in range(4097))))
malformed("ranges-order", "two ranges exchanged", text(7, "43-43", "0-41"))
malformed("ranges-twice", "a range twice", text(7, "0-41", "0-41"))
malformed("ranges-overlap", "ranges that overlap", text(7, "0-41", "41-43"))
malformed("ranges-touch", "ranges that are one", text(7, "0-41", "42-43"))
malformed("ranges-empty-line", "an empty line among them", text(7, "0-41", "", "43-43"))
malformed("ranges-more", "something behind them", text(7, "0-41", "more"))
for name, line in {
    "one": "7", "backwards": "8-7", "zeroes": "00-7", "zeroes-last": "0-07", "plus": "+0-7", "minus": "-1-7", "space": "0 -7", "behind": "0-7 ",
    "three": "0-7-9", "comma": "0-7,9-9", "open": "0-", "begin": "-7", "dash": "0\u20137", "too-large": f"0-{LARGEST}", "overflow": f"0-{2**64}",
    "other-digits": "0-٧", "hex": "0-0x7",
}.items():
    malformed(f"range-{name}", f"range {line!a}", text(7, line))
for name, serial in {
    "zero": "0", "zeroes": "07", "plus": "+7", "minus": "-7", "word": "seven", "empty": "", "too-large": str(2**62), "overflow": str(2**64 + 7),
    "space": "7 ",
}.items():
    malformed(f"serial-{name}", f"serial {serial!a}", text(serial, "0-41"))
malformed("serial-missing", "no serial", text("0-41", "43-43"))
malformed("origin-alone", "one line", f"{ORIGIN}\n".encode())

for name, origin in {"checkpoint": NAME, "other-program": "example.org/log/retired", "capital": NAME + "/Retired", "longer": ORIGIN + "/x"}.items():
    signer = Signer(SERVER.seed, origin)
    write(f"origin-{name}", "malformed", f"origin {origin!a}", note(text(7, "0-41", origin=origin), signer))
write("checkpoint", "malformed", "a checkpoint", note(tree(7, root([])), SERVER))
write("checkpoint-under-its-name", "malformed", "a checkpoint under the name of retired messages", note(tree(7, root([]), ORIGIN), OURS))
write("empty", "malformed", "no bytes", b"")
write("unsigned", "malformed", "no signature", GOOD)
write("no-newline", "malformed", "the last line end is missing", SIGNED[:-1])
write("crlf", "malformed", "CR LF as line ends", SIGNED.replace(b"\n", b"\r\n"))
write("trailing", "malformed", "a line behind the signatures", SIGNED + b"more\n")
last = SIGNED.split(b" ")[-1].strip()
write("stray-bits", "malformed", "bits under the padding of the signature", SIGNED[:-1 - len(last)] + stray(last) + b"\n")

write("stranger", "signature", "signed by another key", note(GOOD, STRANGER))
write("forged-range", "signature", "another range under the signature", SIGNED.replace(b"\n0-41\n", b"\n0-40\n"))
write("forged-serial", "signature", "another serial under the signature", SIGNED.replace(b"\n7\n", b"\n8\n"))
write("other-name", "signature", "signed as a checkpoint is", GOOD + b"\n" + SERVER.sign(GOOD))
write("order-range-stranger", "signature", "no range, signed by nobody pinned", note(text(7, "7"), STRANGER))
write("order-line-behind-forged", "malformed", "a line that is no signature behind a forged one",
      GOOD + b"\n" + OURS.line(OURS.hash() + bytes(64)) + b"more\n")
