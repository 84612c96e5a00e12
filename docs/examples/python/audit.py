"""Checks a directory of collected log files: python3 audit.py [--receipts DIR] [--checkpoint FILE] [--moved] DIR

Holds every log file of DIR against DIR/manifest.jsonl, and the manifest against all that the server signed:
DIR/checkpoint, checkpoints kept elsewhere, and the receipts (*.tlog-proof) in other directories, each also against the
message beside it. A log file that is not there is a finding, unless the server's note DIR/retired names it; with --moved only where the driver owes it (DIR/owed), as a
directory from which files are moved away has them no more. CLIENT_SERVER_IDENTITY is the pin; the server is not asked. Exit status: 0 everything fits, 1 something
does not (a line on standard error for each), 2 usage.
"""
import argparse
import os
import sys

from sealpost import pins, receipt
from sealpost.collection import Collection
from sealpost.forms import Breach


def receipts(directory: str):
    for folder, folders, names in os.walk(directory):
        folders.sort()
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(receipt.SUFFIX))


def main() -> int:
    parser = argparse.ArgumentParser(prog="audit.py", description="CLIENT_SERVER_IDENTITY is the pin.")
    parser.add_argument("--receipts", action="append", default=[], metavar="DIR", help="receipts, in this directory and below")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="FILE", help="a checkpoint that was kept elsewhere")
    parser.add_argument("--moved", action="store_true", help="log files that were collected may have been moved away")
    parser.add_argument("directory", metavar="DIR")
    args = parser.parse_args()
    try:
        collection = Collection(args.directory, pins.parse(os.environ["CLIENT_SERVER_IDENTITY"]), args.moved)
    except (LookupError, Breach) as error:
        parser.error(f"CLIENT_SERVER_IDENTITY must be set ({error})")
    for directory in [args.directory, *args.receipts]:
        if not os.path.isdir(directory):
            parser.error(f"{ascii(directory)} is not a directory")
    for path in args.checkpoint:
        collection.add_checkpoint(path)
    for path in (path for directory in args.receipts for path in receipts(directory)):
        collection.add_receipt(path)
    collection.audit()
    for finding in collection.findings:
        print("audit.py:", ascii(finding)[1:-1], file=sys.stderr)
    others = f", {collection.retired} retired," if collection.retired else ""
    others += f", {collection.away} moved away," if collection.away else ""
    print(f"{collection.lines} lines, {collection.vouched} of them vouched for; {collection.files} log files{others} and "
          f"{collection.receipts} receipts; {len(collection.findings)} findings")
    return 1 if collection.findings else 0


if __name__ == "__main__":
    sys.exit(main())
