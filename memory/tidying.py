"""Do what pruning planned. Each step happens whole or not at all, and a plan that was cut off is made anew."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from interlock.memory.frames import frame_of
from interlock.memory.judging import Verdict
from interlock.memory.policies import WritePolicy, stricter
from interlock.memory.recalling import readable
from interlock.memory.records import Record
from interlock.memory.rows import MADE_FROM, link
from interlock.memory.shelf import Shelf
from interlock.memory.slots import Place, end
from interlock.memory.summaries import Summarise
from interlock.memory.truth import as_text
from interlock.memory.writing import Draft, insert_draft
from interlock.runtime.memories import Joined, Note, Owner, Pruned
from interlock.runtime.records import Label


@dataclass(frozen=True, kw_only=True)
class Tidying:
    """One user's shelf, while it is tidied."""

    shelf: Shelf
    owner: Owner
    now: datetime
    policy: WritePolicy
    summarise: Summarise
    new_id: Callable[[], str]

    def join(self, plan: Pruned, records: Sequence[Record]) -> Pruned:
        """Let memories stand for others as planned; gives back what was done."""
        known = {one.id: one for one in records}
        done = [self._one(joined, [known[id] for id in joined.ids]) for joined in plan.joined]
        return plan.model_copy(update={"joined": tuple(joined for joined in done if joined.into)})

    def _one(self, joined: Joined, records: Sequence[Record]) -> Joined:
        if joined.into:
            self._merge(joined, records)
            return joined
        return joined.model_copy(update={"into": self._sum_up(records)})

    def _merge(self, joined: Joined, records: Sequence[Record]) -> None:
        with self.shelf.truth.transaction() as db:
            kept = db.execute("SELECT * FROM memories WHERE id = ?", (joined.into,)).fetchone()
            sources = [*json.loads(kept["sources"]), *_sources(records)]
            last = [as_text(one.last_used) for one in records if one.last_used]
            db.execute(
                "UPDATE memories SET sources = ?, uses = uses + ?, importance = max(importance, ?), last_used = ?,"
                " confidence = max(confidence, ?), label = ? WHERE id = ?",
                (
                    json.dumps(sources), sum(one.uses for one in records), max(one.importance for one in records),
                    max(filter(None, (kept["last_used"], *last)), default=None),
                    max(one.confidence for one in records),
                    _label(records, Label.model_validate_json(kept["label"])).model_dump_json(), joined.into,
                ),
            )  # fmt: skip
            self._end(db, records, joined.into)

    def _sum_up(self, records: Sequence[Record]) -> str:
        """Write the summary and end what it stands for, together. Where nothing is said, all stays as it is."""
        text = readable(self.summarise([one.text for one in records])[: self.policy.max_characters]).strip()
        if not text:
            return ""
        sensitivity = records[0].sensitivity
        for one in records:
            sensitivity = stricter(sensitivity, one.sensitivity)
        note = Note(
            text=text,
            said_by="agent",
            confidence=min(one.confidence for one in records),
            importance=max(one.importance for one in records),
            purposes=records[0].purposes,
            label=_label(records, Label()),
        )
        draft = Draft(
            id=self.new_id(),
            note=note,
            verdict=Verdict(text=text, sensitivity=sensitivity),
            owner=Owner(tenant=self.owner.tenant, user=self.owner.user, agent=records[0].agent),
            tokens=self.shelf.read([(text, None, None)])[0],
            policy=self.policy,
            now=self.shelf.moment(self.now),
        )
        place = Place(starts=as_text(min(one.valid_from for one in records)), ends=None)
        with self.shelf.truth.transaction() as db:
            insert_draft(db, draft, place, frame_of(text))
            db.execute("UPDATE memories SET sources = ? WHERE id = ?", (json.dumps(_sources(records)), draft.id))
            self._end(db, records, draft.id)
        return draft.id

    def _end(self, db: sqlite3.Connection, records: Sequence[Record], into: str) -> None:
        now = as_text(self.shelf.moment(self.now))
        for one in records:
            row = db.execute("SELECT * FROM memories WHERE id = ?", (one.id,)).fetchone()
            end(db, row, by=into, ends=now, now=now)
            link(db, into, MADE_FROM, one.id)


def _sources(records: Sequence[Record]) -> list[dict[str, str]]:
    return [source.model_dump(mode="json") for one in records for source in one.sources]


def _label(records: Sequence[Record], label: Label) -> Label:
    for one in records:
        label = label.join(one.label)
    return label
