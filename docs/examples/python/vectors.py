"""Says what this package makes of test vectors: python3 vectors.py KIND DIR

For each file of DIR a line of JSON: what came of it ("outcome"), what was read, and, where something was, whether it
encodes to the same bytes again ("again"). The vector's own word of what must come of it is not looked at: that is for the caller to compare.
Kinds: records, clients, servers, wire2012, cipher2012, receipts, checkpoints, retired, roots, pins,
certificates, lines, files (PROTOCOL.md, section 15).
"""
import base64
import hashlib
import io
import json
import pathlib
import sys

from sealpost import checkpoint, cipher2012, logfile, manifest, pins, receipt, retired, tree, turns, wire, wire2012
from sealpost.forms import Breach
from sealpost.session import Ended, Session, message_of


def reader(body: bytes) -> wire.Reader:
    return wire.Reader(io.BytesIO(body).read)


def says(rec: wire.Record) -> str:
    """A record as the vectors write it."""
    match rec:
        case wire.Hello(token):
            return f"HELLO token={json.dumps(token.decode())}"
        case wire.Offer():
            return (f"OFFER ref={rec.ref} id={rec.id.hex()} cipher={rec.cipher} size={rec.size} encrypted_size={rec.encrypted_size}"
                    f" sha256={rec.sha256.hex()} name={json.dumps(rec.name.decode())}")
        case wire.Data(piece):
            return f"DATA bytes={len(piece)} sha256={hashlib.sha256(piece).hexdigest()}"
        case wire.Welcome():
            return (f"WELCOME max_message={rec.max_message} window={rec.window} in_flight={rec.in_flight}"
                    f" logbook={json.dumps(rec.logbook)}")
        case wire.Accept(ref, offset):
            return f"ACCEPT ref={ref} offset={offset}"
        case wire.Receipt(ref, text):
            return f"RECEIPT ref={ref} text={json.dumps(text.decode())}"
        case wire.Refusal(ref, code, reason):
            quota = f" retry_after={rec.retry_after}" if code == wire.Code.OVER_QUOTA else ""
            return f"REFUSAL ref={ref} code=0x{code:04x} reason={json.dumps(reason)}{quota}"
        case wire.Close(code, reason):
            return f"CLOSE code=0x{code:04x} reason={json.dumps(reason)}"
    return type(rec).__name__.upper()


def records(header: dict, body: bytes) -> dict:
    out, whole = {"outcome": "end"}, b""
    try:
        for number, rec in enumerate(reader(body)):
            out[f"record {number}"] = says(rec)
            whole += rec.encode()
    except Breach as breach:
        out["outcome"] = breach.outcome
        if breach.type is not None and breach.outcome != "truncated":
            out["type"] = f"0x{breach.type:02x}"
    return out | {"again": body == whole if out["outcome"] == "end" else body.startswith(whole)}


def encoded(body: bytes) -> bool:
    """Whether the records of a stream, as far as they are some, encode to the same bytes."""
    return records({}, body)["again"]


def clients(header: dict, body: bytes) -> dict:
    """What a client sends, and a server's answers. Their order does not count, but for a CLOSE at the end."""
    server = turns.Server(header["token"].encode(), int(header["max_message"]))
    return {"outcome": "; ".join(sorted(server.run(body))) or "nothing", "again": encoded(body)}


class Recording:
    """A server that says what it said once."""

    def __init__(self, body: bytes):
        self.read, self.sent = io.BytesIO(body).read, b""

    def write(self, data: bytes) -> None:
        self.sent += data

    def readable(self) -> bool:
        return False


def servers(header: dict, body: bytes) -> dict:
    """What a server says to a client that sends one message."""
    key = cipher2012.derive(header["password"].encode()) if "password" in header else None
    message = message_of(header["message"].encode(), header["name"], bytes.fromhex(header["id"]), key)
    try:
        delivery, = Session(Recording(body), header["token"], pins.parse(header["pin"])).deliver([message])
        outcome = delivery.outcome
    except Ended as ended:
        outcome = ended.outcome
    return {"outcome": outcome.value, "again": encoded(body)}


def stream2012(header: dict, body: bytes) -> dict:
    key, plain = wire2012.decode(body, int(header["max_message"]))
    return {"outcome": "success", "size": str(len(plain)), "sha256": hashlib.sha256(plain).hexdigest(),
            "again": wire2012.encode(key, plain) == body}


def text2012(header: dict, body: bytes) -> dict:
    key = bytes.fromhex(header["key"])
    plain = cipher2012.decrypt(key, body)
    return {"outcome": "success", "size": str(len(plain)), "sha256": hashlib.sha256(plain).hexdigest(),
            "key": cipher2012.derive(header["password"].encode()).hex(), "again": cipher2012.encrypt(key, plain) == body
            and b"".join(cipher2012.encrypt_pieces(key, (plain[at:at + 1] for at in range(len(plain))))) == body}


