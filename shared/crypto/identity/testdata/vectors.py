"""Makes the test vectors of this directory anew: python3 vectors.py

Verifier keys and certificates, written from docs/PROTOCOL.md, section 3, and RFC 5280, and not from the Go code. The files
it makes must never change; PROTOCOL.md, section 15, explains their keys. Of others' code it needs python3-cryptography.
"""

import base64
import hashlib
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent.parent / "receipt/testdata"))
from certificates import certificates
from tlog import NAME, NEXT, SERVER, STRANGER, Signer, b64


def write(folder: str, name: str, header: dict, body: bytes) -> None:
    out = HERE / folder / f"{name}.txt"
    assert not out.exists(), name
    lines = "".join(f"{k}: {v}\n" for k, v in header.items())
    out.write_bytes(lines.encode() + b"\n" + body)


def good(name: str, about: str, text: str, *signers: Signer) -> None:
    """Pins that are read. "spelling" is the list in its one spelling, "keys" what counts of it."""
    write("pins", name, {"expect": "success", "note": about, "keys": ",".join(s.public[1:].hex() for s in signers),
                         "spelling": ",".join(s.pin() for s in signers)}, text.encode())


def bad(name: str, about: str, text: str | bytes) -> None:
    write("pins", "bad-" + name, {"expect": "malformed", "note": about}, text if isinstance(text, bytes) else text.encode())


def spelled(name: bytes, key: bytes) -> bytes:
    """A verifier key whose HASH fits, whatever name and key are."""
    return b"%s+%s+%s" % (name, hashlib.sha256(name + b"\n" + key).digest()[:4].hex().encode(), b64(key))


def seeded(fits) -> Signer:
    """The first of the keys from the seeds 0, 1, 2, … whose base64 fits."""
    return next(s for n in range(1 << 20) if fits((s := Signer(n.to_bytes(32))).pin().split("+", 2)[2]))


PIN = SERVER.pin()
HASH, KEY = SERVER.hash().hex(), b64(SERVER.public).decode()


def pins() -> None:
    good("one", "one verifier key, with a plus sign in its base64", PIN, SERVER)
    good("no-plus", "no plus sign in the base64", seeded(lambda k: "+" not in k and "/" not in k).pin(), seeded(lambda k: "+" not in k and "/" not in k))
    good("pluses", "five plus signs in the base64", seeded(lambda k: k.count("+") > 4).pin(), seeded(lambda k: k.count("+") > 4))
    good("plus-last", "the base64 ends with a plus sign", seeded(lambda k: k.endswith("+")).pin(), seeded(lambda k: k.endswith("+")))
    good("hash-zero", "the hash begins with a zero", *(lambda s: (s.pin(), s))(
        next(s for n in range(9999) if (s := Signer(n.to_bytes(32))).hash()[0] == 0)))
    for name, text in {"short": "x", "utf8": "sealpost/Größe-鍵", "other": "example.org/log", "long": "n" * 1000, "zero-width": "a\u200bb"}.items():
        s = Signer(bytes(range(32)), text)
        good("name-" + name, "any name without white space, control characters and plus signs", s.pin(), s)
    good("two", "two of them", f"{PIN},{NEXT.pin()}", SERVER, NEXT)
    good("twice", "the same twice", f"{PIN},{PIN}", SERVER, SERVER)
    many = [Signer(n.to_bytes(32)) for n in range(16)]
    good("16", "16 of them", ",".join(s.pin() for s in many), *many)
    good("blanks", "blanks around the commas", f" {PIN} ,\t{NEXT.pin()} ", SERVER, NEXT)
    good("line-end", "a line end behind it", PIN + "\n", SERVER)
    good("crlf", "CR LF behind each", f"{PIN}\r\n,\r\n{NEXT.pin()}\r\n", SERVER, NEXT)
    for code in (0x09, 0x0B, 0x0C, 0x85, 0xA0, 0x1680, 0x2003, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000):
        good(f"space-{code:04x}", f"white space U+{code:04X} around it", f"{chr(code)}{PIN}{chr(code)}", SERVER)


