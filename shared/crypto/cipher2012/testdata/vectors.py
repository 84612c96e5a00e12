"""Makes the test vectors of this directory anew: python3 vectors.py

A second implementation of the 2012 cipher, written from docs/PROTOCOL.md
and not from the Go code. The files it makes must never change.
"""

import base64
import hashlib
import pathlib

OUT = pathlib.Path(__file__).parent / "vectors"


def derive(password: bytes) -> bytes:
    h = hashlib.sha256(password).digest()
    for _ in range(20):
        h = hashlib.sha256(h + password).digest()
    return h


def pad(plain: bytes) -> bytes:
    n = 32 - len(plain) % 32
    return plain + bytes([n]) * n


def blocks(key: bytes, padded: bytes) -> bytes:
    out = bytearray()
    for at in range(0, len(padded), 32):
        block = padded[at:at + 32][::-1]
        out += bytes(b ^ k for b, k in zip(block, key))
    return bytes(out)


def encrypt(key: bytes, plain: bytes) -> bytes:
    return base64.b64encode(blocks(key, pad(plain)))


def write(name: str, header: dict, body: bytes) -> None:
    lines = "".join(f"{k}: {v}\n" for k, v in header.items())
    (OUT / f"{name}.txt").write_bytes(lines.encode() + b"\n" + body)


def good(name: str, note: str, password: str, plain: bytes) -> None:
    key = derive(password.encode())
    write(name, {
        "expect": "success",
        "note": note,
        "password": password,
        "key": key.hex(),
        "size": len(plain),
        "sha256": hashlib.sha256(plain).hexdigest(),
    }, encrypt(key, plain))


def bad(name: str, expect: str, note: str, body: bytes) -> None:
    write(name, {"expect": expect, "note": note, "key": KEY.hex()}, body)


KEY = derive(b"correct password")
LINE = b"The harbour log of the ninth: two barges in, one out, wind from the south-west, and the lamp was lit at six"
BOOK = (b"Ledger of a small shop, one line to a day and a sum to a line.\n" * 40)[:2169]
assert len(LINE) == 107 and len(BOOK) == 2169

OUT.mkdir(exist_ok=True)
good("empty", "a whole block of padding", "empty", b"")
good("one-byte", "31 bytes of padding", "one", b"x")
good("size-31", "one byte of padding", "a", b"0123456789abcdefghijklmnopqrstu")
good("size-32", "one block exactly: a second one of padding", "b", b"0123456789abcdefghijklmnopqrstuv")
good("size-33", "one byte more than a block", "c", b"0123456789abcdefghijklmnopqrstuvw")
good("size-64", "two blocks exactly: base64 without padding characters", "d", b"=" * 64)
good("size-107", "172 characters", "harbour", LINE)
good("size-2169", "2904 characters", "ledger", BOOK)
good("no-password", "the empty password is a password", "", b"nothing hides this\n")
good("password-utf8", "the password is its UTF-8 bytes", "Schlüssel 鍵 ключ", "Grüße, こんにちは, привет, שלום\n".encode())
good("password-long", "longer than a block of SHA-256", "p" * 200, b"long\n")
good("all-bytes", "every byte value", "bytes", bytes(range(256)))
good("crlf", "line ends stay as they are", "lines", b"one\r\ntwo\rthree\n\r\n")
good("looks-like-padding", "a message that ends like padding", "pad", b"sum: " + bytes([3, 3, 3]))
good("zeros", "96 zero bytes show the key three times", "zeros", bytes(96))

text = encrypt(KEY, LINE)
bad("bad-lf-inside", "base64", "a line feed every 76 characters", b"\n".join([text[:76], text[76:152], text[152:]]))
bad("bad-lf-quad", "base64", "four line feeds in the place of four characters", text[:40] + b"\n\n\n\n" + text[44:])
bad("bad-lf-end", "base64", "a line feed after the text", text + b"\n")
bad("bad-cr-end", "base64", "a carriage return after the text", text + b"\r")
bad("bad-crlf-4", "base64", "two line ends after the text", text + b"\r\n\r\n")
bad("bad-lf-start", "base64", "a line feed before the text", b"\n" + text)
bad("bad-space", "base64", "a space in the text", text[:80] + b" " + text[81:])
bad("bad-url-alphabet", "base64", "the other alphabet", text.replace(b"+", b"-").replace(b"/", b"_"))
bad("bad-no-padding", "base64", "padding characters left out", text.rstrip(b"="))
bad("bad-one-short", "base64", "the last character is missing", text[:-1])
bad("bad-cut-odd", "base64", "cut inside a group of four", text[:101])
bad("bad-trailing-bits", "base64", "bits are set under the padding character",
    encrypt(KEY, LINE)[:-2] + bytes([text[-2] + 1]) + b"=")
bad("bad-padding-inside", "base64", "two texts one after the other", text + text)
bad("bad-four-equals", "base64", "padding characters alone", b"====")
bad("bad-three-equals", "base64", "one character and padding", b"A===")
bad("bad-nul", "base64", "a zero byte", text[:8] + b"\x00" + text[9:])
bad("bad-high-byte", "base64", "a byte above 127", text[:8] + b"\xc3\xa9" + text[10:])
bad("bad-empty", "length", "no text at all", b"")
bad("bad-31-bytes", "length", "one byte less than a block", base64.b64encode(bytes(31)))
bad("bad-33-bytes", "length", "one byte more than a block", base64.b64encode(bytes(33)))
bad("bad-cut-even", "length", "cut after a group of four", text[:100])
bad("bad-one-group", "length", "four characters", b"AAAA")


def unpadded(padded: bytes) -> bytes:
    return base64.b64encode(blocks(KEY, padded))


assert text.count(b"+") + text.count(b"/") > 0
assert text[-1:] == b"=" and text[-2:-1] != b"="
bad("bad-pad-0", "padding", "padding length 0", unpadded(b"a" * 31 + b"\x00"))
bad("bad-pad-33", "padding", "padding length 33, in two blocks of 33s", unpadded(b"!" * 64))
bad("bad-pad-255", "padding", "padding length 255", unpadded(b"\xff" * 32))
bad("bad-pad-mixed", "padding", "length 5, but one of the five is a 4", unpadded(b"a" * 27 + bytes([4, 5, 5, 5, 5])))
bad("bad-pad-first", "padding", "a whole block of padding, its first byte wrong", unpadded(b"\x1f" + b"\x20" * 31))
bad("bad-pad-text", "padding", "no padding was put on", unpadded(b"0123456789abcdefghijklmnopqrstuv"))
bad("bad-key", "padding", "enciphered with another key", encrypt(derive(b"other"), LINE))
