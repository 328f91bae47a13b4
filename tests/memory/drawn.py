"""Embedders that cost nothing, of any name."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np

from interlock.runtime.models.embeddings import TokenVectors


class Drawn:
    """An embedder that costs nothing, one of many."""

    dimensions = 32

    def __init__(self, name: str) -> None:
        self.name = name

    def embed(self, texts: Sequence[str]) -> Any:
        drawn = [np.frombuffer(sha256(f"{self.name} {text}".encode()).digest(), np.uint8) for text in texts]
        made = np.stack(drawn).astype("f4") - 127
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    def tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        return [TokenVectors(words=tuple(t.split()), vectors=self.embed(t.split())) for t in texts]
