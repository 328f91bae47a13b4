"""What the memory shows of itself to people: rows, counts and reports."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from interlock.memory.receipts import Receipt
from interlock.runtime.memories import Kind, Sensitivity, Slot, Speaker
from interlock.runtime.records import Label

State = Literal["live", "coming", "closed", "expired"]


class Source(BaseModel, frozen=True, extra="forbid"):
    """Where a memory was learned: once more for every duplicate that was merged into it."""

    run: str
    event: str = ""
    """The place in the run."""
    said_by: Speaker
    at: datetime


class Record(BaseModel, frozen=True, extra="forbid"):
    """One memory with all that is known about it."""

    id: str
    tenant: str
    user: str
    agent: str
    text: str
    kind: Kind
    slot: Slot | None
    said_by: Speaker
    run: str
    sources: tuple[Source, ...]
    confidence: float
    importance: float
    sensitivity: Sensitivity
    purposes: tuple[str, ...]
    label: Label
    valid_from: datetime
    """When it became true."""
    valid_to: datetime | None
    """When it ceased to be true."""
    learned_at: datetime
    closed_at: datetime | None
    """When it was learned that another memory takes its place."""
    superseded_by: str
    conflicts_with: tuple[str, ...] = ()
    """Ids of memories that say otherwise."""
    made_from: tuple[str, ...] = ()
    """Ids of memories that were merged into it, or that it sums up."""
    expires_at: datetime | None
    last_used: datetime | None
    uses: int
    pinned: bool
    policy: str
    """Version of the write policy that kept it."""

    def state(self, now: datetime) -> State:
        """Tell whether it counts at that time."""
        if self.valid_to is not None and self.valid_to <= now:
            return "closed"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "live" if self.valid_from <= now else "coming"


class Stats(BaseModel, frozen=True, extra="forbid"):
    """How much one owner's memory holds."""

    live: int
    coming: int
    """Those that will be true later."""
    closed: int
    expired: int
    by_kind: dict[str, int]
    characters: int
    oldest: datetime | None
    newest: datetime | None


class Forgotten(BaseModel, frozen=True, extra="forbid"):
    """What forgetting erased."""

    ids: tuple[str, ...]
    receipt: Receipt | None = None
    """None where there was nothing to erase."""
    finished: tuple[Receipt, ...] = ()
    """Of erasures that had been cut off, and were finished first."""
