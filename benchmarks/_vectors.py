"""An embedder that costs nothing: vectors drawn at random, the same for the same text. For timing all but embedding."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from interlock.runtime.models.embeddings import TokenVectors


class RandomEmbedder:
    """Unit vectors of MiniLM's size."""

    name = "random@1"
    dimensions = 384

    def embed(self, texts: Sequence[str]) -> Any:
        return np.stack([self._draw(text, 1)[0] for text in texts])

    def tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        return [TokenVectors(words=tuple(t.split()), vectors=self._draw(t, len(t.split()))) for t in texts]

    def _draw(self, text: str, rows: int) -> Any:
        seed = int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
        drawn = np.random.default_rng(seed).standard_normal((rows, self.dimensions), dtype=np.float32)
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
