"""Makes the test vectors in clients/ anew: python3 clients.py

Written from docs/PROTOCOL.md and not from the Go code. The files it makes must never change.

Each holds what a client sends on one connection, up to its close_notify. "expect" is what the server sends back, without
what is in it, in the order of the alphabet, or "nothing". A CLOSE always comes last. The server knows the one "token" and
takes messages of up to "max_message" bytes. With a "pause" the client sends so many bytes, waits for the RECEIPT, and sends
the rest.
"""

import struct

from dialogues import KEY, MAX, OTHER, TEXT, derive, encrypt, fresh, stream, write
from vectors import (DATA, END, HELLO, OFFER, TOKEN, accept, cancel, close, data, end, hello, offer, record, refusal,
                     welcome)


def client(name: str, expect: str, about: str, *records, rest: bytes = b"", pause: int = 0) -> None:
    """With a pause the client waits for an answer behind so many records."""
    header = {"expect": expect, "note": about, "token": TOKEN, "max_message": MAX}
    if pause:
        header["pause"] = len(stream(*records[:pause]))
    write("clients", name, header, stream(*records) + rest)


def message(ref: int, text: bytes = TEXT, *, declared: bytes | None = None, id_: int = 0, **more) -> list:
    """OFFER, DATA and END of a message. The id is that of the vectors, with another first byte."""
    raw, says = offer(ref, text if declared is None else declared, more.pop("name", "tide.txt"), **more)
    raw = raw[:9] + bytes([id_]) + raw[10:]
    return [(raw, says), *(data(text[at:at + 65536]) for at in range(0, len(text), 65536)), end()]


def sealed(ref: int, text: bytes = TEXT, key: bytes = KEY, body: bytes | None = None, **more) -> list:
    offered = message(ref, text, cipher=1, encrypted=len(encrypt(KEY, text)), **more)[0]
    return [offered, data(key), data(encrypt(KEY, text) if body is None else body), end()]


def clients() -> None:
    ok = "RECEIPT 0; WELCOME"
    client("good", ok, "one message", hello(), *message(0))
    client("good-2012", ok, "the 2012 cipher", hello(), *sealed(0))
    client("good-empty", ok, "a message of no bytes", hello(), *message(0, b""))
    client("good-three", "RECEIPT 0; RECEIPT 1; RECEIPT 2; WELCOME", "three messages at once", hello(), *message(0, id_=0),
           *message(1, OTHER, id_=1), *message(2, TEXT, id_=2))
    client("good-window", ok, "as many bytes as the window: no ACCEPT", hello(), *message(0, bytes(262144)))
    client("good-large", "ACCEPT 0; RECEIPT 0; WELCOME", "one byte more: ACCEPT", hello(), *message(0, bytes(262145)))
    client("good-largest", "ACCEPT 0; RECEIPT 0; WELCOME", "the largest message", hello(), *message(0, bytes(MAX)))
    client("good-nothing", "WELCOME", "logs in and leaves", hello())
    client("repeat", "RECEIPT 0; RECEIPT 1; WELCOME", "the same id and content", hello(), *message(0), *message(1))
    client("repeat-cancelled", "RECEIPT 0; RECEIPT 1; WELCOME", "the same, its body cancelled: the answer stays", hello(),
           *message(0), message(1)[0], cancel(), pause=4)
    for what, other in {"content": message(1, OTHER), "name": message(1, name="ebb.txt"), "cipher": sealed(1)}.items():
        client(f"conflict-{what}", "RECEIPT 0; REFUSAL 1 0x0103; WELCOME", f"the same id with another {what}", hello(),
               *message(0), *other, pause=4)
    client("cancel", "REFUSAL 0 0x0204; WELCOME", "cancelled inside the body", hello(), message(0)[0], data(TEXT[:4]), cancel())
    client("cancel-then-good", "RECEIPT 1; REFUSAL 0 0x0204; WELCOME", "cancelled, then sent under the same id", hello(),
           message(0)[0], cancel(), *message(1))

    client("token-wrong", "CLOSE 0x0302", "another secret", hello(TOKEN[:-2] + "A8"), *message(0))
    client("token-sender", "CLOSE 0x0302", "another sender", hello(TOKEN.replace("17", "18")), *message(0))
    client("token-empty", "CLOSE 0x0302", "no bytes", hello(""), *message(0))
    client("token-cut", "CLOSE 0x0302", "the last character is missing", hello(TOKEN[:-1]), *message(0))
    client("token-trailing", "CLOSE 0x0302", "a line end behind it", hello(TOKEN + "\n"), *message(0))
    client_offers()
    client_turns()
    client_cuts()


