"""What pruning would do, worked out from the records alone. Nothing is changed here."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from interlock.memory.activation import worths
from interlock.memory.frames import Frame, frame_of
from interlock.memory.policies import PrunePolicy
from interlock.memory.records import Record
from interlock.runtime.memories import Joined, Pruned, Removed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

BLOCK = 512
"""How many rows are compared with the rest at once."""


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """All records of one user, and what a policy makes of them."""

    records: Sequence[Record]
    policy: PrunePolicy
    now: datetime
    vectors: "Callable[[Sequence[str]], Matrix]"
    """Gives the vectors of memories, one unit row for each id."""

    def plan(self) -> Pruned:
        """Say what is to be done, in its order: joining first, so that capacity counts what is left."""
        untouchable = {record.superseded_by for record in self.records}
        free = [one for one in self.records if not one.pinned and one.id not in untouchable]
        removed = [*self._expired(free), *self._closed(free)]
        out = {one.id for one in removed}
        holding = [one for one in self.records if one.id not in out and one.state(self.now) == "live"]
        ids = {one.id for one in free}
        joined = [*self._alike(holding, ids), *self._summarised([one for one in holding if one.id in ids])]
        out |= {id for one in joined for id in one.ids}
        left = [one for one in holding if one.id not in out]
        summaries = sum(not one.into for one in joined)
        removed += self._beyond(left, ids - {one.into for one in joined}, summaries)
        return Pruned(removed=tuple(removed), joined=tuple(joined))

    def _expired(self, free: Iterable[Record]) -> list[Removed]:
        if not self.policy.expired:
            return []
        return [
            Removed(id=one.id, code="expired", reason=f"expired at {one.expires_at:%Y-%m-%d %H:%M}")
            for one in free
            if one.expires_at is not None and one.expires_at <= self.now
        ]

    def _closed(self, free: Iterable[Record]) -> list[Removed]:
        if self.policy.keep_closed_days is None:
            return []
        before = self.now - timedelta(days=self.policy.keep_closed_days)
        return [
            Removed(id=one.id, code="closed", reason=f"held no longer since {one.valid_to:%Y-%m-%d %H:%M}")
            for one in free
            if one.state(self.now) == "closed"
            and one.valid_to is not None
            and max(one.valid_to, one.closed_at or one.valid_to) <= before
        ]

    def _beyond(self, left: Sequence[Record], free: set[str], summaries: int) -> list[Removed]:
        """List what is worth least beyond the capacity; summaries still to be made take room as well."""
        if self.policy.capacity is None:
            return []
        surplus = max(0, len(left) + summaries - self.policy.capacity)
        if not surplus:
            return []
        worth = worths(left, self.policy, self.now)
        weighed = sorted((value, one.id) for one, value in zip(left, worth, strict=True) if one.id in free)
        why = f"beyond the {self.policy.capacity} that are kept: worth"
        return [Removed(id=id, code="capacity", reason=f"{why} {value:.2f}") for value, id in weighed[:surplus]]

    def _alike(self, holding: Sequence[Record], free: set[str]) -> list[Joined]:
        """Find facts and preferences that say the same in nearly the same words, of one kind, slot and owner."""
        if self.policy.alike is None:
            return []
        by_place: dict[tuple[object, ...], list[Record]] = {}
        for one in holding:
            if one.kind != "episode":
                by_place.setdefault(_place(one), []).append(one)
        return [joined for group in by_place.values() for joined in self._joined(group, free, self.policy.alike)]

    def _joined(self, group: list[Record], free: set[str], alike: float) -> list[Joined]:
        # What must stay comes first, then what was of most use, so that the others join it.
        group.sort(key=lambda one: (one.id in free, -one.uses, -one.confidence, one.learned_at, one.id))
        into: dict[str, list[str]] = {}
        taken: set[str] = set()
        for first, second in self._pairs(group, alike):
            if first.id not in taken and second.id not in taken and second.id in free and second.id not in into:
                into.setdefault(first.id, []).append(second.id)
                taken.add(second.id)
        reason = f"as good as the same: cosine of at least {alike:g}"
        return [Joined(ids=tuple(ids), into=id, code="alike", reason=reason) for id, ids in into.items()]

    def _pairs(self, group: Sequence[Record], alike: float) -> Iterable[tuple[Record, Record]]:
        """List pairs that are near, and of which the second adds nothing to the first, in the order of the group."""
        import numpy as np

        if len(group) < 2:  # noqa: PLR2004  # it takes two
            return
        vectors = self.vectors([one.id for one in group])
        frames = [frame_of(one.text) for one in group]
        for start in range(0, len(group), BLOCK):
            near = vectors[start : start + BLOCK] @ vectors.T >= alike
            for row, column in np.argwhere(near):
                first, second = int(row) + start, int(column)
                same = frames[first].words == frames[second].words
                if _covered(frames[second], frames[first]) and (first < second or not same):
                    yield group[first], group[second]

    def _summarised(self, free: Sequence[Record]) -> list[Joined]:
        """Find conversations that lie back far enough."""
        if self.policy.summarise_after_days is None:
            return []
        before = self.now - timedelta(days=self.policy.summarise_after_days)
        episodes = [one for one in free if one.kind == "episode" and one.run]
        episodes.sort(key=lambda one: (_talk(one), one.learned_at, one.id))
        talks = [list(group) for _, group in groupby(episodes, key=_talk)]
        return [
            Joined(ids=tuple(one.id for one in talk), into="", code="summarised", reason=f"{len(talk)} old episodes")
            for talk in talks
            if len(talk) >= self.policy.at_least and talk[-1].learned_at <= before
        ]


def _place(one: Record) -> tuple[object, ...]:
    slot = (one.slot.subject, one.slot.attribute) if one.slot else None
    return one.agent, one.kind, slot, one.label.integrity, one.purposes, one.sensitivity


def _talk(one: Record) -> tuple[str, ...]:
    return one.agent, one.run, one.label.integrity, one.sensitivity, *one.purposes


def _covered(one: Frame, other: Frame) -> bool:
    """Tell whether a text says nothing that the other does not say; likeness alone takes green tea for black."""
    return one.words <= other.words and one.numbers == other.numbers and one.affirms == other.affirms
