"""Makes the test vectors in wire2012/ anew: python3 wire2012.py

Written from docs/PROTOCOL.md and not from the Go code. The files it makes must never change.

Each holds a whole connection of the 2012 wire, to a server that takes messages of up to "max_message" bytes. "expect" is
success (it closes normally and keeps a message of this "size" and "sha256") or why it resets the connection: truncated (inside the
key), base64, length, padding, oversize.
"""

import base64
import hashlib

from dialogues import KEY, MAX, TEXT, derive, encrypt, fresh, stream, write
from vectors import data, end, hello, offer


def kept(name: str, about: str, body: bytes, plain: bytes, most: int = MAX) -> None:
    write("wire2012", name, {"expect": "success", "note": about, "max_message": most, "size": len(plain),
                             "sha256": hashlib.sha256(plain).hexdigest()}, body)


def reset(name: str, expect: str, about: str, body: bytes, most: int = MAX) -> None:
    write("wire2012", name, {"expect": expect, "note": about, "max_message": most}, body)


def wire2012() -> None:
    for size in (0, 1, 31, 32, 33, 64, 107, 2169):
        plain = (b"Ledger of a small shop, one line to a day and a sum to a line.\n" * 40)[:size]
        kept(f"good-{size}", f"{size} bytes", KEY + encrypt(KEY, plain), plain)
    kept("good-bytes", "every byte value", KEY + encrypt(KEY, bytes(range(256))), bytes(range(256)))
    kept("good-key-lines", "a key that is text", b"\n" * 32 + encrypt(b"\n" * 32, TEXT), TEXT)
    kept("good-most", "the largest message", KEY + encrypt(KEY, bytes(96)), bytes(96), 96)
    good = KEY + encrypt(KEY, b"0123456789" * 9)  # three blocks: no padding characters
    for at in (0, 1, 31):
        reset(f"cut-key-{at:02}", "truncated", f"{at} bytes of the key", good[:at])
    reset("cut-text-00", "length", "the key alone", good[:32])
    for at in (1, 2, 3, 5, 43, 127):
        reset(f"cut-text-{at:02}", "base64", f"{at} characters of the text", good[:32 + at])
    for at in (4, 44, 84, 124):
        reset(f"cut-text-{at:02}", "length", f"{at} characters of the text: whole groups, no whole blocks", good[:32 + at])
    long = KEY + encrypt(KEY, bytes(range(97, 117)) * 12)  # 8 blocks
    reset("cut-blocks", "padding", "three of eight blocks: the last is no padding", long[:32 + 128])
    lucky = b"x" * 95 + b"\x01" + b"the rest of this message is lost"
    kept("cut-lucky", "cut behind a block that ends like padding: it passes for a whole message", KEY + encrypt(KEY, lucky)[:128],
         lucky[:95])
    reset("reordered", "padding", "the last block in front", KEY + base64.b64encode(
        (raw := base64.b64decode(good[32:]))[64:] + raw[:64]))
    reset("reordered-key", "base64", "the text before the key", good[32:] + KEY)
    reset("trailing-lf", "base64", "a line end behind the text", good + b"\n")
    reset("trailing-nul", "base64", "a zero byte behind the text", good + b"\0")
    reset("trailing-group", "length", "four characters behind the text", good + b"AAAA")
    reset("trailing-message", "base64", "a second message behind the first", good + good)
    changed = base64.b64decode(good[32:])
    reset("altered-padding", "padding", "a byte of the padding is another",
          KEY + base64.b64encode(changed[:64] + bytes([changed[64] ^ 1]) + changed[65:]))
    kept("altered-lucky", "another byte of the message is another, and nothing shows it",
         KEY + base64.b64encode(changed[:31] + bytes([changed[31] ^ 1]) + changed[32:]), b"1" + b"123456789" + b"0123456789" * 8)
    reset("other-key", "padding", "another key", derive(b"other") + good[32:])
    reset("http", "base64", "an HTTP request", b"GET /index.html HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n")
    reset("tls", "base64", "a TLS greeting", bytes.fromhex("16030100c8010000c40303") + bytes(194))
    reset("sealpost", "base64", "the other wire", stream(hello(), offer(0), data(TEXT), end()))
    reset("oversize", "oversize", "a byte more than the largest message, in as many blocks", KEY + encrypt(KEY, bytes(97)), 96)
    reset("oversize-text", "oversize", "a block more than the largest message", KEY + encrypt(KEY, bytes(128)), 96)


if __name__ == "__main__":
    fresh("wire2012")
    wire2012()
