"""Makes the test vectors of this directory anew: python3 vectors.py

A second implementation of the sealpost wire's records, written from
docs/PROTOCOL.md and not from the Go code. The files it makes must never change.

Each file says what it is, then, after an empty line, holds a stream of
records. "record N" is what its record number N says; "expect" is what follows
the last of them:

    end        the stream ends between two records
    truncated  the stream ends inside a record
    unknown    a header with a type that does not exist ("type")
    length     a header with a length that its type ("type") does not allow
    malformed  a record of that "type" whose payload breaks its layout
"""

import hashlib
import json
import pathlib
import struct

OUT = pathlib.Path(__file__).parent / "vectors"

HELLO, OFFER, DATA, END, CANCEL = 0x01, 0x02, 0x03, 0x04, 0x05
WELCOME, ACCEPT, RECEIPT, REFUSAL, CLOSE = 0x81, 0x82, 0x83, 0x84, 0x85

TOKEN = "sealpost:store-17:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
LOGBOOK = "5eaf00d05eaf00d05eaf00d05eaf00d0"
ID = bytes(range(16))
LINE = b"two barges in, one out\n"
MAX64 = 2**64 - 1


def record(type_: int, payload: bytes = b"", declared: int | None = None) -> bytes:
    return struct.pack(">BI", type_, len(payload) if declared is None else declared) + payload


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# A record as bytes, and what it says as text.

def hello(token: str = TOKEN):
    return record(HELLO, token.encode()), f"HELLO token={json.dumps(token)}"


def offer(ref: int, content: bytes = LINE, name: str = "report.txt", cipher: int = 0, encrypted: int = 0,
          size: int | None = None):
    size = len(content) if size is None else size
    payload = struct.pack(">I16sBQQ32s", ref, ID, cipher, size, encrypted, hashlib.sha256(content).digest())
    return record(OFFER, payload + name.encode()), (
        f"OFFER ref={ref} id={ID.hex()} cipher={cipher} size={size} encrypted_size={encrypted}"
        f" sha256={sha256(content)} name={json.dumps(name)}")


def data(piece: bytes):
    return record(DATA, piece), f"DATA bytes={len(piece)} sha256={sha256(piece)}"


def end():
    return record(END), "END"


def cancel():
    return record(CANCEL), "CANCEL"


def welcome(max_message: int = 1 << 30, window: int = 262144, in_flight: int = 256, logbook: str = LOGBOOK):
    return record(WELCOME, struct.pack(">QIH", max_message, window, in_flight) + logbook.encode()), (
        f"WELCOME max_message={max_message} window={window} in_flight={in_flight} logbook={json.dumps(logbook)}")


def accept(ref: int, offset: int = 0):
    return record(ACCEPT, struct.pack(">IQ", ref, offset)), f"ACCEPT ref={ref} offset={offset}"


def receipt(ref: int, text: str):
    return record(RECEIPT, struct.pack(">I", ref) + text.encode()), f"RECEIPT ref={ref} text={json.dumps(text)}"


def refusal(ref: int, code: int, reason: str):
    return record(REFUSAL, struct.pack(">IH", ref, code) + reason.encode()), (
        f"REFUSAL ref={ref} code=0x{code:04x} reason={json.dumps(reason)}")


def over_quota(reason: str, retry_after: int):
    """A refusal over quota says after how many seconds to try again; 0 where its reason does not."""
    raw, says = refusal(0, 0x0206, reason)
    return raw, f"{says} retry_after={retry_after}"


def close(code: int, reason: str):
    return record(CLOSE, struct.pack(">H", code) + reason.encode()), f"CLOSE code=0x{code:04x} reason={json.dumps(reason)}"


def write(name: str, expect: str, note: str, records: list = (), rest: bytes = b"", type_: int | None = None) -> None:
    lines = [f"expect: {expect}", f"note: {note}"]
    if type_ is not None:
        lines.append(f"type: 0x{type_:02x}")
    lines += [f"record {n}: {says}" for n, (_, says) in enumerate(records)]
    body = b"".join(raw for raw, _ in records) + rest
    (OUT / f"{name}.txt").write_bytes("\n".join(lines).encode() + b"\n\n" + body)


