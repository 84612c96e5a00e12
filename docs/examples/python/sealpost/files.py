"""Files held against what a manifest line says of them (PROTOCOL.md, sections 13 and 14)."""
import hashlib
import os
from collections.abc import Iterator
from typing import BinaryIO

from . import logfile, manifest
from .forms import Breach, from_base64


def check_file(file: BinaryIO, size: int, entry: manifest.Entry) -> None:
    """Compares a log file with its manifest line. Raises a Breach."""
    if size != entry.file_size:
        raise Breach("size", f"{size} bytes instead of {entry.file_size}")
    if hashlib.file_digest(file, "sha256").hexdigest() != entry.file_sha256:
        raise Breach("hash", "its SHA-256 is another")
    file.seek(0)
    head = logfile.parse(file, size)
    if not logfile.belongs(head, entry):
        raise Breach("header", "its header is of another message")
    if _sha256(logfile.pieces(file, head.size)) != entry.sha256:
        raise Breach("hash", "the SHA-256 of the message in it is another")
    file.seek(len(head.trailer()), os.SEEK_CUR)
    for quads in _groups(logfile.text(file, head)):
        if from_base64(quads) is None:
            raise Breach("base64", "its base64 text is none")


def _groups(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Lines of 76 characters are 19 groups of four: each is base64 by itself, and padding stands in the last alone."""
    before = None
    for line in lines:
        if before is not None:
            yield before if not before.endswith(b"=") else b"="
        before = line
    if before is not None:
        yield before


def is_message(path: str, entry: manifest.Entry) -> bool:
    """Whether a file is the message of a manifest line."""
    with open(path, "rb") as file:
        return os.fstat(file.fileno()).st_size == entry.size and hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256


def _sha256(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