def client_offers() -> None:
    def refused(name: str, code: int, about: str, offered) -> None:
        client(name, f"RECEIPT 1; REFUSAL 0 0x{code:04x}; WELCOME", about + "; the next message is taken", hello(),
               *offered, *message(1, id_=1))

    refused("offer-too-large", 0x0101, "one byte too large", [message(0, size=MAX + 1)[0], end()])
    refused("offer-largest", 0x0101, "2^64-1 bytes", [message(0, size=2**64 - 1)[0], cancel()])
    refused("offer-no-name", 0x0102, "no name", message(0, name=""))
    refused("offer-name-line", 0x0102, "a line end in the name", message(0, name="a\nb"))
    refused("offer-name-bidi", 0x0102, "U+202E in the name", message(0, name="a\u202eb"))
    refused("offer-cipher", 0x0102, "a cipher that does not exist", message(0, cipher=2))
    refused("offer-encrypted", 0x0102, "cipher none with an encrypted size", message(0, encrypted=44))
    refused("offer-encrypted-size", 0x0102, "an encrypted size that does not belong to the size",
            [message(0, cipher=1, encrypted=88)[0], data(KEY), data(b"A" * 88), end()])
    refused("body-short", 0x0104, "a byte less than declared", [message(0)[0], data(TEXT[:-1]), end()])
    refused("body-none", 0x0104, "no bytes, where some were declared", [message(0)[0], end()])
    refused("body-long", 0x0104, "a byte more than declared", [message(0)[0], data(TEXT + b"!"), end()])
    refused("body-other", 0x0104, "other bytes of the same size", message(0, TEXT[::-1], declared=TEXT))
    refused("body-key-alone", 0x0104, "cipher 2012: the key and no text", sealed(0, body=b"")[:2] + [end()])
    refused("body-base64", 0x0105, "cipher 2012: no base64", sealed(0, body=b"!" * 44))
    refused("body-padding", 0x0105, "cipher 2012: another key", sealed(0, key=derive(b"other")))
    refused("body-size", 0x0104, "cipher 2012: a message of another size", sealed(0, body=encrypt(KEY, OTHER)))


def client_turns() -> None:
    lost = "CLOSE 0x0301; WELCOME"
    one, two = message(0), message(1, id_=1)
    client("order-offer-first", "CLOSE 0x0301", "OFFER before HELLO", one[0], hello(), *one[1:])
    client("order-data-first", "CLOSE 0x0301", "DATA before HELLO", data(TEXT))
    client("order-hello-twice", lost, "HELLO twice", hello(), hello())
    client("order-data-offer", lost, "DATA before OFFER", hello(), one[1], one[0], one[2])
    client("order-end-offer", lost, "END before OFFER", hello(), end(), *one)
    client("order-cancel", lost, "CANCEL before OFFER", hello(), cancel())
    client("order-offer-offer", lost, "OFFER inside a body", hello(), one[0], two[0], one[1], one[2])
    client("order-hello-inside", lost, "HELLO inside a body", hello(), one[0], hello())
    client("order-end-data", "CLOSE 0x0301; REFUSAL 0 0x0104; WELCOME", "END before DATA", hello(), one[0], one[2], one[1])
    client("order-end-twice", "CLOSE 0x0301; RECEIPT 0; WELCOME", "END twice", hello(), *one, end())
    client("order-ref-1", lost, "the first offer has number 1", hello(), *two)
    client("order-ref-twice", "CLOSE 0x0301; RECEIPT 0; WELCOME", "number 0 twice", hello(), *one, *message(0, id_=1))
    client("order-ref-gap", "CLOSE 0x0301; RECEIPT 0; WELCOME", "number 2 behind 0", hello(), *one, *message(2, id_=1))
    for other in (welcome(), accept(0), refusal(0, 0x0101, "no"), close(0x0402, "bye")):
        client(f"order-{other[1].split()[0].lower()}", lost, "a record that only servers send", hello(), other)
    client("skip-bound", "REFUSAL 0 0x0101; WELCOME", "a window of bytes behind a refusal is dropped", hello(),
           message(0, size=MAX + 1)[0], *[data(bytes(65536))] * 4, end())
    client("skip-beyond", "CLOSE 0x0301; REFUSAL 0 0x0101; WELCOME", "one byte more is too much", hello(),
           message(0, size=MAX + 1)[0], *[data(bytes(65536))] * 4, data(b"!"))
    for name, rest, about in [
        ("unknown", b"\x42\0\0\0\0", "a type that does not exist"), ("unknown-http", b"GET / HTTP/1.1\r\n\r\n", "an HTTP request"),
        ("oversize-data", struct.pack(">BI", DATA, 65537), "DATA of one byte too many"),
        ("oversize-4gib", struct.pack(">BI", OFFER, 2**32 - 1), "an OFFER of 4 GiB"),
        ("oversize-name", record(OFFER, offer(0, name="n" * 256)[0][5:]), "a name of 256 bytes"),
        ("trailing-end", stream(one[0], one[1]) + record(END, b"!"), "a byte behind END"),
        ("data-empty", stream(one[0]) + record(DATA), "DATA of no bytes"),
    ]:
        client(name, lost, about, hello(), rest=rest)
    client("oversize-hello", "CLOSE 0x0301", "a token of 257 bytes", rest=record(HELLO, b"t" * 257))


def client_cuts() -> None:
    """close_notify at each boundary: no CLOSE is due to who has left."""
    whole = [hello(), *message(0)]
    for n, where in [(0, "before HELLO"), (1, "behind HELLO"), (2, "behind OFFER"), (3, "behind DATA")]:
        expect, following = "WELCOME" if n else "nothing", whole[n][0]
        client(f"cut-{n}", expect, where, *whole[:n])
        client(f"cut-{n}-type", expect, where + ": inside the next header", *whole[:n], rest=following[:3])
        if len(following) > 5:
            client(f"cut-{n}-header", expect, where + ": behind the next header", *whole[:n], rest=following[:5])
            client(f"cut-{n}-payload", expect, where + ": a byte is missing of the next record", *whole[:n], rest=following[:-1])


if __name__ == "__main__":
    fresh("clients")
    clients()
