"""A memory that is open: what the gate asks (recall, remember), and what people ask (list, show, forget, ...)."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from interlock.memory.policies import ReadPolicy, WritePolicy
from interlock.memory.recalling import held_by, live
from interlock.memory.records import Forgotten, Pruned, Record, Removed, Stats
from interlock.memory.shelf import Shelf
from interlock.memory.writing import judge
from interlock.runtime.clock import Clock
from interlock.runtime.errors import NotFound
from interlock.runtime.memories import Kind, Note, Owner, Recall, Written
from interlock.runtime.models.embeddings import Embedder


class Store:
    """All tenants' memories in one home. A tenant's folder is opened when it is first needed."""

    def __init__(
        self, home: Path, clock: Clock, *, write: WritePolicy, read: ReadPolicy, embedder: Callable[[], Embedder]
    ) -> None:
        self._home = home
        self._clock = clock
        self._write = write
        self._read = read
        self._embedder = embedder
        self._shelves: dict[str, Shelf] = {}
        self._mutex = threading.Lock()

    async def recall(self, query: str, owner: Owner, policy: ReadPolicy | None = None) -> Recall:
        """Find what answers the query, by the store's read policy or another."""
        return await asyncio.to_thread(self.search, query, owner, policy)

    async def remember(self, note: Note, owner: Owner) -> Written:
        """Keep a note if the write policy allows it. When this returns, it is durable and can be recalled."""
        return await asyncio.to_thread(self.add, note, owner)

    def search(self, query: str, owner: Owner, policy: ReadPolicy | None = None) -> Recall:
        """Do what `recall` does, and wait for it."""
        shelf = self._existing(owner)
        if shelf is None:
            return Recall()
        return shelf.recall(query, owner, policy or self._read, self._clock.now())

    def add(self, note: Note, owner: Owner) -> Written:
        """Do what `remember` does, and wait for it."""
        now = self._clock.now()
        verdict = judge(note, self._write, now)
        if not verdict.kept:
            return Written(kept=False, code=verdict.code, reason=verdict.reason)
        shelf = self._shelf(owner.tenant)
        return shelf.remember(note, verdict, id=self._clock.new_id(), owner=owner, policy=self._write, now=now)

    def explain(self, note: Note, owner: Owner) -> Written:
        """Tell what `remember` would do, and do nothing."""
        now = self._clock.now()
        verdict = judge(note, self._write, now)
        if not verdict.kept:
            return Written(kept=False, code=verdict.code, reason=verdict.reason)
        shelf = self._existing(owner)
        if shelf is None:
            return Written(kept=True, code="kept", reason=verdict.reason)
        return shelf.foresee(note, verdict, owner=owner, policy=self._write, now=now)

    def list(
        self, owner: Owner, *, kind: Kind | None = None, everything: bool = False, limit: int = 100
    ) -> tuple[Record, ...]:
        """List the owner's memories, newest first; `everything`: closed and expired ones too.

        An owner without an agent stands for the user as a whole: the memories of all agents are listed.
        """
        shelf = self._existing(owner)
        if shelf is None:
            return ()
        owned = held_by(owner) if everything else live(held_by(owner), self._clock.now())
        return shelf.records(owned if kind is None else owned.also("m.kind = :kind", kind=kind), limit)

    def texts(self, owner: Owner) -> tuple[str, ...]:
        """List the texts that are live, newest first."""
        return tuple(record.text for record in self.list(owner, limit=-1))

    def show(self, id: str, owner: Owner) -> Record:
        """Give one memory, whatever its state.

        Raises:
            NotFound: the owner has none of that id.
        """
        shelf = self._existing(owner)
        found = shelf.records(held_by(owner).also("m.id = :id", id=id), 1) if shelf else ()
        if not found:
            raise NotFound(what=f"no memory {id!r}", where=f"user {owner.user!r}", fix="see `interlock memory list`")
        return found[0]

    def stats(self, owner: Owner) -> Stats:
        """Count what the owner's memory holds."""
        now = self._clock.now()
        records = self.list(owner, everything=True, limit=-1)
        alive = [record for record in records if record.state(now) == "live"]
        return Stats(
            live=len(alive),
            closed=sum(record.state(now) == "closed" for record in records),
            expired=sum(record.state(now) == "expired" for record in records),
            by_kind=dict(Counter(record.kind for record in alive)),
            characters=sum(len(record.text) for record in records),
            oldest=min((record.learned_at for record in records), default=None),
            newest=max((record.learned_at for record in records), default=None),
        )

    def forget(self, owner: Owner, *, id: str | None = None, query: str | None = None) -> Forgotten:
        """Erase one memory, those that answer a query, or, with neither, all that is held on the owner.

        Raises:
            NotFound: the owner has no memory of that id.
        """
        if id is not None:
            ids = [self.show(id, owner).id]
        elif query is not None:
            ids = [item.id for item in self.search(query, owner).items]
        else:
            ids = [record.id for record in self.list(owner, everything=True, limit=-1)]
        shelf = self._existing(owner)
        if shelf is not None and ids:
            shelf.forget(ids)
        return Forgotten(ids=tuple(ids))

    def prune(self, owner: Owner, *, dry_run: bool = False) -> Pruned:
        """Remove what has expired."""
        now = self._clock.now()
        records = self.list(owner, everything=True, limit=-1)
        removed = [
            Removed(id=record.id, code="expired", reason=f"expired at {record.expires_at}")
            for record in records
            if record.expires_at is not None and record.expires_at <= now and not record.pinned
        ]
        shelf = self._existing(owner)
        if shelf is not None and removed and not dry_run:
            shelf.forget([item.id for item in removed])
        return Pruned(removed=tuple(removed), dry_run=dry_run)

    def export(self, owner: Owner) -> dict[str, Any]:
        """Give all that is held on the owner, as JSON data."""
        records = self.list(owner, everything=True, limit=-1)
        return {
            "tenant": owner.tenant,
            "user": owner.user,
            "exported_at": self._clock.now().isoformat(),
            "memories": [record.model_dump(mode="json") for record in records],
        }

    def close(self) -> None:
        """Let go of files and locks."""
        with self._mutex:
            for shelf in self._shelves.values():
                shelf.close()
            self._shelves.clear()

    def _existing(self, owner: Owner) -> Shelf | None:
        """Open the tenant's shelf if there is one: asking writes nothing."""
        if owner.tenant in self._shelves or Shelf.exists(self._home, owner.tenant):
            return self._shelf(owner.tenant)
        return None

    def _shelf(self, tenant: str) -> Shelf:
        with self._mutex:
            if tenant not in self._shelves:
                self._shelves[tenant] = Shelf(self._home, tenant, self._embedder)
            return self._shelves[tenant]
