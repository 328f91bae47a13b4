"""Token vectors made small: 64 directions at one byte each, about 2 KB for a sentence instead of 40."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

FILE = Path(__file__).with_name("minilm64.npy")
KEPT = 64
SCALE = 127
MINILM = "all-MiniLM-L6-v2@"


@lru_cache(maxsize=4)
def directions(embedder: str, dimensions: int) -> "Matrix":
    """Give the directions that are kept: shape (64, dimensions), rows orthonormal.

    For MiniLM those in which its tokens vary most (benchmarks/token_basis.py); for any other model random ones, which
    keep inner products on average (Johnson and Lindenstrauss 1984).
    """
    import numpy as np

    if embedder.startswith(MINILM):
        return np.asarray(np.load(FILE), dtype=np.float32)
    chance = np.random.default_rng(0).standard_normal((dimensions, min(KEPT, dimensions)))
    return np.asarray(np.linalg.qr(chance)[0].T, dtype=np.float32)


def shrunk(vectors: "Matrix", kept: "Matrix") -> "Matrix":
    """Project rows and bring them back to unit length: shape (n, 64)."""
    import numpy as np

    rows = vectors @ kept.T
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def packed(rows: "Matrix") -> bytes:
    import numpy as np

    return np.round(rows * SCALE).astype(np.int8).tobytes()


def unpacked(blobs: list[bytes], width: int) -> "tuple[NDArray[np.int8], NDArray[np.intp]]":
    """Join what `packed` made: all rows one after the other, `SCALE` times as long, and how many each blob holds."""
    import numpy as np

    counts = np.array([len(blob) // width for blob in blobs], dtype=np.intp)
    return np.frombuffer(b"".join(blobs), dtype=np.int8).reshape(-1, width), counts
