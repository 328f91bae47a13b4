"""One user's vectors: they wait in the table until Chroma has them, and are compared in main memory.

The table is the truth. What a crash, a lost or damaged folder or a server that is away leaves undone is done at the
next opening.
"""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from interlock.memory.cloud import Cloud, Near
from interlock.memory.collection import another_embedder
from interlock.memory.index import Index, IndexDamaged
from interlock.memory.layout import LOCK_WAIT_S
from interlock.memory.moving import require_here, take_over
from interlock.memory.naming import dense
from interlock.memory.pending import Pending
from interlock.memory.places import Place
from interlock.memory.truth import Truth
from interlock.memory.turns import Turns
from interlock.runtime.errors import HomeUnusable, InterlockError, MemoryBusy, ServerUnreachable
from interlock.runtime.models.embeddings import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

READ_WAIT_S = 0.2
RETRY_S = 10.0
"""For how long a server that did not answer is left alone by those who can do without it."""
AT_ONCE = 256
"""So many vectors go to Chroma together: one at a time costs it as long as all of them."""
EMBEDDER = "embedder"
"""Name of the table's note of what made the vectors."""

Told = Callable[[int], None]
"""Told how many vectors Chroma has got, page by page."""


def _nobody(_count: int) -> None:
    """Be told, and do nothing."""