def signed_tree(c: checkpoint.Checkpoint) -> dict:
    return {"size": str(c.size), "root": base64.b64encode(c.root).decode()}


def receipts(header: dict, body: bytes) -> dict:
    opened = receipt.open_text(body, pins.parse(header["pin"]))
    try:
        entry = "yes" if opened.entry().encode() == opened.line else "another"
    except Breach:
        entry = "no"
    return {"outcome": "success", "index": str(opened.index), **signed_tree(opened.tree), "entry": entry,
            "line_sha256": hashlib.sha256(opened.line).hexdigest(), "again": receipt.parse(body).encode() == body}


def checkpoints(header: dict, body: bytes) -> dict:
    opened = checkpoint.open_signed(body, pins.parse(header["pin"]))
    note = checkpoint.parse_note(body)
    return {"outcome": "success", **signed_tree(opened),
            "again": note.encode() == body and note.text.startswith(opened.text())}


def retired_notes(header: dict, body: bytes) -> dict:
    opened = retired.open_signed(body, pins.parse(header["pin"]))
    numbers = ",".join(f"{first}-{last}" for first, last in opened.ranges)
    return {"outcome": "success", "serial": str(opened.serial), "numbers": numbers, "again": body.startswith(opened.text() + b"\n")}


def roots(header: dict, body: bytes) -> dict:
    """A manifest, and a checkpoint of its first lines. What stands behind the last line end is not a line."""
    signed, hasher = checkpoint.open_signed(base64.b64decode(header["checkpoint"]), pins.parse(header["pin"])), tree.Hasher()
    outcome, whole = "cut", body.split(b"\n")[:-1]
    for line in [*whole, None]:
        if hasher.size == signed.size:
            outcome = "success" if hasher.root() == signed.root else "altered"
        if line is not None:
            hasher.add(line)
    return {"outcome": outcome, "lines": str(hasher.size), "root": base64.b64encode(hasher.root()).decode(), "again": True}


def identities(header: dict, body: bytes) -> dict:
    listed = pins.parse(body.decode("utf-8", "surrogateescape"))
    spelling = ",".join(pin.verifier_key() for pin in listed)
    return {"outcome": "success", "keys": ",".join(pin.key.hex() for pin in listed), "spelling": spelling,
            "again": pins.parse(spelling) == listed}


def certificates(header: dict, body: bytes) -> dict:
    info, listed = pins.public_key_info(body), pins.parse(header["pin"])
    shown = {"key": info[-32:].hex()} if info.startswith(pins.ED25519_INFO) else {}
    return {"outcome": "success" if info in [pin.public_key_info() for pin in listed] else "mismatch", "again": True, **shown}


def lines(header: dict, body: bytes) -> dict:
    return {"outcome": "success", "again": manifest.parse(body).encode() == body}


def files(header: dict, body: bytes) -> dict:
    file = io.BytesIO(body)
    head = logfile.parse(file, len(body))
    plain = b"".join(logfile.pieces(file, head.size))
    file.read(len(head.trailer()))
    rows = list(logfile.text(file, head))
    again = head.encode() + plain + head.trailer() + b"".join(row + b"\n" for row in rows)
    if rows:
        again = again if cipher2012.decrypt(bytes.fromhex(header["key"]), b"".join(rows)) == plain else b""
    return {"outcome": "success", "time": head.received_at.isoformat() + "Z", "cipher": head.cipher, "sender": head.sender,
            "name": head.name, "id": head.id, "size": str(head.size), "encrypted-size": str(head.encrypted_size),
            "left-out": str(head.left_out).lower(), "sha256": hashlib.sha256(plain).hexdigest(), "again": again == body}


KINDS = {"records": records, "clients": clients, "servers": servers, "wire2012": stream2012, "cipher2012": text2012,
         "receipts": receipts, "checkpoints": checkpoints, "retired": retired_notes, "roots": roots, "pins": identities,
         "certificates": certificates, "lines": lines, "files": files}


def main() -> None:
    look = KINDS[sys.argv[1]]
    for path in sorted(pathlib.Path(sys.argv[2]).glob("*.txt")):
        head, _, body = path.read_bytes().partition(b"\n\n")
        header = dict(line.split(": ", 1) for line in head.decode().split("\n"))
        try:
            found = look(header, body)
        except Breach as breach:
            found = {"outcome": breach.outcome}
        print(json.dumps({"vector": path.stem, **found}))


if __name__ == "__main__":
    main()
