"""Makes the test vectors of this directory anew: python3 vectors.py

The files it makes must never change.
"""

import base64
import hashlib
import pathlib

from tlog import (LARGEST, NAME, NEXT, SERVER, STRANGER, WITNESS, Signer, b64, head, invented, leaf, manifest_line, note, path,
                  root, stray, tree)

HERE = pathlib.Path(__file__).parent


def write(folder: str, name: str, header: dict, body: bytes) -> None:
    lines = "".join(f"{k}: {v}\n" for k, v in header.items())
    out = HERE / folder / f"{name}.txt"
    assert not out.exists(), name
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(lines.encode() + b"\n" + body)


def good(name: str, about: str, index: int, line: bytes, proof: list, size: int, root_: bytes,
         signed: bytes = b"", entry: str = "yes") -> bytes:
    """entry says whether the line is a manifest line of that index."""
    body = head(index, line, proof) + b"\n" + (signed or note(tree(size, root_), SERVER))
    write("receipts", name, {
        "expect": "success", "note": about, "pin": SERVER.pin(), "index": index, "size": size,
        "root": b64(root_).decode(), "line_sha256": hashlib.sha256(line).hexdigest(), "entry": entry,
    }, body)
    return body


def bad(name: str, expect: str, about: str, body: bytes) -> None:
    write("receipts", name, {"expect": expect, "note": about, "pin": SERVER.pin()}, body)


def checkpoint(name: str, expect: str, about: str, body: bytes, size=None, root_: bytes = b"", *pins: Signer) -> None:
    header = {"expect": expect, "note": about, "pin": ",".join(pin.pin() for pin in pins or [SERVER])}
    if expect == "success":
        header |= {"size": size, "root": b64(root_).decode()}
    write("checkpoints", name, header, body)


for old in [*HERE.glob("receipts/*.txt"), *HERE.glob("checkpoints/*.txt")]:
    old.unlink()

LINES = [manifest_line(n) for n in range(9)]
LEAVES = [leaf(line) for line in LINES]


# Receipts that are good.

for n, m in [(1, 0), (2, 0), (2, 1), (3, 2), (4, 1), (7, 4), (7, 6), (8, 7), (9, 8)]:
    good(f"good-{m}-of-{n}", f"line {m} of {n}", m, LINES[m], path(m, LEAVES[:n]), n, root(LEAVES[:n]))


def far(name: str, about: str, index: int, size: int, line: bytes = b"", entry: str = "yes") -> None:
    line = line or manifest_line(index)
    proof, top = invented(index, size, leaf(line))
    good(name, about, index, line, proof, size, top, entry=entry)


far("good-million", "an old line of a million: 20 hashes", 123456, 1000000)
far("good-million-last", "the last line of a million: 7 hashes", 999999, 1000000)
far("good-largest", "the first line of the largest tree: 62 hashes", 0, LARGEST)
far("good-largest-last", "the last line of the largest tree", LARGEST - 1, LARGEST)
far("good-utf8", "a name outside ASCII", 2, 5, manifest_line(2, "Größe, 鍵, ключ"))
far("good-quoted", "a name with escapes", 2, 5, manifest_line(2, '\\"C:\\\\'))
far("line-other-number", "a true receipt whose line has another number", 3, 5, manifest_line(2), "no")
far("line-no-json", "a true receipt of something else", 0, 2, b"hello", "no")
far("line-longest", "4096 bytes", 1, 2, b"x" * 4096, "no")
far("line-one-byte", "one byte", 1, 2, b"x", "no")
far("line-like-a-note", "a line that looks like a signature", 1, 2, "— sealpost/x AAAA".encode(), "no")

M, N = 4, 7
PROOF, ROOT = path(M, LEAVES[:N]), root(LEAVES[:N])
TREE = tree(N, ROOT)
SIGNED = note(TREE, SERVER)
HEAD = head(M, LINES[M], PROOF)
GOOD = HEAD + b"\n" + SIGNED


def variant(name: str, about: str, signed: bytes) -> None:
    good(name, about, M, LINES[M], PROOF, N, ROOT, signed)