def no_pins() -> None:
    for name, text in {"empty": "", "blank": " \n", "comma": ",", "word": "hello", "key-alone": KEY, "hex": SERVER.public[1:].hex(),
                       "token": "sealpost:store-17:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "quotes": f'"{PIN}"',
                       "variable": "CLIENT_SERVER_IDENTITY=" + PIN, "no-hash": f"{NAME}+{KEY}", "no-name": f"{HASH}+{KEY}"}.items():
        bad("no-" + name, "no verifier key", text)
    for code in (0x00, 0x1C, 0x1F, 0x7F, 0x200B, 0xFEFF):
        bad(f"around-{code:04x}", f"U+{code:04X} around it, which is no white space", f"{chr(code)}{PIN}{chr(code)}")
    for code in (0x00, 0x01, 0x09, 0x0A, 0x1B, 0x1C, 0x1F, 0x20, 0x7F, 0x85, 0x9B, 0xA0, 0x2003, 0x2028, 0x3000):
        bad(f"in-name-{code:04x}", f"U+{code:04X} in the name", spelled(f"a{chr(code)}b".encode(), SERVER.public))
    bad("name-empty", "an empty name, and a hash that fits", spelled(b"", SERVER.public))
    bad("name-utf8", "a name that is not UTF-8", spelled(b"sealpost/\xff", SERVER.public))
    bad("name-surrogate", "half a surrogate pair in the name", spelled(b"sealpost/\xed\xa0\x80", SERVER.public))
    bad("name-changed", "another name before the same hash", "x" + PIN)
    bad("hash-other", "the hash of another key", f"{NAME}+{NEXT.hash().hex()}+{KEY}")
    bad("hash-upper", "a hash in capitals", f"{NAME}+{HASH.upper()}+{KEY}")
    bad("hash-short", "seven digits", f"{NAME}+{HASH[:-1]}+{KEY}")
    bad("hash-long", "nine digits", f"{NAME}+0{HASH}+{KEY}")
    bad("hash-prefix", "0x before the digits", f"{NAME}+0x{HASH[2:]}+{KEY}")
    bad("hash-blank", "a blank behind the hash", f"{NAME}+{HASH} +{KEY}")
    bad("hash-of-key-alone", "the hash without the name", f"{NAME}+{hashlib.sha256(SERVER.public).digest()[:4].hex()}+{KEY}")
    for kind in (0x00, 0x02, 0x04, 0x06, 0xFF):
        bad(f"kind-{kind:02x}", f"a key of the kind 0x{kind:02x}, with a hash that fits", spelled(NAME.encode(), bytes([kind]) + SERVER.public[1:]))
    for name, key in {"no-kind": SERVER.public[1:], "short": SERVER.public[:-1], "long": SERVER.public + b"x", "kind-alone": b"\x01",
                      "nothing": b"", "spki": bytes.fromhex("302a300506032b6570032100") + SERVER.public[1:]}.items():
        bad("key-" + name, "a key of another length, with a hash that fits", spelled(NAME.encode(), key))
    bad("key-changed", "one character of the key is another", PIN[:-1] + "A")
    bad("key-padded", "padding that does not belong there", PIN + "=")
    bad("key-cut", "the last four characters are missing", PIN[:-4])
    bad("key-blank", "a blank before the key", f"{NAME}+{HASH}+ {KEY}")
    bad("key-line-end", "a line end in the key", f"{PIN[:-8]}\n{PIN[-8:]}")
    bad("key-url", "the other alphabet", f"{NAME}+{HASH}+{base64.urlsafe_b64encode(SERVER.public).decode()}")
    bad("behind", "a fourth part", PIN + "+more")
    bad("comma-last", "a comma at the end", PIN + ",")
    bad("comma-first", "a comma at the start", "," + PIN)
    bad("comma-twice", "two commas", f"{PIN},,{NEXT.pin()}")
    bad("comma-blank", "nothing but a blank between two commas", f"{PIN}, ,{NEXT.pin()}")
    bad("second", "the second is none", f"{PIN},{NEXT.pin()[1:]}")
    bad("17", "17 of them", ",".join([PIN] * 17))
    for name, by in {"semicolon": ";", "space": " ", "lines": "\n"}.items():
        bad("list-" + name, f"separated by {by!a}", PIN + by + NEXT.pin())


for folder in ("pins", "certificates"):
    (HERE / folder).mkdir(exist_ok=True)
    for old in (HERE / folder).glob("*.txt"):
        old.unlink()
pins()
no_pins()
for name, expect, about, holder, shown, body in certificates(SERVER, STRANGER):
    header = {"expect": expect, "note": about, "pin": PIN, "holder": holder.seed.hex()}
    write("certificates", name, header | ({"key": shown.hex()} if shown else {}), body)
