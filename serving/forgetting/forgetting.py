"""Forget somebody, or something of theirs: in memory, journal, checkpoints and recordings; then search, and sign.

What is to be erased is written down first. An erasure that is cut off is finished by the next one, or by `finish`, and
no receipt is given before all of it is done.
"""

import secrets
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from interlock.memory.erasing import cut, require_no_hold
from interlock.memory.files import wipe_file
from interlock.memory.fingerprints import Fingerprints
from interlock.memory.layout import LOCK_WAIT_S, usable
from interlock.memory.receipts import Receipt, fields_of, prints_of, size_of
from interlock.memory.records import Forgotten
from interlock.memory.store import Store
from interlock.runtime import erasures
from interlock.runtime.erasures import Erasure
from interlock.runtime.errors import ErasureIncomplete, MemoryBusy
from interlock.runtime.home import Home
from interlock.runtime.journal.erasing import Held, erase_all, erase_some, held_of, told_as
from interlock.runtime.memories import Owner
from interlock.runtime.replay.recording import recordings_in
from interlock.runtime.storage import binding
from interlock.runtime.wording import Wording
from interlock.serving.forgetting.remains import remains
from interlock.serving.forgetting.searching import files_of

LOCK = "erasing.lock"


@dataclass(frozen=True, kw_only=True)
class Forgetting:
    """Forgetting in one home: in its memories and in all that its runs have left."""

    home: Home
    store: Store

    def forget(self, owner: Owner, *, id: str | Sequence[str] | None = None, query: str | None = None) -> Forgotten:
        """Erase one memory or several, those that answer a query, or, with neither, all that is held on a person.

        With a memory goes every copy of its text in the person's runs and threads. With all that is held go the runs,
        threads and approvals themselves.

        Raises:
            NotFound: the person has no memory of that id.
            OnHold: a legal hold forbids it.
            ThreadBusy: a run of the person is at work.
            MemoryBusy: another process is writing, or erasing.
            StillRead: another process reads what is to be overwritten; it is gone, and no receipt is given yet.
            ErasureIncomplete: a search of the files afterwards found some of it.
        """
        with self._alone():
            finished = self._finished()
            self._require_no_hold(owner)
            ids = self.store.chosen(owner, id=id, query=query)
            erasure = self._planned(owner, ids, everything=id is None and query is None)
            receipt = None if erasure is None else self._carried_out(erasure)
            return Forgotten(ids=tuple(ids), receipt=receipt, finished=tuple(finished))

    def finish(self) -> list[Receipt]:
        """Finish erasures that were cut off."""
        with self._alone():
            return self._finished()

    @contextmanager
    def _alone(self) -> Generator[None]:
        _ = self.home.database
        lock = FileLock(self.home.path / LOCK)
        try:
            with usable(self.home.path):
                lock.acquire(timeout=LOCK_WAIT_S)
        except Timeout as error:
            fix = "wait until it is done"
            raise MemoryBusy(what="another process is erasing", where=str(self.home.path), fix=fix) from error
        try:
            with self.home.database.alone() as free:
                if not free:
                    raise MemoryBusy(
                        what="another machine is erasing", where=self.home.database.where, fix="wait until it is done"
                    )
                yield
        finally:
            lock.release()

    def _finished(self) -> list[Receipt]:
        """Finish what was begun here, and elsewhere if it needs no other machine's memories."""
        pending = erasures.pending(self.home.database)
        return [self._carried_out(one) for one in pending if not one.memories or one.id.endswith(self._mark)]

    @property
    def _mark(self) -> str:
        """Tells, in an erasure's id, which of the homes that share a database has the memories."""
        return f"@{binding.name_of(self.home.path)}" if self.home.elsewhere else ""

    def _require_no_hold(self, owner: Owner) -> None:
        erasures.require_no_hold(erasures.held(self.home.database), owner)
        if self.store.holds_any(owner):
            with self.store.shelf(owner) as shelf:
                require_no_hold(shelf, owner)

    def _planned(self, owner: Owner, ids: Sequence[str], *, everything: bool) -> Erasure | None:
        """Find out what is to be erased, and write it down."""
        held = held_of(self.home, owner)
        if not ids and not (everything and (held.bodies or held.runs)):
            return None
        texts, blobs = self._material(held, ids, everything)
        found, unsearched = cut(texts, blobs)
        prints = Fingerprints.of(secrets.token_bytes(16), found)
        erasure = Erasure(
            id=f"{self.home.clock.new_id()}{self._mark}", owner=owner, memories=tuple(ids), everything=everything,
            prints=fields_of(prints), unsearched=unsearched,
        )  # fmt: skip
        with self.home.database.transaction(durable=True) as tx:
            erasures.begin(tx, erasure, held.threads, self.home.clock)
        return erasure

    def _material(self, held: Held, ids: Sequence[str], everything: bool) -> tuple[set[str], list[bytes]]:
        """Gather all that the files will be searched for: texts and vectors, and the key that is destroyed."""
        texts: set[str] = set()
        blobs: list[bytes] = []
        if ids:
            with self.store.shelf(held.owner) as shelf:
                remembered, blobs = shelf.material(ids)
                texts.update(remembered)
        if everything:
            checkpoints = self.home.checkpoints()
            return texts | held.texts() | checkpoints.texts(held.threads), [*blobs, held.key]
        return texts | told_as(self.home, held, ids), blobs

    def _carried_out(self, erasure: Erasure) -> Receipt:
        """Do what was written down, however much of it was done before."""
        home, owner = self.home, erasure.owner
        if not erasure.row:
            self._erase_runs(erasure)
        if erasure.memories and self.store.holds_any(owner):
            with self.store.shelf(owner) as shelf:
                shelf.forget(erasure.memories)
        home.checkpoints().scrub()
        home.database.scrub()
        (erasure,) = (one for one in erasures.pending(home.database) if one.id == erasure.id)
        receipt = self._receipt(erasure)
        with home.database.transaction(durable=True) as tx:
            erasures.done(tx, erasure.id)
        home.database.empty_log()
        return receipt

    def _erase_runs(self, erasure: Erasure) -> None:
        """Erase from recordings, checkpoints and, last, the journal: until then it tells what the others hold."""
        home = self.home
        held, checkpoints = held_of(home, erasure.owner), home.checkpoints()
        wording = Wording(self._texts(held, erasure.memories))
        for file, recording in recordings_in(home.path):
            caller = recording.started["caller"]
            if (caller["tenant"], caller["user"]) == (erasure.owner.tenant, erasure.owner.user) and (
                erasure.everything or wording.in_data([step.facts for step in recording.steps])
            ):
                wipe_file(file)
        if erasure.everything:
            checkpoints.erase(held.threads)
        else:
            checkpoints.erase_texts(held.threads, wording)
        with home.database.transaction(durable=True) as tx:
            if erasure.everything:
                row = erase_all(tx, home, held, erasure.id)
            else:
                row = erase_some(tx, home, held, wording, erasure.id)
            erasures.on_record(tx, erasure.id, row)

    def _texts(self, held: Held, ids: Collection[str]) -> set[str]:
        if not ids or not self.store.holds_any(held.owner):
            return set()
        with self.store.shelf(held.owner) as shelf:
            return {*shelf.material(ids)[0], *told_as(self.home, held, ids)}

    def _receipt(self, erasure: Erasure) -> Receipt:
        """Search all files, and sign what was found nowhere."""
        home, owner, prints = self.home, erasure.owner, prints_of(erasure.prints)
        found = remains(home, self.store, prints, owner=owner, ids=erasure.memories, row=erasure.row)
        if found.ours and self.store.holds_any(owner):
            with self.store.shelf(owner) as shelf:
                shelf.rebuild()
            found = remains(home, self.store, prints, owner=owner, ids=erasure.memories, row=erasure.row)
        if found.ours:
            raise ErasureIncomplete(files=tuple(found.ours), left=sum(found.ours.values()))
        files = files_of(home.path)
        elsewhere = {Path(name).name: count for name, count in found.others.items()}
        receipt = Receipt(
            tenant=owner.tenant, user=owner.user, ids=erasure.memories, everything=erasure.everything,
            at=home.clock.now(), row=erasure.row, row_hash=home.journal.hash_of(erasure.row), files=len(files),
            size=size_of(files), elsewhere=elsewhere, servers=self._servers(owner),
            unsearched=erasure.unsearched, **erasure.prints,
        )  # fmt: skip
        return receipt.signed(home.path)

    def _servers(self, owner: Owner) -> tuple[str, ...]:
        database = (self.home.database.where,) if self.home.elsewhere else ()
        return (*self.store.servers(owner), *database)