variant("good-two-identities", "while an identity is being replaced: the pinned one signs last", note(TREE, NEXT, SERVER))
variant("good-witness", "a witness signed too", note(TREE, WITNESS, SERVER))
variant("good-stranger-too", "another key signed under the same name", note(TREE, STRANGER, SERVER))
variant("good-signed-twice", "the same signature twice", note(TREE, SERVER, SERVER))
variant("good-extension", "extension lines behind the root", note(TREE + b"one\ntwo\n", SERVER))
variant("good-unknown-type", "a signature of a type and length that nobody knows yet", SIGNED + SERVER.line(b"\x01\x02\x03\x04" + bytes(3000)))


# Receipts of another form.

def malformed(name: str, about: str, body: bytes) -> None:
    assert body != GOOD, name
    bad(name, "malformed", about, body)


def without(row: int) -> bytes:
    rows = GOOD.split(b"\n")
    return b"\n".join(rows[:row] + rows[row + 1:])


def exchanged(row: int, text: bytes) -> bytes:
    rows = GOOD.split(b"\n")
    return b"\n".join(rows[:row] + [text] + rows[row + 1:])


ROWS = GOOD.split(b"\n")
at = 0
for i, row in enumerate(ROWS[:-1]):
    if i:
        malformed(f"cut-line-{i:02d}", f"cut before line {i}", GOOD[:at])
    malformed(f"cut-inside-{i:02d}", f"cut inside line {i}", GOOD[:at + max(1, len(row) // 2)] if row else GOOD[:at] + b" ")
    at += len(row) + 1
malformed("cut-newline", "only the last line end is missing", GOOD[:-1])
malformed("empty", "no bytes", b"")

malformed("version-2", "a later version", exchanged(0, b"c2sp.org/tlog-proof@v2"))
malformed("version-none", "no version", exchanged(0, b"c2sp.org/tlog-proof"))
malformed("version-space", "a space behind the version", exchanged(0, ROWS[0] + b" "))
malformed("version-v0", "a signed note with the manifest line, which receipts once were",
          note(NAME.encode() + b"\nreceipt v0\n" + LINES[M] + b"\n", SERVER))
malformed("version-missing", "no first line", without(0))
malformed("bom", "a byte order mark", b"\xef\xbb\xbf" + GOOD)
malformed("crlf", "CR LF as line ends", GOOD.replace(b"\n", b"\r\n"))
malformed("checkpoint-alone", "a checkpoint is no receipt", SIGNED)

malformed("extra-missing", "no manifest line", without(1))
malformed("extra-empty", "an empty manifest line", exchanged(1, b"extra "))
malformed("extra-no-space", "no space behind extra", exchanged(1, b"extra" + b64(LINES[M])))
malformed("extra-twice", "two manifest lines", exchanged(1, ROWS[1] + b"\n" + ROWS[1]))
malformed("extra-behind-index", "index first", b"\n".join([ROWS[0], ROWS[2], ROWS[1], *ROWS[3:]]))
malformed("extra-url-alphabet", "the other alphabet", exchanged(1, b"extra " + base64.urlsafe_b64encode(b"\xfb\xff\xfe" * 4)))
malformed("extra-no-padding", "padding left out", exchanged(1, b"extra " + b64(b"some").rstrip(b"=")))
malformed("extra-stray-bits", "bits under the padding", exchanged(1, b"extra " + stray(b64(b"some"))))
malformed("extra-carriage-return", "a carriage return in the base64", exchanged(1, b"extra c29t\rZQ=="))
malformed("extra-space", "a space behind the base64", exchanged(1, ROWS[1] + b" "))
for name, text in {
    "line-end": b"a\n", "two-lines": b"a\nb", "escape": b"\x1b[31m", "delete": b"a\x7f", "c1": "a\u0085".encode(),
    "not-utf8": b"a\xff", "too-long": b"x" * 4097,
}.items():
    proof, top = invented(0, 2, leaf(text))
    malformed(f"extra-{name}", "a line that no manifest can have", head(0, text, proof) + b"\n" + note(tree(2, top), SERVER))

malformed("index-missing", "no index", without(2))
for name, text in {
    "zeroes": "04", "plus": "+4", "minus": "-4", "blank": "", "space": " 4", "hex": "0x4", "underscore": "4_0", "fraction": "4.0",
    "exponent": "4e0", "other-digits": "٤", "too-large": str(2**62), "overflow": str(2**64 + 4), "trailing": "4 ",
}.items():
    malformed(f"index-{name}", f"index {text!a}", exchanged(2, b"index " + text.encode()))

malformed("hash-short", "a hash of 31 bytes", exchanged(3, b64(PROOF[0][:31])))
malformed("hash-long", "a hash of 33 bytes", exchanged(3, b64(PROOF[0] + b"x")))
malformed("hash-stray-bits", "bits under the padding", exchanged(3, stray(ROWS[3])))
malformed("hash-no-padding", "padding left out", exchanged(3, ROWS[3].rstrip(b"=")))
malformed("hash-space", "a space behind a hash", exchanged(3, ROWS[3] + b" "))
malformed("hash-hex", "a hash in hex", exchanged(3, PROOF[0].hex().encode()))
malformed("hash-63", "more hashes than the deepest tree has levels", head(M, LINES[M], PROOF * 21) + b"\n" + SIGNED)

malformed("no-empty-line", "no empty line before the checkpoint", HEAD + SIGNED)
malformed("two-empty-lines", "two of them", HEAD + b"\n\n" + SIGNED)
malformed("trailing-byte", "a byte behind the checkpoint", GOOD + b"x")
malformed("trailing-newline", "a line end behind the checkpoint", GOOD + b"\n")
bad("trailing-receipt", "signature", "two receipts: the signature stands under both", GOOD + GOOD)
malformed("trailing-nul", "a zero byte behind the checkpoint", GOOD + b"\x00")

# Receipts whose checkpoint nobody signed.

bad("forged-root", "signature", "another root under the signature", GOOD.replace(b64(ROOT), b64(root(LEAVES[:8]))))
bad("forged-size", "signature", "another size under the signature", GOOD.replace(b"\n7\n", b"\n8\n"))
bad("forged-extension", "signature", "a line put behind the root", GOOD.replace(b64(ROOT) + b"\n", b64(ROOT) + b"\nmore\n"))
bad("forged-name", "signature", "signed for another logbook", GOOD.replace(b"cdef\n7\n", b"cdee\n7\n"))
bad("forged-whole", "signature", "another logbook's name throughout", GOOD.replace(b"89abcdef\n", b"89abcdee\n").replace(b"89abcdef ", b"89abcdee "))
bad("stranger", "signature", "signed by another key", HEAD + b"\n" + note(TREE, STRANGER))
bad("stranger-hash", "signature", "signed by another key that passes for the pinned one",
    HEAD + b"\n" + TREE + b"\n" + SERVER.line(SERVER.hash() + STRANGER.key.sign(TREE)))
bad("witness-alone", "signature", "signed by a witness alone", HEAD + b"\n" + note(TREE, WITNESS))
bad("signature-bit", "signature", "one bit of the signature is another",
    HEAD + b"\n" + TREE + b"\n" + SERVER.line(bytes(b ^ (i == 40) for i, b in enumerate(SERVER.hash() + SERVER.key.sign(TREE)))))
bad("signature-long", "signature", "a byte behind the signature",
    HEAD + b"\n" + TREE + b"\n" + SERVER.line(SERVER.hash() + SERVER.key.sign(TREE) + b"x"))
bad("signature-short", "signature", "the signature's last byte is missing",
    HEAD + b"\n" + TREE + b"\n" + SERVER.line((SERVER.hash() + SERVER.key.sign(TREE))[:-1]))

# Receipts that do not lead to their checkpoint.

bad("line-altered", "proof", "an altered manifest line", GOOD.replace(b64(LINES[M]), b64(LINES[M].replace(b"store-17", b"store-18"))))
bad("line-of-another", "proof", "the line of another message", GOOD.replace(b64(LINES[M]), b64(LINES[3])))
bad("line-with-end", "malformed", "the line with its line end", GOOD.replace(b64(LINES[M]), b64(LINES[M] + b"\n")))
bad("index-next", "proof", "the index of the next message", exchanged(2, b"index 5"))
bad("index-mirrored", "proof", "an index on the other side of the tree", exchanged(2, b"index 0"))
bad("index-at-end", "proof", "an index that is the tree's size", exchanged(2, b"index 7"))
bad("index-beyond", "proof", "the largest index", exchanged(2, b"index %d" % LARGEST))
bad("proof-bit", "proof", "one bit of a hash is another", exchanged(4, b64(bytes(b ^ (i == 0) for i, b in enumerate(PROOF[1])))))
bad("proof-order", "proof", "two hashes exchanged", b"\n".join([*ROWS[:3], ROWS[4], ROWS[3], *ROWS[5:]]))
bad("proof-short", "proof", "a hash is missing", without(3))
bad("proof-long", "proof", "a hash too many", exchanged(3, ROWS[3] + b"\n" + ROWS[3]))
bad("proof-none", "proof", "no hashes", head(M, LINES[M], []) + b"\n" + SIGNED)
bad("proof-of-another", "proof", "the proof of another message", head(M, LINES[M], path(5, LEAVES[:N])) + b"\n" + SIGNED)
bad("proof-of-smaller", "proof", "the proof in a smaller tree", head(M, LINES[M], path(M, LEAVES[:5])) + b"\n" + SIGNED)
bad("foreign", "proof", "another logbook's message under this checkpoint",
    head(0, manifest_line(0, "foreign.txt"), path(0, LEAVES[:N])) + b"\n" + SIGNED)
bad("size-0", "proof", "a tree without leaves", head(0, LINES[0], []) + b"\n" + note(tree(0, root([])), SERVER))
bad("node-as-line", "malformed", "the hashes of two leaves for a line",
    head(2, LEAVES[4] + LEAVES[5], PROOF[1:]) + b"\n" + note(tree(4, ROOT), SERVER))


# Checkpoints.

def form(name: str, about: str, text: bytes) -> None:
    """A text that is no checkpoint's, well signed; in a receipt too."""
    checkpoint(name, "malformed", about, note(text, SERVER))
    bad("checkpoint-" + name, "malformed", about, HEAD + b"\n" + note(text, SERVER))


checkpoint("good", "success", "7 lines", SIGNED, N, ROOT)
checkpoint("good-empty", "success", "a logbook without messages", note(tree(0, root([])), SERVER), 0, root([]))
checkpoint("good-largest", "success", "the largest size", note(tree(LARGEST, ROOT), SERVER), LARGEST, ROOT)
checkpoint("good-extension", "success", "extension lines are passed over", note(TREE + b"one\ntwo\n", SERVER), N, ROOT)
checkpoint("good-two-identities", "success", "signed by two identities", note(TREE, SERVER, NEXT), N, ROOT)
checkpoint("good-next-identity", "success", "the same with the other one pinned", note(TREE, SERVER, NEXT), N, ROOT, NEXT)
checkpoint("good-witness", "success", "a witness signed too", note(TREE, SERVER, WITNESS), N, ROOT)
checkpoint("good-repeated", "success", "a changed copy of the signature behind it: of a key's signatures the first counts",
           note(TREE, SERVER) + SERVER.line(SERVER.hash() + bytes(64)), N, ROOT)
checkpoint("good-other-pin", "success", "the pin bears another logbook's name", SIGNED, N, ROOT,
           Signer(bytes(range(32)), "sealpost/another"))

form("size-zeroes", "a leading zero", TREE.replace(b"\n7\n", b"\n07\n"))
form("size-plus", "a sign", TREE.replace(b"\n7\n", b"\n+7\n"))
form("size-minus", "a negative size", TREE.replace(b"\n7\n", b"\n-7\n"))
form("size-word", "no number", TREE.replace(b"\n7\n", b"\nseven\n"))
form("size-too-large", "one more than the largest size", tree(2**62, ROOT))
form("size-overflow", "more than 64 bits", tree(2**64 + 7, ROOT))
form("root-short", "a root of 31 bytes", tree(N, ROOT[:31]))
form("root-long", "a root of 33 bytes", tree(N, ROOT + b"x"))
form("root-stray-bits", "bits under the padding", TREE.replace(b64(ROOT), stray(b64(ROOT))))
form("root-hex", "a root in hex", f"{NAME}\n{N}\n{ROOT.hex()}\n".encode())
form("root-space", "a space behind the root", TREE[:-1] + b" \n")
form("root-missing", "two lines", f"{NAME}\n{N}\n".encode())
form("name-alone", "one line", f"{NAME}\n".encode())
form("extension-empty", "an empty line among extension lines", TREE + b"\nmore\n")
form("extension-empty-last", "an empty line behind the root", TREE + b"\n")

for name, text in {"other-program": "example.org/log", "no-id": "sealpost", "empty-name": "", "capital": "Sealpost/x"}.items():
    other = Signer(bytes(range(32)), text or NAME)
    body = note(tree(N, ROOT, text), other)
    checkpoint(name, "malformed", f"origin {text!a}", body)
    bad("checkpoint-" + name, "malformed", f"origin {text!a}", HEAD + b"\n" + body)
checkpoint("name-space", "malformed", "a space in the origin", TREE.replace(b"/0", b"/ 0") + SIGNED[len(TREE):])
checkpoint("name-plus", "malformed", "a plus sign in the origin", TREE.replace(b"/0", b"/+0") + SIGNED[len(TREE):])
checkpoint("name-control", "malformed", "a control character in the origin", SIGNED.replace(b"/0", b"/\x01"))
checkpoint("empty", "malformed", "no bytes", b"")
checkpoint("unsigned", "malformed", "no signature", TREE)
checkpoint("unsigned-block", "malformed", "no line in the signature block", TREE + b"\n")
checkpoint("hyphen", "malformed", "a hyphen for the em dash", SIGNED.replace("—".encode(), b"-"))
checkpoint("stray-bits", "malformed", "bits under the padding of the signature", SIGNED[:-1 - len(SIGNED.split(b" ")[-1].strip())]
           + stray(SIGNED.split(b" ")[-1].strip()) + b"\n")
checkpoint("stray-bits-twice", "malformed", "the same in a repeated signature", SIGNED
           + b" ".join(SIGNED.split(b"\n")[-2].split(b" ")[:2]) + b" " + stray(SIGNED.split(b" ")[-1].strip()) + b"\n")
checkpoint("no-newline", "malformed", "the last line end is missing", SIGNED[:-1])
checkpoint("trailing", "malformed", "a line behind the signatures", SIGNED + b"more\n")
checkpoint("crlf", "malformed", "CR LF as line ends", SIGNED.replace(b"\n", b"\r\n"))
checkpoint("not-utf8", "malformed", "no UTF-8", note(TREE + b"\xff\n", SERVER))
checkpoint("tab", "malformed", "a control character", note(TREE + b"a\tb\n", SERVER))
checkpoint("receipt", "malformed", "a receipt is no checkpoint", GOOD)
checkpoint("stranger", "signature", "signed by another key", note(TREE, STRANGER))
checkpoint("forged-size", "signature", "another size under the signature", SIGNED.replace(b"\n7\n", b"\n6\n"))
checkpoint("forged-second", "signature", "one signature of the pinned key holds, a changed one stands in front",
           TREE + b"\n" + SERVER.line(SERVER.hash() + bytes(64)) + SERVER.sign(TREE))


# The order of the checks: the form of the note, then the signatures, then what the text says.

FORGED = SERVER.line(SERVER.hash() + bytes(64))
STRAYED = b"\xe2\x80\x94 %s %s\n"


def order(name: str, expect: str, about: str, body: bytes) -> None:
    """In a receipt too."""
    checkpoint("order-" + name, expect, about, body)
    bad("order-" + name, expect, about, HEAD + b"\n" + body)


order("line-behind-forged", "malformed", "a line that is no signature stands behind a forged one", TREE + b"\n" + FORGED + b"more\n")
order("101-behind-forged", "malformed", "a forged signature and 100 of others", TREE + b"\n" + FORGED + WITNESS.sign(TREE) * 100)
order("stray-forged", "malformed", "a forged signature in base64 with stray bits",
      TREE + b"\n" + STRAYED % (NAME.encode(), stray(b64(SERVER.hash() + bytes(64)))))
order("stray-stranger", "malformed", "nobody pinned signed, and the base64 has stray bits",
      TREE + b"\n" + STRAYED % (NAME.encode(), stray(b64(STRANGER.hash() + STRANGER.key.sign(TREE)))))
order("origin-stranger", "malformed", "another program's origin, signed by nobody pinned",
      note(tree(N, ROOT, "example.org/log"), Signer(bytes(range(2, 34)), "example.org/log")))
order("size-stranger", "signature", "no size in the text, signed by nobody pinned", note(TREE.replace(b"\n7\n", b"\n07\n"), STRANGER))
order("empty-line-stranger", "signature", "an empty line in the text, signed by nobody pinned", note(TREE + b"\nmore\n", STRANGER))
order("two-lines-stranger", "signature", "a text of two lines, signed by nobody pinned", note(f"{NAME}\n{N}\n".encode(), STRANGER))
bad("order-index-forged", "malformed", "no index, and a forged signature", exchanged(2, b"index 04").replace(SERVER.sign(TREE), FORGED))
bad("order-proof-forged", "signature", "a proof that does not lead to the root, and a forged signature",
    without(3).replace(SERVER.sign(TREE), FORGED))
bad("order-line-proof", "proof", "no manifest line, and a proof that does not lead to the root", exchanged(1, b"extra " + b64(b"hello")))

# The lines of signatures.

def lines_of_others(name: str, expect: str, about: str, line: bytes) -> None:
    """A line beside the server's signature."""
    checkpoint("line-" + name, expect, about, SIGNED + line, *([N, ROOT] if expect == "success" else []))


def nobody(raw: bytes, name: str = "witness.example/w1") -> bytes:
    return f"\u2014 {name} ".encode() + b64(raw) + b"\n"


lines_of_others("5-bytes", "success", "the shortest line of others: 5 bytes", nobody(b"abcde"))
lines_of_others("4-bytes", "malformed", "a hash alone", nobody(b"abcd"))
lines_of_others("0-bytes", "malformed", "no base64", nobody(b""))
lines_of_others("100", "success", "100 lines", WITNESS.sign(TREE) * 99)
lines_of_others("101", "malformed", "101 lines", WITNESS.sign(TREE) * 100)
lines_of_others("no-name", "malformed", "an empty name", nobody(b"abcde", ""))
lines_of_others("no-space", "malformed", "a name alone", "\u2014 witness\n".encode())
lines_of_others("two-spaces", "malformed", "two spaces before the base64", nobody(b"abcde", "witness "))
lines_of_others("space-behind", "malformed", "a space behind the base64", nobody(b"abcde")[:-1] + b" \n")
lines_of_others("plus", "malformed", "a plus sign in the name", nobody(b"abcde", "a+b"))
for code in (0x85, 0xA0, 0x1680, 0x2003, 0x2028, 0x202F, 0x3000):
    lines_of_others(f"space-{code:04x}", "malformed", f"white space U+{code:04X} in the name", nobody(b"abcde", f"a{chr(code)}b"))
for code in (0x7F, 0x180E, 0x200B, 0xFEFF):
    lines_of_others(f"no-space-{code:04x}", "success", f"U+{code:04X} in the name, which is no white space", nobody(b"abcde", f"a{chr(code)}b"))
lines_of_others("same-origin", "success", "another key's line under the server's name", nobody(b"abcd" + bytes(64), NAME))
lines_of_others("same-hash", "success", "the pinned key's hash under another name", nobody(SERVER.hash() + bytes(64), "sealpost/x"))
lines_of_others("hyphen", "malformed", "a hyphen for the em dash", b"- witness.example/w1 YWJjZGU=\n")
lines_of_others("empty", "malformed", "an empty line behind the signatures: the text reaches to it", b"\n")
lines_of_others("empty-and-more", "signature", "an empty line and another signature: the text reaches to that line", b"\n" + SERVER.sign(TREE))
for name, text, expect in (("delete", b"a\x7fb\n", "success"), ("c1", "a\u0085b\n".encode(), "success"), ("space", b" \n", "success"),
                           ("return", b"a\rb\n", "malformed"), ("escape", b"a\x1bb\n", "malformed")):
    checkpoint("extension-" + name, expect, f"an extension line {text!a}", note(TREE + text, SERVER),
               *([N, ROOT] if expect == "success" else []))

ORDER = 2**252 + 27742317777372353535851937790883648493  # of Ed25519's group
RAW = SERVER.key.sign(TREE)
order("s-plus-order", "signature", "the signature's second half is larger by the order of the group (RFC 8032, section 5.1.7)",
      TREE + b"\n" + SERVER.line(SERVER.hash() + RAW[:32] + (int.from_bytes(RAW[32:], "little") + ORDER).to_bytes(32, "little")))

# Several pins.

ELSEWHERE = Signer(bytes(range(32)), "sealpost/another")
checkpoint("pins-two-one-signs", "success", "two pins, the second one's key signed", note(TREE, NEXT), N, ROOT, SERVER, NEXT)
checkpoint("pins-two-both-sign", "success", "two pins, both keys signed", note(TREE, SERVER, NEXT), N, ROOT, SERVER, NEXT)
checkpoint("pins-two-one-forged", "signature", "two pins, a true signature and a forged one behind it",
           note(TREE, SERVER) + NEXT.line(NEXT.hash() + bytes(64)), None, b"", SERVER, NEXT)
checkpoint("pins-one-other-forged", "success", "the same where the second key is not pinned",
           note(TREE, SERVER) + NEXT.line(NEXT.hash() + bytes(64)), N, ROOT, SERVER)
checkpoint("pins-same-key", "success", "two pins of one key", SIGNED, N, ROOT, SERVER, ELSEWHERE)
ONE, OTHER = (Signer(n.to_bytes(32)) for n in (35685, 123881))
assert ONE.hash() == OTHER.hash()
for name, by in {"first": ONE, "second": OTHER}.items():
    checkpoint("pins-one-hash-" + name, "signature", f"two pinned keys of one hash: whose line it is cannot be told; the {name} signed",
               note(TREE, by), None, b"", ONE, OTHER)
checkpoint("pins-one-hash-alone", "success", "the same where one of them is pinned", note(TREE, OTHER), N, ROOT, OTHER)
checkpoint("pins-one-hash-beside", "signature", "such a line, and a true one of a third pinned key", note(TREE, SERVER, ONE), None, b"", ONE, OTHER, SERVER)
checkpoint("pins-one-hash-absent", "success", "no such line, and a true one of a third pinned key", note(TREE, SERVER), N, ROOT, ONE, OTHER, SERVER)


# Manifests, and a checkpoint to hold each against.

for old in HERE.glob("roots/*.txt"):
    old.unlink()


def manifest(name: str, expect: str, about: str, body: bytes, signed_lines: list, root_: bytes = b"") -> None:
    """The server signed these lines; the manifest holds what body says."""
    whole = body.split(b"\n")[:-1]
    signed = note(tree(len(signed_lines), root_ or root([leaf(line) for line in signed_lines])), SERVER)
    write("roots", name, {"expect": expect, "note": about, "pin": SERVER.pin(), "checkpoint": b64(signed).decode(), "lines": len(whole),
                          "root": b64(root([leaf(line) for line in whole])).decode()}, body)


def ended(lines: list) -> bytes:
    return b"".join(line + b"\n" for line in lines)


LOG = [manifest_line(n) for n in range(65)]
EIGHT = LOG[:8]
for n in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 32, 33, 64, 65):
    manifest(f"good-{n:02}", "success", f"{n} lines", ended(LOG[:n]), LOG[:n])
for n, m in ((0, 3), (1, 2), (3, 8), (4, 8), (7, 8), (8, 9)):
    manifest(f"older-{n}-of-{m}", "success", f"a checkpoint of the first {n} of {m} lines", ended(LOG[:m]), LOG[:n])
manifest("no-json", "success", "lines of any bytes: the root does not ask what they say", ended([b"hello", b"", b"\xff\0\r"]), [b"hello", b"", b"\xff\0\r"])
manifest("unfinished", "success", "a third line that has no end yet", ended(LOG[:2]) + LOG[2], LOG[:2])
manifest("blank-behind", "success", "an empty line behind the signed ones: it counts as a line", ended(LOG[:7]) + b"\n", LOG[:7])
manifest("altered-behind", "success", "another line behind the signed ones", ended([*LOG[:7], manifest_line(7, "other.txt")]), LOG[:7])
for n in (0, 3, 6, 7):
    manifest(f"altered-{n}", "altered", f"line {n} of 8 is another", ended([*EIGHT[:n], manifest_line(n, "other.txt"), *EIGHT[n + 1:]]), EIGHT)
manifest("altered-only", "altered", "the only line is another", ended([manifest_line(0, "other.txt")]), LOG[:1])
manifest("altered-byte", "altered", "one bit of the last byte of line 4", ended([*EIGHT[:4], EIGHT[4][:-1] + b"|", *EIGHT[5:]]), EIGHT)
manifest("older-altered", "altered", "line 2 of 8, and a checkpoint of 3", ended([*EIGHT[:2], manifest_line(2, "other.txt"), *EIGHT[3:]]), LOG[:3])
manifest("exchanged", "altered", "two neighbours exchanged", ended([EIGHT[1], EIGHT[0], *EIGHT[2:]]), EIGHT)
manifest("exchanged-halves", "altered", "the two halves exchanged", ended(EIGHT[4:] + EIGHT[:4]), EIGHT)
manifest("reversed", "altered", "the other way round", ended(EIGHT[::-1]), EIGHT)
manifest("taken-out", "altered", "line 3 taken out, and one more at the end", ended([*EIGHT[:3], *LOG[4:9]]), EIGHT)
manifest("put-in", "altered", "a line put in before line 3", ended([*EIGHT[:3], b"{}", *EIGHT[3:]]), EIGHT)
manifest("doubled", "altered", "line 6 of 8 in place of line 7 too", ended([*EIGHT[:7], EIGHT[6]]), EIGHT)
manifest("blank-first", "altered", "an empty line before them", b"\n" + ended(EIGHT), EIGHT)
manifest("blank-last", "altered", "an empty line in place of the last one", ended(EIGHT[:7]) + b"\n", EIGHT)
manifest("crlf", "altered", "CR LF as line ends", ended(EIGHT).replace(b"\n", b"\r\n"), EIGHT)
manifest("bom", "altered", "a byte order mark before the first line", b"\xef\xbb\xbf" + ended(EIGHT), EIGHT)
manifest("empty-root", "altered", "a checkpoint of no lines with a root that no lines do not have", ended(LOG[:3]), [], leaf(b""))
manifest("no-line-end", "cut", "the last line end is missing", ended(EIGHT)[:-1], EIGHT)
manifest("no-line-end-only", "cut", "the only line end is missing", LOG[0], LOG[:1])
manifest("cut-in-line", "cut", "cut inside the last line", ended(EIGHT)[:-40], EIGHT)
for n in (0, 1, 4, 7):
    manifest(f"cut-{n}-of-8", "cut", f"the first {n} of 8 lines", ended(EIGHT[:n]), EIGHT)
manifest("cut-altered", "cut", "too few lines, and one of them is another", ended([b"{}", *EIGHT[1:7]]), EIGHT)
