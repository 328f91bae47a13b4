"""The home of all that is kept: journal, ledger, approvals, effects and checkpoints, memory beside them."""

import os
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import SecretStr

from interlock.runtime import erasures as _erasures
from interlock.runtime.clock import Clock, SystemClock
from interlock.runtime.errors import HomeUnusable
from interlock.runtime.gate import answers as _answers
from interlock.runtime.gate import approvals as _approvals
from interlock.runtime.gate import effects as _effects
from interlock.runtime.gate import leases as _leases
from interlock.runtime.gate import ledger as _ledger
from interlock.runtime.gate import reservations as _reservations
from interlock.runtime.journal.journal import Journal
from interlock.runtime.journal.prompts import Tails
from interlock.runtime.journal.seals import Sealer
from interlock.runtime.settings import settings
from interlock.runtime.storage import binding
from interlock.runtime.storage.database import Database
from interlock.runtime.storage.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from interlock.runtime.contract import ToolContract
    from interlock.runtime.gate.clocks import JournalledClock
    from interlock.runtime.gate.run import OpenRun
    from interlock.runtime.models.chat import ChatModel, Price
    from interlock.runtime.ports import Deps, MemoryStore, Selection, Tool
    from interlock.runtime.storage.checkpoint_erasing import Checkpoints
    from interlock.runtime.storage.checkpoints import Saver
    from interlock.runtime.storage.postgres_link import Link

_TABLES = (
    _answers.answers,
    _approvals.approvals,
    _erasures.erasures,
    _erasures.holds,
    _effects.effects,
    _leases.leases,
    _ledger.accounts,
    _reservations.reservations,
)
"""Imported so that every table is known before a database is made."""


class Outside(Protocol):
    """Stands for all that a run reaches outside itself: its models, its tools, its memory."""

    parent: str
    """The run that is played from, and the step up to which, where this goes on as a new run."""
    path_around: str
    """Where the graph of that run stood in a graph that is not ours."""

    def model(self, declared: Any, contracts: "Sequence[ToolContract]", prices: "Mapping[str, Price]") -> "ChatModel":
        """Give what answers for the model that an agent declares."""
        ...

    def tool(self, tool: "Tool") -> "Tool":
        """Give what answers for a tool."""
        ...

    def memory(self, opened: "Callable[[], MemoryStore]") -> "MemoryStore":
        """Give what answers for an agent's memory; `opened` opens the real one."""
        ...

    def selection(self, opened: "Callable[[], Selection]") -> "Selection":
        """Give what answers for an agent's selection of tools; `opened` opens the real one."""
        ...

    async def entering(self, path: str) -> None:
        """Wait until the run of a graph that stands there may begin, or go on."""
        ...

    def ports(self, deps: "Deps", run: "OpenRun") -> "Deps":
        """Give the ports that a run's nodes get."""
        ...

    def node_clock(self, clock: "JournalledClock") -> Clock:
        """Give what tells a visit of a node time, chance and identity."""
        ...


