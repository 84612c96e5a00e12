"""Makes the test vectors in servers/ anew: python3 servers.py

Written from docs/PROTOCOL.md and not from the Go code. The files it makes must never change.

Each holds what a server sends, up to its close_notify, to a client that sends the one "message" under this "name" and
"id". "expect" is what the client may believe:

    receipted  delivered
    refused    this message is refused for good
    stopped    this client is refused for good
    not known  the message may be kept or not
"""

import copy
import hashlib
import struct
import sys

from dialogues import HERE, OTHER, TEXT, fresh, stream, write
from vectors import (ACCEPT, CLOSE, ID, RECEIPT, REFUSAL, TOKEN, accept, close, data, record, refusal, welcome)

sys.path.append(str(HERE.parent.parent / "crypto/receipt/testdata"))
from tlog import NEXT, SERVER, STRANGER, Signer, b64, head, leaf, note, path, root, tree


def line(text: bytes = TEXT, *, seq: int = 0, id_: bytes = ID, sender: str = "store-17", name: str = "tide.txt",
         cipher: str = "none", encrypted: int = 0, sha256: str = "") -> bytes:
    digest = hashlib.sha256(text).hexdigest()
    return (f'{{"v":1,"seq":{seq},"file":"server_message{seq}.txt","id":"{id_.hex()}","sender":"{sender}","name":"{name}",'
            f'"cipher":"{cipher}","received_at":"2012-07-22T20:44:41.000000000Z","size":{len(text)},'
            f'"encrypted_size":{encrypted},"sha256":"{sha256 or digest}","file_size":236,"file_sha256":"{digest}"}}').encode()


OURS = line()
FOREIGN = line(OTHER, seq=1, id_=bytes(16))
WELCOME_ = welcome(logbook="0123456789abcdef0123456789abcdef")


def proof(mine: bytes = OURS, *others: bytes, index: int = 0, signer: Signer = SERVER, name: str = SERVER.name) -> bytes:
    """A receipt for the line at index of a tree of ours, FOREIGN and others."""
    lines = [mine, FOREIGN, *others]
    leaves = [leaf(one) for one in lines]
    signer = copy.copy(signer)
    signer.name = name
    return head(index, lines[index], path(index, leaves)) + b"\n" + note(tree(len(lines), root(leaves), name), signer)


def receipt(ref: int, text: bytes):
    return record(RECEIPT, struct.pack(">I", ref) + text), ""


def server(name: str, expect: str, about: str, *records, rest: bytes = b"", **more) -> None:
    write("servers", name, {
        "expect": expect, "note": about, "pin": SERVER.pin(), "token": TOKEN, "id": ID.hex(), "name": "tide.txt",
        "message": TEXT.decode(), **more}, stream(*records) + rest)


def servers() -> None:
    good = proof()
    server("good", "receipted", "a receipt", WELCOME_, receipt(0, good))
    server("good-2012", "receipted", "a receipt of the message enciphered as in 2012", WELCOME_,
           receipt(0, proof(line(cipher="2012", encrypted=44))), password="harbour")
    server("good-close", "receipted", "the server stops behind it", WELCOME_, receipt(0, good), close(0x0402, "bye"))
    server("good-accept", "receipted", "ACCEPT for a message that needs none", WELCOME_, accept(0), receipt(0, good))
    server("good-trailing", "receipted", "what no server sends, behind the answer", WELCOME_, receipt(0, good), rest=b"\0" * 9)

    def no_answer(name: str, about: str, text: bytes, **more) -> None:
        server(name, "not known", about, WELCOME_, receipt(0, text), **more)

    no_answer("foreign-answer", "a true receipt of another message", proof(index=1))
    no_answer("foreign-id", "a true receipt under another id", proof(line(id_=bytes(16))))
    no_answer("foreign-sender", "a true receipt of another sender", proof(line(sender="store-18")))
    no_answer("foreign-name", "a true receipt under another name", proof(line(name="ebb.txt")))
    no_answer("foreign-size", "a true receipt of another size", proof(line(OTHER)))
    no_answer("foreign-hash", "a true receipt of another text of that size", proof(line(sha256="0" * 64)))
    no_answer("foreign-cipher", "a true receipt of another cipher", proof(line(cipher="2012", encrypted=44)))
    no_answer("foreign-logbook", "a true receipt of another logbook than WELCOME names", proof(name="sealpost/" + "f" * 32))
    no_answer("foreign-number", "a true receipt whose line has another number", proof(line(seq=2)))
    no_answer("forged-identity", "signed by another key", proof(signer=STRANGER))
    no_answer("forged-next", "signed by a key that is not pinned yet", proof(signer=NEXT))
    no_answer("forged-root", "another root under the signature", good.replace(b64(root([leaf(OURS), leaf(FOREIGN)])), b64(leaf(OURS))))
    no_answer("forged-size", "another size under the signature", good.replace(b"\n2\n", b"\n3\n"))
    no_answer("proof-bit", "one bit of the proof is another", good.replace(b64(leaf(FOREIGN)), b64(leaf(FOREIGN)[:-1] + b"\0")))
    no_answer("proof-none", "no proof", good.replace(b64(leaf(FOREIGN)) + b"\n", b""))
    no_answer("line-altered", "another time in the manifest line",
              good.replace(b64(OURS), b64(OURS.replace(b"20:44:41", b"20:44:40"))))
    no_answer("line-foreign", "our line under another receipt's proof", proof(line(id_=bytes(16))).replace(
        b64(line(id_=bytes(16))), b64(OURS)))
    no_answer("version-2", "a receipt of a later version", good.replace(b"@v1", b"@v2"))
    no_answer("trailing-receipt", "a line end behind the receipt", good + b"\n")
    server_answers()
    server_cuts(good)


def server_answers() -> None:
    good = proof()
    for code, expect in [(0x0101, "refused"), (0x0103, "refused"), (0x01ff, "refused"), (0x0201, "not known"),
                         (0x0202, "not known"), (0x02ff, "not known"), (0x7777, "not known")]:
        server(f"refusal-{code:04x}", expect, "the class decides", WELCOME_, refusal(0, code, "no"))
    for code, expect in [(0x0301, "stopped"), (0x0302, "stopped"), (0x03ff, "stopped"), (0x0402, "not known"),
                         (0x04ff, "not known"), (0x7777, "not known")]:
        server(f"close-{code:04x}", expect, "instead of WELCOME", close(code, "no"))
        server(f"close-{code:04x}-later", expect, "behind WELCOME", WELCOME_, close(code, "no"))
    for code in (0x0000, 0x0001, 0x0301, 0x0302, 0x0402):
        server(f"refusal-{code:04x}", "not known", "a class that REFUSAL does not carry", WELCOME_, refusal(0, code, "no"))
    for code in (0x0000, 0x0001, 0x0101, 0x0103, 0x0202):
        server(f"close-{code:04x}", "not known", "a class that CLOSE does not carry, instead of WELCOME", close(code, "no"))
        server(f"close-{code:04x}-later", "not known", "the same behind WELCOME", WELCOME_, close(code, "no"))
    for name, about, records in [
        ("order-receipt", "RECEIPT before WELCOME", [receipt(0, good), WELCOME_]),
        ("order-welcome", "WELCOME twice", [WELCOME_, WELCOME_, receipt(0, good)]),
        ("order-ref", "a receipt for an offer that was not made", [WELCOME_, receipt(1, good)]),
        ("order-refusal", "a refusal of an offer that was not made", [WELCOME_, refusal(1, 0x0101, "no")]),
        ("order-accept", "ACCEPT for an offer that was not made", [WELCOME_, accept(1), receipt(0, good)]),
        ("order-accept-twice", "ACCEPT twice", [WELCOME_, accept(0), accept(0), receipt(0, good)]),
        ("order-data", "a record that only clients send", [WELCOME_, data(TEXT), receipt(0, good)]),
    ]:
        server(name, "not known", about, *records)
    server_offsets(good)
    for name, about, rest in [
        ("unknown", "a type that does not exist", b"\xc2\0\0\0\0"),
        ("oversize-receipt", "a receipt of 16385 bytes", record(RECEIPT, bytes(16389))),
        ("oversize-4gib", "a REFUSAL of 4 GiB", struct.pack(">BI", REFUSAL, 2**32 - 1)),
        ("trailing-accept", "a byte behind ACCEPT", record(ACCEPT, bytes(13))),
        ("trailing-receipt-record", "a byte behind the receipt", receipt(0, good + b"\0")[0]),
        ("malformed-close", "half a code", record(CLOSE, b"\x03")),
    ]:
        server(name, "not known", about, WELCOME_, rest=rest)
    server("oversize-welcome", "not known", "a logbook id of 65 characters", welcome(logbook="x" * 65), receipt(0, good))


def server_offsets(good: bytes) -> None:
    """Of a message that the window holds nothing can be left out."""
    for offset in (1, 12, 13, 14, 262144, 2**64 - 1):
        server(f"accept-offset-{offset}", "not known", "an offset that cannot be", WELCOME_, accept(0, offset), receipt(0, good))
    server("accept-offset-2012", "not known", "the same with cipher 2012", WELCOME_, accept(0, 262144),
           receipt(0, proof(line(cipher="2012", encrypted=44))), password="harbour")


def server_cuts(good: bytes) -> None:
    whole, first = stream(WELCOME_, receipt(0, good)), len(WELCOME_[0])
    for at, where in [(0, "at once"), (1, "behind a type"), (5, "behind a header"), (13, "inside WELCOME"),
                      (first - 1, "a byte before WELCOME's end"), (first, "behind WELCOME"), (first + 1, "behind the next type"),
                      (first + 5, "behind the next header"), (first + 9, "behind the ref"),
                      (first + 9 + good.index(b"\n\n") + 2, "before the receipt's checkpoint"),
                      (len(whole) - 1, "a byte before the end")]:
        server(f"cut-{at:04}", "not known", "the stream ends " + where, rest=whole[:at])
    for n in (5, 6):
        server(f"cut-refusal-{n}", "not known", "the stream ends inside REFUSAL", WELCOME_, rest=refusal(0, 0x0101, "no")[0][:5 + n])
    server("cut-close", "not known", "the stream ends inside CLOSE", WELCOME_, rest=close(0x0302, "no")[0][:6])
    server("cut-accept", "not known", "the stream ends inside ACCEPT", WELCOME_, rest=accept(0)[0][:-1])


if __name__ == "__main__":
    fresh("servers")
    servers()
