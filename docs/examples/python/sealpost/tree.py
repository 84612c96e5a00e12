"""Merkle trees of RFC 6962, section 2.1, with SHA-256."""
import hashlib


def leaf(line: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + line).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Hasher:
    """The root over lines that come one after the other, in memory that grows with the logarithm of their number."""

    def __init__(self):
        self.size = 0
        self._whole: list[bytes] = []  # roots of complete subtrees, the largest first: one for each bit of size

    def add(self, line: bytes) -> None:
        top, self.size = leaf(line), self.size + 1
        for _ in range((self.size & -self.size).bit_length() - 1):  # each trailing zero bit of size joins two subtrees
            top = node(self._whole.pop(), top)
        self._whole.append(top)

    def root(self) -> bytes:
        if not self._whole:
            return hashlib.sha256(b"").digest()
        top = self._whole[-1]
        for left in reversed(self._whole[:-1]):
            top = node(left, top)
        return top


def includes(index: int, line: bytes, proof: list[bytes], size: int, root: bytes) -> bool:
    """Whether `proof`, from the leaf's sibling up, leads from the line at `index` to the root of a tree of `size`
    lines (RFC 9162, section 2.1.3.2)."""
    if index >= size:
        return False
    top, first, last = leaf(line), index, size - 1
    for other in proof:
        if last == 0:
            return False
        if first % 2 or first == last:
            top = node(other, top)
            while first % 2 == 0 and first:
                first, last = first // 2, last // 2
        else:
            top = node(top, other)
        first, last = first // 2, last // 2
    return last == 0 and top == root
