"""Which users' shelves are open: each is opened when it is first needed, and only so many stay open."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from interlock.memory.index import Server
from interlock.memory.shelf import Shelf
from interlock.runtime.memories import Owner
from interlock.runtime.models.embeddings import Embedder

OPEN = 128
"""Opening one takes a tenth of a second; an open one holds three files, its vectors (1.5 MB for a thousand)
and the pages that were read of its table (6 MB at most)."""


class Shelves:
    """The shelves of one home. Those in use are never closed under their user."""

    def __init__(self, home: Path, embedder: Callable[[], Embedder], server: Server | None) -> None:
        self._home = home
        self._embedder = embedder
        self._server = server
        self._open: OrderedDict[tuple[str, str], Shelf] = OrderedDict()
        self._users: dict[tuple[str, str], int] = {}
        self._mutex = threading.Lock()

    def exists(self, owner: Owner) -> bool:
        return (owner.tenant, owner.user) in self._open or Shelf.exists(self._home, owner)

    @contextmanager
    def of(self, owner: Owner) -> Generator[Shelf]:
        """Lend the user's shelf."""
        name = (owner.tenant, owner.user)
        shelf = self._lend(name, owner)
        try:
            yield shelf
        finally:
            self._give_back(name)

    def close(self) -> None:
        """Let go of files and locks. The next use opens again."""
        with self._mutex:
            for shelf in self._open.values():
                shelf.close(sent=True)
            self._open.clear()
            self._users.clear()

    def _lend(self, name: tuple[str, str], owner: Owner) -> Shelf:
        with self._mutex:
            if name not in self._open:
                self._open[name] = Shelf(self._home, owner, self._embedder, self._server)
            self._open.move_to_end(name)
            self._users[name] = self._users.get(name, 0) + 1
            return self._open[name]

    def _give_back(self, name: tuple[str, str]) -> None:
        with self._mutex:
            self._users[name] = self._users.get(name, 1) - 1
            if len(self._open) <= OPEN:
                return
            unused = [other for other in self._open if self._users.get(other, 0) <= 0]
            for other in unused[: len(self._open) - OPEN]:
                self._open.pop(other).close()
                self._users.pop(other, None)