class Vectors:
    """One user's vectors, in step with the table. For any thread."""

    def __init__(self, truth: Truth, embedder: Callable[[], Embedder], place: Place) -> None:
        self._truth = truth
        self._pending = Pending(truth)
        self._embedder = embedder
        self._place = place
        self._turns = Turns(truth.folder, kept=not place.shared, idle=self._idle)
        self._index: Index | None = None
        self._looking = threading.RLock()
        self._cloud = Cloud.empty()
        self._stamp: tuple[int, int] | None = None
        self._away = False
        self._told: Told = _nobody

    @contextmanager
    def writing(self) -> Generator[None]:
        """Hold the right to add to the table. Chroma is not needed for that.

        Raises:
            MemoryBusy: another process is writing, where only one may.
            HomeUnusable: the vectors were made by another embedder, or lie elsewhere.
        """
        self._admit()
        if self._place.shared:
            yield
            self._turns.watch()
            return
        with self._turns.taken():
            yield

    @contextmanager
    def opened(self, wait_s: float = LOCK_WAIT_S) -> Generator[Index]:
        """Hold the right to change everything, with Chroma open and mended.

        Raises:
            MemoryBusy: another process is writing.
            HomeUnusable: the vectors were made by another embedder, lie elsewhere, or cannot be opened.
            ServerUnreachable: they lie on a server that does not answer.
        """
        self._admit()
        with self._turns.taken(wait_s):
            try:
                yield self._ready()
            except IndexDamaged:
                self._start_over()
                raise
            except HomeUnusable:
                self._let_go()
                raise

    @contextmanager
    def erasing(self) -> Generator[None]:
        """Hold the right to change everything; in the end what is doomed is gone."""
        self._admit()
        # Whether vectors were sent is only known once it is our turn.
        with self._turns.taken(), self.opened() if self._place.exists() else nullcontext():
            yield
            self._finish_erasing()

    def settle(self) -> None:
        """Send to Chroma what waits, if it is much."""
        if not self._away and self._pending.count() >= AT_ONCE:
            # What is not sent is safe in the table, is found all the same, and is sent with a later write.
            with self._doing_without(HomeUnusable):
                self.send()

    def send(self, told: Told = _nobody) -> None:
        """Give Chroma what it lacks."""
        with self._turns.taken():
            self._told = told
            try:
                with self.opened():
                    self._send()
            finally:
                self._told = _nobody

    def close(self, *, sent: bool = False) -> None:
        """Let go of files and lock; the next use opens again. With `sent` Chroma first gets what waits, if it can."""
        if sent and not self._away and self._pending.count():
            with suppress(HomeUnusable):
                self.send()
        with self._turns.ending():
            self._let_go()

    def rebuild(self) -> None:
        """Write all vectors to new files."""
        if self._place.exists():
            with self.opened() as index:
                self._index = self._place.rebuild(index, self._embedder().name)

    def near(self, vector: "Matrix") -> Near | None:
        """Compare a vector with all, exactly; None where Chroma is needed and another process has it, or no server.

        Args:
            vector: shape (d,), unit length.
        """
        with self._doing_without(MemoryBusy, ServerUnreachable):
            return self._whole(READ_WAIT_S).near(vector)
        return None

    def of(self, rows: Sequence[int]) -> "Matrix":
        """Give vectors, a row for each."""
        return self._whole(LOCK_WAIT_S).of(rows)

    def raw(self, rows: Sequence[int]) -> list[bytes]:
        """Give vectors as they lie on disk: as they were given, and scaled to unit length, as in the graph."""
        import numpy as np

        waiting = self._pending.waiting(rows)
        found = list(waiting.values())
        if self._place.exists() and (sent := [row for row in rows if row not in waiting]):
            with self.opened() as index:
                found += index.read(sent).values()
        both = [form for vector in found for form in (vector, vector / np.linalg.norm(vector))]
        return [np.asarray(form, dtype="<f4").tobytes() for form in both]

    @contextmanager
    def replacing(self) -> Generator[None]:
        """Hold the right to change everything; in the end Chroma has nothing, and gets what waits later."""
        with self._turns.taken():
            self._let_go()
            yield
            self._place.discard()
        with self._looking:
            self._cloud, self._stamp = Cloud.empty(), None

    def _whole(self, wait_s: float) -> Cloud:
        """Bring what is held in main memory to where the table is."""
        with self._looking:
            stamp = self._truth.stamp()
            if stamp != self._stamp:
                self._admit()
                self._cloud = self._updated(self._cloud, wait_s)
                self._stamp = stamp
            return self._cloud

    def _updated(self, cloud: Cloud, wait_s: float) -> Cloud:
        # Row numbers only grow, and a row's vector never changes: rows are only added, and taken away.
        new = self._pending.places(after=cloud.last)
        if len(cloud.rows) + len(new) != self._truth.count():
            there = self._pending.places()
            cloud = cloud.only(there)
            held = set(cloud.rows.tolist())
            new = {row: turn for row, turn in there.items() if row not in held}
        vectors = self._found(list(new), wait_s)
        return cloud.joined([(row, new[row]) for row in vectors], list(vectors.values()))

    def _found(self, rows: Sequence[int], wait_s: float) -> "dict[int, Matrix]":
        """Take vectors from the table and, where they do not wait there, from Chroma."""
        found = self._pending.waiting(rows)
        absent = [row for row in rows if row not in found]
        if not absent:
            return found
        if self._away:
            raise ServerUnreachable(what="Chroma server: no answer", where=self._place.url, fix="start it")
        try:
            return found | self._read(absent, wait_s)
        except IndexDamaged:
            return found | self._read(absent, wait_s)

    def _read(self, rows: Sequence[int], wait_s: float) -> "dict[int, Matrix]":
        """Take vectors from Chroma; those that it has lost are made again."""
        with self.opened(wait_s) as index:
            found = index.read(rows)
            if lost := [row for row in rows if row not in found]:
                self._pending.mark_lost(lost)
                self._send()
                found |= index.read(lost)
        return found

    @contextmanager
    def _doing_without(self, *errors: type[HomeUnusable]) -> Generator[None]:
        """Go on without Chroma, and leave a server that does not answer alone for a while."""
        try:
            yield
        except errors as error:
            if isinstance(error, ServerUnreachable) and not self._away:
                self._away = True
                timer = threading.Timer(RETRY_S, self._come_back)
                timer.daemon = True
                timer.start()

    def _come_back(self) -> None:
        self._away = False

    def _idle(self) -> None:
        with suppress(InterlockError):
            self.close(sent=True)

    def _admit(self) -> None:
        """Refuse vectors of another embedder, or that lie elsewhere; of the first ones note who made them."""
        mine = self._embedder().name
        made_by = self._truth.named_once(EMBEDDER, mine)
        if made_by != mine:
            raise another_embedder(made_by, mine, self._truth.folder)
        require_here(self._truth, self._place)

    def _ready(self) -> Index:
        if self._index is not None and not self._place.fits(self._index):
            self._let_go()
        if self._index is None:
            embedder = self._embedder().name
            take_over(self._truth, self._place, embedder)
            try:
                return self._started(embedder)
            except IndexDamaged:
                self._start_over()
                return self._started(embedder)
        return self._index

    def _start_over(self) -> None:
        """Let go of files that cannot be read; they are made again from the table at the next opening."""
        self._let_go()
        self._place.discard()

    def _started(self, embedder: str) -> Index:
        self._index = self._place.open(embedder)
        self._mend()
        return self._index

    def _let_go(self) -> None:
        if self._index is not None:
            self._index.close()
            self._index = None
            self._place.closed()

    def _mend(self) -> None:
        """Finish what was left half done, and make good what Chroma lost."""
        self._finish_erasing()
        assert self._index is not None  # noqa: S101  # it was just opened
        sent = self._pending.sent()
        if self._index.count() != len(sent):
            there = self._index.ids()
            self._erase(sorted(there - self._pending.places().keys()))
            self._pending.mark_lost(sent - there)
        self._send()

    def _send(self) -> None:
        assert self._index is not None  # noqa: S101  # it is called where it is open
        while rows := self._pending.unsent(AT_ONCE):
            vectors = self._pending.waiting(row["row"] for row in rows)
            if lost := [row for row in rows if row["row"] not in vectors]:
                made = self._embedder().embed([dense(row["text"], row["subject"], row["attribute"]) for row in lost])
                vectors |= {row["row"]: vector for row, vector in zip(lost, made, strict=True)}
            self._index.put(vectors)
            self._pending.mark_sent(row["row"] for row in rows)
            self._told(len(rows))

    def _finish_erasing(self) -> None:
        if doomed := self._pending.doomed():
            self._erase(doomed)
            self._pending.erased()
        self._pending.scrub()

    def _erase(self, rows: Sequence[int]) -> None:
        if rows and self._index is not None:
            self._index = self._place.erase(self._index, self._embedder().name, rows)
