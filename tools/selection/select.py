"""How an agent declares which of its many tools a run is offered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import BadInput
from interlock.runtime.models.embeddings import minilm
from interlock.runtime.ports import Selection
from interlock.tools.selection.selection import Selector

VECTORS = "tools.npz"
"""The file in a home that keeps the tools' vectors."""


@dataclass(frozen=True, kw_only=True)
class Select:
    """Offer a run the tools that fit its request, found by words and by MiniLM, and those that are pinned.

    Args:
        most: how many tools are offered; an agent with no more tools than that offers all.
        pinned: names of tools that are always among them.

    Raises:
        BadInput: fewer than one, or fewer than are pinned.
    """

    most: int = 12
    pinned: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.most < max(1, len(self.pinned)):
            raise BadInput(
                what=f"most={self.most} with {len(self.pinned)} pinned tools", where="Select", fix="give a larger most="
            )

    def open(self, contracts: Sequence[ToolContract], home: Path) -> Selection:
        """Make the selection; MiniLM is loaded with the first text."""
        return _Selected(Selector(contracts, minilm(), keep=self.most, pinned=self.pinned, store=home / VECTORS))


@dataclass(frozen=True)
class _Selected:
    selector: Selector

    async def select(self, text: str, used: Sequence[str]) -> Sequence[str]:
        """Name the tools that fit (ports.Selection). In a thread: the first text takes seconds."""
        chosen = await asyncio.to_thread(self.selector.select, text, used)
        return [each.name for each in chosen]