def good() -> None:
    write("empty", "end", "no record at all")
    write("hello", "end", "who I am", [hello()])
    write("hello-max", "end", "the longest token", [hello("t" * 256)])
    write("hello-empty", "end", "a token of no bytes: well-formed, and no token", [hello("")])
    write("offer", "end", "cipher none", [offer(0)])
    write("offer-2012", "end", "cipher 2012: 107 bytes are 172 characters", [offer(1, b"x" * 107, cipher=1, encrypted=172)])
    write("offer-utf8", "end", "a name of several scripts", [offer(2, name="Büro/отчёт 報告.txt")])
    write("offer-name-max", "end", "a name of 255 bytes", [offer(3, name="n" * 255)])
    write("offer-largest", "end", "every number at its maximum: the server judges them",
          [offer(2**32 - 1, cipher=255, encrypted=MAX64, size=MAX64)])
    write("offer-no-name", "end", "well-formed; the server refuses it as a bad offer", [offer(0, name="")])
    write("data", "end", "one byte", [data(b"x")])
    write("data-4096", "end", "4096 bytes", [data(bytes(4096))])
    write("data-4097", "end", "4097 bytes", [data(bytes(4097))])
    write("data-max", "end", "the largest DATA", [data(bytes(65536))])
    write("end", "end", "the body is complete", [end()])
    write("cancel", "end", "the body ends incomplete", [cancel()])
    write("welcome", "end", "the usual limits", [welcome()])
    write("welcome-largest", "end", "every number at its maximum, the longest id",
          [welcome(MAX64, 2**32 - 1, 65535, "~" * 64)])
    write("welcome-smallest", "end", "the least of everything", [welcome(0, 1, 1, "!")])
    write("accept", "end", "send the rest", [accept(7)])
    write("accept-offset", "end", "send the rest from 8 MiB on", [accept(0, 8 << 20)])
    write("accept-largest", "end", "every number at its maximum: the client judges them", [accept(2**32 - 1, MAX64)])
    write("receipt", "end", "a text of several lines", [receipt(0, "sealpost/x\nreceipt v0\n{}\n\n\u2014 sealpost/x AAAA\n")])
    write("receipt-max", "end", "16 KiB of text", [receipt(1, "r" * 16384)])
    write("refusal", "end", "too large", [refusal(0, 0x0101, "2 bytes, at most 1 are taken")])
    write("refusal-no-reason", "end", "a reason is not required", [refusal(1, 0x0201, "")])
    write("refusal-max", "end", "512 bytes of reason", [refusal(2, 0x0102, "\u00e9" * 256)])
    for name, note, reason, seconds in [
        ("quota", "when to try again", "retry-after=43200; 1000000 bytes a day may be sent", 43200),
        ("quota-no-text", "no text for people", "retry-after=1; ", 1),
        ("quota-max", "as long as there is", "retry-after=4294967295; later; much later", 2**32 - 1),
        ("quota-zeros", "ten digits", "retry-after=0000000060; later", 60),
        ("quota-eleven-digits", "one digit too many", "retry-after=00000000060; later", 0),
        ("quota-too-large", "not below 2^32", "retry-after=4294967296; later", 0),
        ("quota-signed", "no digit", "retry-after=+60; later", 0),
        ("quota-no-digits", "no number", "retry-after=; later", 0),
        ("quota-no-end", "no semicolon and space", "retry-after=60;later", 0),
        ("quota-elsewhere", "not at its beginning", "later: retry-after=60; ", 0),
        ("quota-words", "words alone", "enough for today", 0),
    ]:
        write(f"refusal-{name}", "end", note, [over_quota(reason, seconds)])
    write("refusal-no-quota", "end", "the words of a quota with another code say nothing",
          [refusal(0, 0x0203, "retry-after=60; no space")])
    write("refusal-unknown-code", "end", "codes of later versions are well-formed", [refusal(3, 0xfffe, "later")])
    write("close", "end", "no valid token", [close(0x0302, "no valid token")])
    write("close-no-reason", "end", "a reason is not required", [close(0x0401, "")])
    write("close-max", "end", "512 bytes of reason", [close(0x0301, "c" * 512)])


def dialogues() -> None:
    write("client-one-message", "end", "everything a client sends for one message",
          [hello(), offer(0), data(LINE), end()])
    write("client-2012", "end", "the key and the text of the 2012 cipher, in two records",
          [hello(), offer(0, cipher=1, encrypted=44), data(bytes(32)), data(b"A" * 44), end()])
    write("client-empty-message", "end", "a message of no bytes has no DATA", [offer(0, b""), end()])
    write("client-in-flight", "end", "three messages before any answer, one cancelled",
          [offer(0), data(LINE), end(), offer(1), data(LINE[:5]), cancel(), offer(2), data(LINE[:5]), data(LINE[5:]), end()])
    write("server-answers", "end", "answers come in any order",
          [welcome(), accept(1), receipt(2, "x\n"), refusal(0, 0x0104, "bytes differ"), receipt(1, "y\n"),
           close(0x0402, "the server is stopping")])
    inside = b"".join(raw for raw, _ in [end(), cancel(), offer(1), data(LINE), close(0x0402, "bye")])
    write("lookalike", "end", "DATA that holds records", [offer(0, inside), data(inside), end()])


