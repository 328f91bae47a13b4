"""Recognise erased bytes without keeping them: salted fingerprints of short windows, and a search of files for them.

A window is 32, 16 or 8 bytes. Files are searched by a rolling polynomial hash over every position (Karp and Rabin
1987), and what it finds is confirmed by a salted digest.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint32]

SIZES = (32, 16, 8)
PER_TEXT = 16
PER_BLOB = 4
CHUNK = 1 << 18
BLOCK = 1 << 24
TABLE = 1 << 20
_ESCAPED = re.compile(r'[\x00-\x1f"\\\x7f]+')


def windows(data: bytes, most: int) -> list[bytes]:
    """Cut up to `most` windows, spread evenly from the first byte to the last; none from less than eight bytes."""
    size = next((size for size in SIZES if size <= len(data)), 0)
    if not size:
        return []
    count = min(most, 1 + (len(data) - 1) // size)
    starts = sorted({round(i * (len(data) - size) / max(count - 1, 1)) for i in range(count)})
    # A window of few different bytes, such as zeros or spaces, is everywhere and tells nothing.
    return [cut for start in starts if len(set(cut := data[start : start + size])) > size // 8]


def fragments(text: str) -> list[bytes]:
    """Take a text apart where other ways of writing it down put escapes, leaving out what is too short to be known."""
    parts = (part.encode("utf-8", "surrogatepass") for part in _ESCAPED.split(text))
    return [part for part in parts if windows(part, 1)]


@dataclass(frozen=True, kw_only=True)
class Fingerprints:
    """What to search for."""

    salt: bytes
    digests: frozenset[bytes]
    """Salted digests of the windows."""
    hashes: "dict[int, Hashes]"
    """Rolling hashes by window size."""

    @staticmethod
    def of(salt: bytes, cut: Iterable[bytes]) -> "Fingerprints":
        """Take the fingerprints of windows."""
        import numpy as np

        unique = set(cut)
        hashes = {size: np.unique(_hashes([w for w in unique if len(w) == size], size, salt)) for size in SIZES}
        return Fingerprints(salt=salt, digests=frozenset(_digest(salt, w) for w in unique), hashes=hashes)

    def without(self, digests: frozenset[bytes]) -> "Fingerprints":
        return Fingerprints(salt=self.salt, digests=self.digests - digests, hashes=self.hashes)

    def found_in(self, data: bytes) -> dict[bytes, bytes]:
        """Search bytes; gives the windows that are there, by digest."""
        import numpy as np

        found: dict[bytes, bytes] = {}
        tables = {size: _table(hashes) for size, hashes in self.hashes.items() if len(hashes)}
        bytes_ = np.frombuffer(data, np.uint8)
        for start in range(0, len(data), CHUNK):
            rolled = _rolling(bytes_[start : start + CHUNK + SIZES[0]], self.salt)
            for size, table in tables.items():
                places = np.flatnonzero(table[rolled[size] & (TABLE - 1)])
                places = places[np.isin(rolled[size][places], self.hashes[size])] + start
                windows = {data[place : place + size] for place in places.tolist()}
                found |= {_digest(self.salt, window): window for window in windows}
        return {digest: window for digest, window in found.items() if digest in self.digests}

    def found_in_files(self, files: Sequence[Path]) -> dict[str, int]:
        """Search files; gives how many windows each of those that hold any has."""
        counts = {str(file): len(self.found_in_file(file)) for file in files if file.is_file()}
        return {name: count for name, count in counts.items() if count}

    def found_in_file(self, file: Path) -> dict[bytes, bytes]:
        """Search a file of any size; gives the windows that are there, by digest."""
        found: dict[bytes, bytes] = {}
        with file.open("rb") as opened:
            end = b""
            while block := opened.read(BLOCK):
                found |= self.found_in(end + block)
                end = block[-SIZES[0] :]
        return found


def _digest(salt: bytes, window: bytes) -> bytes:
    return blake2b(window, key=salt, digest_size=16).digest()


def _hashes(windows: Sequence[bytes], size: int, salt: bytes) -> "Hashes":
    """Hash windows of one size, laid end to end."""
    import numpy as np

    return _rolling(np.frombuffer(b"".join(windows), np.uint8), salt)[size][::size]


def _table(hashes: "Hashes") -> Any:
    """Mark the lowest bits of the hashes: most positions of a file are dismissed by one look."""
    import numpy as np

    table = np.zeros(TABLE, dtype=bool)
    table[hashes & (TABLE - 1)] = True
    return table


def _rolling(data: "NDArray[np.uint8]", salt: bytes) -> "dict[int, Hashes]":
    """Hash every window of every size, each joined from two of half the size."""
    import numpy as np

    base = int.from_bytes(salt[:4], "big") | 1
    hashes = {1: data.astype(np.uint32)}
    for size in (2, 4, 8, 16, 32):
        half, step = hashes[size // 2], size // 2
        power = np.uint32(pow(base, step, 1 << 32))
        hashes[size] = half[:-step] * power + half[step:] if len(half) > step else half[:0]
    return {size: hashes[size] for size in SIZES}
