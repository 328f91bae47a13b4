"""A long-term memory as an agent declares it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from interlock.memory.policies import ReadPolicy, WritePolicy
from interlock.runtime.clock import Clock

if TYPE_CHECKING:
    from interlock.memory.store import Store
    from interlock.runtime.models.embeddings import Embedder


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What is remembered and recalled, by which rules. A value: nothing is opened or written before it is used."""

    write: WritePolicy = field(default_factory=WritePolicy)
    read: ReadPolicy = field(default_factory=ReadPolicy)
    embedder: "Embedder | None" = None
    """None: MiniLM."""

    def open(self, home: Path, clock: Clock) -> "Store":
        """Open the memory in a home. Files are touched, and the model loaded, when something is asked."""
        from interlock.memory.store import Store

        return Store(home, clock, write=self.write, read=self.read, embedder=self._embedder)

    def _embedder(self) -> "Embedder":
        from interlock.runtime.models.embeddings import minilm

        return self.embedder or minilm()
