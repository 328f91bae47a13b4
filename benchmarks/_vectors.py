"""An embedder that costs next to nothing: each word's vector is drawn at random, a text's is their sum.

For timing all but embedding, and for what does not depend on meaning.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np

from interlock.runtime.models.embeddings import TokenVectors

DIMENSIONS = 384


class RandomEmbedder:
    """Unit vectors of MiniLM's size, the same for the same text."""

    name = "random@2"
    dimensions = DIMENSIONS

    def embed(self, texts: Sequence[str]) -> Any:
        return np.stack([_read(text)[0] for text in texts])

    def tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        return [_read(text)[1] for text in texts]


@lru_cache(maxsize=1_000)
def _read(text: str) -> tuple[Any, TokenVectors]:
    words = tuple(text.split())
    vectors = np.stack([_drawn(word) for word in words or ("",)])
    total = vectors.sum(axis=0)
    return total / np.linalg.norm(total), TokenVectors(words=words, vectors=vectors[: len(words)])


@lru_cache(maxsize=100_000)
def _drawn(word: str) -> Any:
    seed = int.from_bytes(blake2b(word.encode(), digest_size=8).digest())
    drawn = np.random.default_rng(seed).standard_normal(DIMENSIONS, dtype=np.float32)
    return drawn / np.linalg.norm(drawn)
