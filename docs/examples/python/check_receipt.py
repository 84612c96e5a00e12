"""Checks a receipt without the server: python3 check_receipt.py RECEIPT [FILE]

CLIENT_SERVER_IDENTITY is the pin. With FILE, the message must be that of the receipt. Prints the manifest line and the
checkpoint that it rests on. Exit status: 0 it holds, 1 it does not, 2 usage.
"""
import argparse
import os
import sys

from sealpost import pins, receipt
from sealpost.files import is_message
from sealpost.forms import Breach


def check(path: str, message: str | None, pinned: list[pins.Pin]) -> receipt.Opened:
    """Raises a Breach or an OSError."""
    with open(path, "rb") as file:
        opened = receipt.open_text(file.read(receipt.MAX_BYTES + 1), pinned)
    entry = opened.entry()
    if message and not is_message(message, entry):
        raise Breach("foreign", f"{message} is not the message of this receipt")
    return opened


def main() -> int:
    parser = argparse.ArgumentParser(prog="check_receipt.py", description="CLIENT_SERVER_IDENTITY is the pin.")
    parser.add_argument("receipt", metavar="RECEIPT")
    parser.add_argument("message", metavar="FILE", nargs="?")
    args = parser.parse_args()
    try:
        pinned = pins.parse(os.environ["CLIENT_SERVER_IDENTITY"])
    except (LookupError, Breach) as error:
        parser.error(f"CLIENT_SERVER_IDENTITY must be set ({error})")
    try:
        opened = check(args.receipt, args.message, pinned)
    except (OSError, Breach) as error:
        outcome = getattr(error, "outcome", "unreadable")
        print(f"check_receipt.py: {outcome}: {ascii(str(error))[1:-1]}", file=sys.stderr)
        return 1
    print(opened.line.decode())
    print(f"line {opened.index} of {opened.tree.size} of {opened.tree.origin}, root {opened.tree.root.hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
