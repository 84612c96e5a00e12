"""Sends files to a Sealpost server: python3 send.py [--id ID] [--receipts DIR] FILE...

A client in Python 3.11 and python3-cryptography, written from docs/PROTOCOL.md. Settings, as in the env file of
`server sender add`: CLIENT_TOKEN, CLIENT_SERVER_IDENTITY, CLIENT_SERVER; CLIENT_PASSWORD enciphers as in 2012;
CLIENT_WIRE=2012 takes the 2012 wire, which has no receipt. All files go through one connection. Prints the manifest
line of each. Exit status: 0 receipted (2012: the server closed normally), 1 failed here, 2 usage, 3 refused for good,
4 not known. Of several files the highest counts.
"""
import argparse
import hashlib
import os
import secrets
import sys

from sealpost import cipher2012, pins, tls, wire2012
from sealpost.forms import Breach
from sealpost.session import Delivery, Ended, Message, Outcome, Session

TIMEOUT = 60  # seconds without progress
STATUS = {Outcome.RECEIPTED: 0, Outcome.UNREADABLE: 1, Outcome.REFUSED: 3, Outcome.STOPPED: 3, Outcome.NOT_KNOWN: 4}


def complain(reason: str) -> None:
    print("send.py:", ascii(reason)[1:-1], file=sys.stderr)


def pieces(path: str):
    with open(path, "rb") as file:
        while piece := file.read(1 << 16):
            yield piece


def message(path: str, id_: bytes, key: bytes | None) -> Message:
    with open(path, "rb") as file:
        digest, size = hashlib.file_digest(file, "sha256").digest(), file.tell()
    return Message(id_, os.path.basename(path), size, digest, lambda: pieces(path), key)


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def report(path: str, delivery: Delivery, receipts: str | None) -> int:
    if delivery.outcome is Outcome.RECEIPTED:
        print(delivery.receipt.line.decode(), flush=True)
        if receipts:
            name = f"{delivery.message.id.hex()}.tlog-proof"
            with open(os.path.join(receipts, name), "wb") as file:
                file.write(delivery.text)
    elif delivery.outcome is Outcome.NOT_KNOWN:
        complain(f"not known to be delivered ({delivery.reason}); again: send.py --id {delivery.message.id.hex()} {path}")
    else:
        complain(f"{path}: {delivery.reason}")
    return STATUS[delivery.outcome]


def send(args: argparse.Namespace, key: bytes | None, token: str, pinned: list[pins.Pin]) -> int:
    ids = [bytes.fromhex(args.id) if args.id else secrets.token_bytes(16) for _ in args.files]
    messages = [message(path, id_, key) for path, id_ in zip(args.files, ids)]
    try:
        connection = tls.Connection(address(os.environ.get("CLIENT_SERVER", "localhost:7513")), pinned, TIMEOUT)
        try:
            deliveries = Session(connection, token, pinned).deliver(messages)
        finally:
            connection.close()
    except tls.WrongServer as wrong:
        deliveries = [Delivery(m, Outcome.STOPPED, str(wrong)) for m in messages]
    except Ended as ended:
        deliveries = [Delivery(m, ended.outcome, str(ended)) for m in messages]
    except (OSError, Breach) as error:
        deliveries = [Delivery(m, reason=str(error)) for m in messages]
    return max(report(path, delivery, args.receipts) for path, delivery in zip(args.files, deliveries))


def send2012(args: argparse.Namespace, key: bytes) -> int:
    for path in args.files:
        try:
            wire2012.send(address(os.environ.get("CLIENT_SERVER", "localhost:7514")), key, pieces(path), TIMEOUT)
        except ConnectionError as error:
            complain(f"{path}: refused, or not known to be delivered: sent again it may be kept twice ({error})")
            return 4
        except OSError as error:
            complain(f"{path}: {error}")
            return 4 if error.filename is None else 1
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="send.py", description="Settings: CLIENT_TOKEN, CLIENT_SERVER_IDENTITY, CLIENT_SERVER, "
                                     "CLIENT_PASSWORD, CLIENT_WIRE.")
    parser.add_argument("--id", help="the message id of an earlier attempt: 32 hex digits, with one FILE")
    parser.add_argument("--receipts", metavar="DIR", help="where receipts are kept, as ID.tlog-proof")
    parser.add_argument("files", nargs="+", metavar="FILE")
    args = parser.parse_args()
    try:
        if args.id and (len(bytes.fromhex(args.id)) != 16 or len(args.files) > 1):
            raise ValueError("a message id has 32 hex digits, and is for one file")
        password = os.environ.get("CLIENT_PASSWORD", "")
        key = cipher2012.derive(password.encode()) if password else None
        if os.environ.get("CLIENT_WIRE", "sealpost") == "2012":
            return send2012(args, key or cipher2012.derive(b""))
        token, pinned = os.environ["CLIENT_TOKEN"], pins.parse(os.environ["CLIENT_SERVER_IDENTITY"])
    except (LookupError, ValueError) as error:
        parser.error(f"CLIENT_TOKEN and CLIENT_SERVER_IDENTITY must be set ({error})")
    try:
        return send(args, key, token, pinned)
    except OSError as error:
        complain(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