def truncated() -> None:
    whole = record(OFFER, offer(0)[0][5:])
    for size, where in [(1, "after the type"), (2, "inside the length"), (4, "inside the length"), (5, "before the payload"),
                        (6, "after one byte of payload"), (9, "after the ref"), (25, "after the id"), (26, "after the cipher"),
                        (34, "after the size"), (42, "after the encrypted size"), (74, "after the SHA-256"),
                        (len(whole) - 1, "before the last byte")]:
        write(f"cut-offer-{size:02}", "truncated", where, rest=whole[:size])
    write("cut-data-max", "truncated", "one byte of the largest DATA is missing", rest=record(DATA, bytes(65536))[:-1])
    write("cut-second", "truncated", "the first record is whole", [hello()], whole[:40])
    write("cut-second-header", "truncated", "the first record is whole", [data(LINE)], record(END)[:3])
    write("cut-short-accept", "truncated", "too short a payload, and not all of it there", rest=record(ACCEPT, b"\x00\x00", 3))
    write("cut-hello-empty", "truncated", "a header of no payload, and not all of it there", rest=record(HELLO)[:4])
    write("cut-data-long", "truncated", "too long a payload, and no whole header", rest=record(DATA, b"", 2**32 - 1)[:4])
    write("cut-unknown", "truncated", "a type that does not exist, and no whole header", rest=b"\x7f\x00\x00")


def refused() -> None:
    for type_, what in [(0x00, "zero"), (0x06, "after the client's last"), (0x47, "an HTTP request"), (0x7f, "the last below 0x80"),
                        (0x80, "before the server's first"), (0x86, "after the server's last"), (0xff, "the largest")]:
        rest = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" if type_ == 0x47 else record(type_)
        write(f"unknown-{type_:02x}", "unknown", what, rest=rest, type_=type_)
    write("unknown-tls", "unknown", "a TLS greeting inside TLS", rest=bytes.fromhex("16030100c8010000c40303"), type_=0x16)
    write("unknown-second", "unknown", "after a good record", [end()], b"\x00\x00\x00\x00\x00", type_=0x00)
    for type_, most in [(HELLO, 256), (OFFER, 324), (DATA, 65536), (END, 0), (CANCEL, 0), (WELCOME, 78), (ACCEPT, 12),
                        (RECEIPT, 16388), (REFUSAL, 518), (CLOSE, 514)]:
        write(f"long-{type_:02x}", "length", "one byte over the maximum, and all bytes there",
              rest=record(type_, bytes(most + 1)), type_=type_)
        write(f"4gib-{type_:02x}", "length", "4 GiB declared", rest=record(type_, b"", 2**32 - 1), type_=type_)
    write("data-empty", "length", "DATA of no bytes", rest=record(DATA), type_=DATA)


def malformed() -> None:
    def bad(name, note, type_, payload, records=()):
        write(f"bad-{name}", "malformed", note, records, record(type_, payload), type_)

    bad("offer-empty", "no payload", OFFER, b"")
    bad("offer-short", "one byte less than the fixed part", OFFER, offer(0, name="")[0][5:-1])
    bad("welcome-short", "no logbook id", WELCOME, welcome(logbook="")[0][5:])
    bad("welcome-window", "a window of zero", WELCOME, welcome(window=0)[0][5:])
    bad("welcome-in-flight", "nothing may be in flight", WELCOME, welcome(in_flight=0)[0][5:])
    bad("welcome-id-space", "a space in the logbook id", WELCOME, welcome(logbook="a b")[0][5:])
    bad("welcome-id-utf8", "the logbook id is not ASCII", WELCOME, welcome(logbook="\u00e9")[0][5:])
    bad("accept-empty", "no payload", ACCEPT, b"")
    bad("accept-short", "one byte less than it has", ACCEPT, accept(0)[0][5:-1])
    bad("accept-ref", "the ref alone", ACCEPT, accept(0)[0][5:9])
    bad("receipt-empty", "a ref and no text", RECEIPT, bytes(4))
    bad("receipt-short", "half a ref", RECEIPT, bytes(2))
    bad("refusal-short", "half a code", REFUSAL, bytes(5))
    bad("refusal-utf8", "the reason is not UTF-8", REFUSAL, bytes(4) + b"\x01\x01\xff")
    bad("close-short", "half a code", CLOSE, b"\x03")
    bad("close-utf8", "the reason is cut inside a character", CLOSE, b"\x03\x01\xc3")
    bad("close-empty", "no payload", CLOSE, b"")
    bad("welcome-window-longest", "a length within the bounds of the type, and a limit of zero in it", WELCOME, welcome(window=0, logbook="~" * 64)[0][5:])
    bad("second", "after a good record", ACCEPT, b"", [welcome()])


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    for old in OUT.glob("*.txt"):
        old.unlink()
    for make in (good, dialogues, truncated, refused, malformed):
        make()