class Home:
    """A folder, and perhaps a database elsewhere. Nothing is made or opened before it is needed.

    Raises:
        HomeUnusable: when first used, if folder or database cannot be written, or another version wrote them.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        clock: Clock | None = None,
        reading: bool = False,
        database: str | SecretStr | None = None,
    ) -> None:
        """Name a home.

        Args:
            path: the folder.
            clock: tells the time.
            reading: one that cannot be written will do, and none is made.
            database: `postgresql://...`, which takes journal, ledger, approvals and checkpoints; None: the folder does.
        """
        self._reading = reading
        self.path = Path(path).expanduser().absolute()
        self.clock: Clock = clock or SystemClock()
        self.outside: Outside | None = None
        """What stands for the world in a replay; None where runs reach the world itself."""
        self.url = SecretStr(database) if isinstance(database, str) else database
        """Of the database elsewhere, with its password."""
        self._lock = threading.Lock()

    @property
    def elsewhere(self) -> bool:
        """Whether journal and checkpoints are in a database, not in the folder."""
        return self.url is not None

    @cached_property
    def database(self) -> Database:
        """Journal, ledger, approvals and effects."""
        with self._lock:
            if self.url is not None:
                return self._connected(self.url)
            binding.require_here(self.path)
            self._require_folder()
            return SqliteDatabase(self.path / binding.JOURNAL, reading=self._reading)

    def _require_folder(self) -> None:
        fix = "give a folder that can be written with --home or INTERLOCK_HOME"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = f"cannot make the home folder: {error.strerror}"
            raise HomeUnusable(what=what, where=str(self.path), fix=fix) from error
        if not self._reading and not os.access(self.path, os.W_OK):
            raise HomeUnusable(what="the home folder is read-only", where=str(self.path), fix=fix)

    def _connected(self, url: SecretStr) -> Database:
        binding.require_none_here(self.path)
        try:
            from interlock.runtime.storage.postgres import PostgresDatabase
        except ImportError as error:
            fix = "pip install 'interlock[postgres]'"
            raise HomeUnusable(what=f"no driver for Postgres: {error}", where="INTERLOCK_DATABASE", fix=fix) from error
        database = PostgresDatabase(url.get_secret_value(), reading=self._reading)
        try:
            self._require_folder()
            binding.bind(self.path, database, reading=self._reading)
            if not self._reading:
                with database.transaction() as tx:
                    Sealer(self.path, shared=True).agree(tx)
        except BaseException:
            database.close()
            raise
        return database

    def used(self) -> bool:
        """Tell whether anything may have been recorded here; a database elsewhere says so when it is opened."""
        return self.elsewhere or any((self.path / name).exists() for name in (binding.JOURNAL, binding.FILE))

    @cached_property
    def journal(self) -> Journal:
        """What happened."""
        return Journal(self.database, self.clock, Sealer(self.path, shared=self.elsewhere))

    @cached_property
    def tails(self) -> Tails:
        """What this process has last written of each thread."""
        return Tails()

    @cached_property
    def ledger(self) -> _ledger.Ledger:
        """What is spent and reserved."""
        return _ledger.Ledger(self.database)

    @cached_property
    def approvals(self) -> _approvals.Approvals:
        """What people were asked."""
        return _approvals.Approvals(self.database, self.journal, self.clock)

    def saver(self, channels: Mapping[str, Any] | None = None) -> "Saver":
        """Open the checkpoints for a graph with these channels."""
        _ = self.database
        if self.url is None:
            from interlock.runtime.storage.checkpoints import HomeSaver

            return HomeSaver(self.path / CHECKPOINTS, channels)
        from interlock.runtime.storage.postgres_checkpoints import PostgresHomeSaver

        return PostgresHomeSaver(self._checkpoint_link, channels)

    def checkpoints(self) -> "Checkpoints":
        """Open the checkpoints for erasing."""
        if self.url is None:
            from interlock.runtime.storage.checkpoint_erasing import SqliteCheckpoints

            return SqliteCheckpoints(self.path / CHECKPOINTS)
        from interlock.runtime.storage.postgres_erasing import PostgresCheckpoints

        return PostgresCheckpoints(self._link())

    @cached_property
    def _checkpoint_link(self) -> "Link":
        return self._link(brief=True)

    def _link(self, *, brief: bool = False) -> "Link":
        from interlock.runtime.storage.postgres import PostgresDatabase
        from interlock.runtime.storage.postgres_link import Link

        assert isinstance(self.database, PostgresDatabase)  # noqa: S101  # tells the type checker
        return Link(self.database.address, brief=brief)

    def close(self) -> None:
        """Close what was opened."""
        if "_checkpoint_link" in self.__dict__:
            self._checkpoint_link.close()
        if "database" in self.__dict__:
            self.database.close()
            for name in ("database", "journal", "ledger", "approvals", "tails", "_checkpoint_link"):
                self.__dict__.pop(name, None)


CHECKPOINTS = "checkpoints.db"
"""The file that LangGraph's checkpoints go to."""

_current: ContextVar["Home | None"] = ContextVar("interlock_home", default=None)
_default: dict[str, Home] = {}


def current_home() -> Home:
    """Give the home that this run uses: that of `using`, else the one the settings name."""
    if (found := _current.get()) is not None:
        return found
    path = str(settings().home)
    if path not in _default:
        _default[path] = Home(path, database=settings().database)
    return _default[path]


@contextmanager
def using(home: Home) -> Generator[Home]:
    """Let the runs that start in this block use a home."""
    token = _current.set(home)
    try:
        yield home
    finally:
        _current.reset(token)
