"""What processes share that are killed at a line of their own, and watched from outside."""

import os
import signal
from collections.abc import Iterator, Sequence
from hashlib import sha256
from types import FrameType
from typing import Any

import numpy as np

from interlock.runtime.models.embeddings import TokenVectors


class Hashed:
    """An embedder that costs nothing."""

    name = "hashed@1"
    dimensions = 32

    def embed(self, texts: Sequence[str]) -> Any:
        drawn = np.stack([np.frombuffer(sha256(text.encode()).digest(), np.uint8) for text in texts]).astype("f4")
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    def tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        return [TokenVectors(words=tuple(t.split()), vectors=self.embed(t.split())) for t in texts]


def killing(last: int, lines: Iterator[int], files: Sequence[str]) -> Any:
    """Make a trace function that ends the process, without a word, at a line of these files."""

    def trace(frame: FrameType, event: str, _what: Any) -> Any:
        if not any(part in frame.f_code.co_filename for part in files):
            return None
        if event == "line" and next(lines) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace
