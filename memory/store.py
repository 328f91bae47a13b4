"""A memory that is open: what the gate asks (recall, remember), and what people ask (list, show, forget, ...)."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from interlock.memory.erasing import forget, verify
from interlock.memory.evidence import Candidates
from interlock.memory.index import Server
from interlock.memory.judging import Verdict, judge
from interlock.memory.moving import servers_of
from interlock.memory.policies import PrunePolicy, ReadPolicy, WritePolicy
from interlock.memory.pruning import Pruning
from interlock.memory.recalling import Condition, held_by, live, readable
from interlock.memory.receipts import Receipt, Verified
from interlock.memory.records import Forgotten, Record, Stats
from interlock.memory.reindexing import Progress, reindex
from interlock.memory.rows import Tokens
from interlock.memory.shelf import Shelf
from interlock.memory.shelves import Shelves
from interlock.memory.summaries import Summarise
from interlock.memory.tidying import Tidying
from interlock.memory.writing import Draft
from interlock.runtime.clock import Clock
from interlock.runtime.errors import MemoryBusy, NotFound, OnHold
from interlock.runtime.memories import Kind, Note, Owner, Pruned, Recall, Written
from interlock.runtime.models.embeddings import Embedder

MOST = 2**63 - 1
"""The highest number that SQLite knows."""
MEANT = ReadPolicy(limit=100, min_score=0.3, max_sensitivity="secret", tokens=None)
"""What a query to forget by reaches: more than a query to read by, but nothing that only faintly resembles it."""


class Store:
    """All users' memories in one home. A user's folder is opened when it is first needed."""

    def __init__(
        self,
        home: Path,
        clock: Clock,
        *,
        write: WritePolicy,
        read: ReadPolicy,
        prune: PrunePolicy,
        summarise: Summarise,
        embedder: Callable[[], Embedder],
        server: Server | None = None,
    ) -> None:
        self._clock = clock
        self._write = write
        self._read = read
        self._prune = prune
        self._summarise = summarise
        self.home = home
        self._shelves = Shelves(home, embedder, server)

    async def recall(
        self, query: str, owner: Owner, policy: ReadPolicy | None = None, *, roles: Sequence[str] = ()
    ) -> Recall:
        """Find what answers the query, by the store's read policy or another.

        Args:
            roles: of the one for whom it is read.
        """
        return await asyncio.to_thread(self.search, query, owner, policy, roles=roles)

    async def remember(self, note: Note, owner: Owner, *, approved: bool = False) -> Written:
        """Keep a note if the write policy allows it. When this returns, it is durable and can be recalled.

        Args:
            approved: a person has agreed, where the policy asks for one.
        """
        return await asyncio.to_thread(self.add, note, owner, approved=approved)

    def search(
        self, query: str, owner: Owner, policy: ReadPolicy | None = None, *, roles: Sequence[str] = ()
    ) -> Recall:
        """Do what `recall` does, and wait for it."""
        if not self._shelves.exists(owner):
            return Recall()
        with self._shelves.of(owner) as shelf:
            return shelf.recall(query, owner, policy or self._read, self._clock.now(), roles=roles)

    def candidates(self, query: str, owner: Owner) -> Candidates:
        """Give what may answer a query, and what speaks for each: what `interlock.memory.learn_ranker` learns from."""
        if not self._shelves.exists(owner):
            return Candidates.none()
        with self._shelves.of(owner) as shelf:
            return shelf.candidates(query, owner, self._clock.now())

    def add(self, note: Note, owner: Owner, *, approved: bool = False) -> Written:
        """Do what `remember` does, and wait for it."""
        return self.add_all([note], owner, approved=approved)[0]

    def add_all(self, notes: Iterable[Note], owner: Owner, *, approved: bool = False) -> tuple[Written, ...]:
        """Keep many notes at once, such as a conversation: one decision for each, in their order."""
        now = self._clock.now()
        judged = [(note, judge(note, self._write, now, approved=approved)) for note in notes]
        drafts = [self._draft(note, verdict, owner, now) for note, verdict in judged if verdict.kept]
        made = iter(self._write_down(drafts, owner))
        return tuple(next(made) if verdict.kept else self._refused(verdict) for _, verdict in judged)

    def explain(self, note: Note, owner: Owner) -> Written:
        """Tell what `remember` would do, and do nothing."""
        now = self._clock.now()
        verdict = judge(note, self._write, now)
        if not verdict.kept:
            return self._refused(verdict)
        if not self._shelves.exists(owner):
            return Written(kept=True, code="kept", reason=verdict.reason, policy=self._write.version)
        with self._shelves.of(owner) as shelf:
            return shelf.foresee(self._draft(note, verdict, owner, now))

    def _refused(self, verdict: Verdict) -> Written:
        return Written(kept=False, code=verdict.code, reason=verdict.reason, policy=self._write.version)

    def list(
        self, owner: Owner, *, kind: Kind | None = None, everything: bool = False, limit: int = 100
    ) -> tuple[Record, ...]:
        """List the owner's memories, newest first; `everything`: closed and expired ones too.

        An owner without an agent stands for the user as a whole: the memories of all agents are listed.
        """
        owned = held_by(owner) if kind is None else held_by(owner).also("m.kind = :kind", kind=kind)
        return self._records(owner, owned, min(limit, MOST), everything=everything)

    def texts(self, owner: Owner) -> tuple[str, ...]:
        """List the texts that are live, newest first."""
        return tuple(record.text for record in self.list(owner, limit=-1))

    def show(self, id: str, owner: Owner) -> Record:
        """Give one memory, whatever its state.

        Raises:
            NotFound: the owner has none of that id.
        """
        found = self._records(owner, held_by(owner).also("m.id = :id", id=readable(id)), 1)
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
            coming=sum(record.state(now) == "coming" for record in records),
            closed=sum(record.state(now) == "closed" for record in records),
            expired=sum(record.state(now) == "expired" for record in records),
            by_kind=dict(Counter(record.kind for record in alive)),
            characters=sum(len(record.text) for record in records),
            oldest=min((record.learned_at for record in records), default=None),
            newest=max((record.learned_at for record in records), default=None),
        )

    def forget(self, owner: Owner, *, id: str | Sequence[str] | None = None, query: str | None = None) -> Forgotten:
        """Erase one memory or several, those that answer a query, or, with neither, all that is held on the owner.

        What a memory was merged into, or summed up in, goes with it.

        Raises:
            NotFound: the owner has no memory of that id.
            OnHold: a legal hold forbids it.
            MemoryBusy: another process is writing, or reading what is to be overwritten.
        """
        ids = self.chosen(owner, id=id, query=query)
        return Forgotten(ids=tuple(ids), receipt=self._erase(ids, owner))

    def chosen(self, owner: Owner, *, id: str | Sequence[str] | None = None, query: str | None = None) -> Sequence[str]:
        """Name the memories that `forget` would erase: also what was made from them.

        Raises:
            NotFound: the owner has no memory of that id.
        """
        if id is not None:
            return self._derived([self.show(one, owner).id for one in ([id] if isinstance(id, str) else id)], owner)
        if query is not None:
            return self._derived([item.id for item in self.search(query, owner, MEANT).items], owner)
        return [record.id for record in self.list(owner, everything=True, limit=-1)]

    def verify(self, receipt: Receipt, *, elsewhere: Sequence[Path] = ()) -> Verified:
        """Check a receipt: its signature, and that nothing of what it names is in the user's files.

        Args:
            receipt: what `forget` gave.
            elsewhere: other files to search, such as a journal.
        """
        owner = Owner(tenant=receipt.tenant, user=receipt.user)
        if not self._shelves.exists(owner):
            return verify(None, receipt, home=self.home, elsewhere=elsewhere)
        with self._shelves.of(owner) as shelf:
            return verify(shelf, receipt, home=self.home, elsewhere=elsewhere)

    def hold(self, owner: Owner, reason: str) -> None:
        """Keep the user's memories from being erased, until `release`."""
        with self._shelves.of(owner) as shelf:
            shelf.hold(reason)

    def release(self, owner: Owner) -> None:
        """End a hold."""
        if self._shelves.exists(owner):
            with self._shelves.of(owner) as shelf:
                shelf.hold("")

    def prune(self, owner: Owner, policy: PrunePolicy | None = None, *, dry_run: bool = False) -> Pruned:
        """Erase, merge and sum up, by the store's prune policy or another. Cut off, it goes on when called again.

        Raises:
            OnHold: a legal hold forbids to erase what would be.
            MemoryBusy: another process is writing, or reading what is to be overwritten.
        """
        if not self._shelves.exists(owner):
            return Pruned(dry_run=dry_run)
        policy, now = policy or self._prune, self._clock.now()
        with self._shelves.of(owner) as shelf:
            records = shelf.records(held_by(owner), -1)
            plan = Pruning(records=records, policy=policy, now=now, vectors=shelf.vectors_of).plan()
            if dry_run:
                return plan.model_copy(update={"dry_run": True})
            with shelf.vectors.writing():
                done = self._tidying(shelf, owner, now).join(plan, records)
        self._erase([item.id for item in done.removed], owner)
        return done

    async def tidy(self, owner: Owner) -> Pruned:
        """Do what `prune` does by the store's policy, without waiting for it."""
        return await asyncio.to_thread(self.prune, owner)

    def _tidying(self, shelf: Shelf, owner: Owner, now: datetime) -> Tidying:
        return Tidying(
            shelf=shelf,
            owner=owner,
            now=now,
            policy=self._write,
            summarise=self._summarise,
            new_id=self._clock.new_id,
        )

    def _prune_when_due(self, owner: Owner) -> None:
        """Prune after so many new memories. What stands in its way now does not when it is due again."""
        if self._prune.every is None:
            return
        with self._shelves.of(owner) as shelf:
            due = shelf.added() >= self._prune.every
        if due:
            with suppress(OnHold, MemoryBusy):
                self.prune(owner)
                with self._shelves.of(owner) as shelf:
                    shelf.count_anew()

    def export(self, owner: Owner) -> dict[str, Any]:
        """Give all that is held on the owner, as JSON data."""
        records = self.list(owner, everything=True, limit=-1)
        return {
            "tenant": owner.tenant,
            "user": owner.user,
            "exported_at": self._clock.now().isoformat(),
            "memories": [record.model_dump(mode="json") for record in records],
        }

    def reindex(self, owner: Owner, told: Progress = lambda _done, _of: None) -> int:
        """Make all of a user's vectors anew with the embedder that is configured; tells of how many memories.

        Raises:
            MemoryBusy: another process is writing.
        """
        if not self._shelves.exists(owner):
            return 0
        with self._shelves.of(owner) as shelf:
            return reindex(shelf, told)

    def mend(self, owner: Owner) -> int:
        """Make good what a crash left between a user's table and vectors; tells how many vectors Chroma lacked."""
        made = 0

        def count(more: int) -> None:
            nonlocal made
            made += more

        if self._shelves.exists(owner):
            with self._shelves.of(owner) as shelf:
                shelf.rest()
                shelf.vectors.send(count)
        return made

    def servers(self, owner: Owner) -> tuple[str, ...]:
        """List the Chroma servers that have, or had, vectors of the user."""
        if not self._shelves.exists(owner):
            return ()
        with self._shelves.of(owner) as shelf:
            return servers_of(shelf.truth)

    def holds_any(self, owner: Owner) -> bool:
        """Tell whether anything was ever kept of the user."""
        return self._shelves.exists(owner)

    def shelf(self, owner: Owner) -> AbstractContextManager[Shelf]:
        """Lend the user's part of the store; for those who erase or mend it."""
        return self._shelves.of(owner)

    def close(self) -> None:
        """Let go of files and locks."""
        self._shelves.close()

    def _records(self, owner: Owner, owned: Condition, limit: int, *, everything: bool = True) -> tuple[Record, ...]:
        """Fetch records; asking for a user of whom nothing is known writes nothing."""
        if not self._shelves.exists(owner):
            return ()
        with self._shelves.of(owner) as shelf:
            return shelf.records(owned if everything else live(owned, shelf.moment(self._clock.now())), limit)

    def _write_down(self, drafts: Sequence[Draft], owner: Owner) -> Sequence[Written]:
        if not drafts:
            return ()
        with self._shelves.of(owner) as shelf:
            written = shelf.remember(drafts)
        self._prune_when_due(owner)
        return written

    def _derived(self, ids: Sequence[str], owner: Owner) -> Sequence[str]:
        if not ids:
            return ids
        with self._shelves.of(owner) as shelf:
            return shelf.derived_from(ids)

    def _erase(self, ids: Sequence[str], owner: Owner) -> Receipt | None:
        if not ids:
            return None
        with self._shelves.of(owner) as shelf:
            return forget(shelf, ids, home=self.home, owner=owner, now=self._clock.now())

    def _draft(self, note: Note, verdict: Verdict, owner: Owner, now: datetime) -> Draft:
        return Draft(
            id=self._clock.new_id(),
            note=note,
            verdict=verdict,
            owner=owner,
            tokens=Tokens(pieces=(), vectors=b"", sentence=b""),
            policy=self._write,
            now=now,
        )
