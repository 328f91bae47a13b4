"""Where memories lie on disk, and who may write there: one folder per user, one writing process per folder."""

import json
import os
import sqlite3
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

from interlock.runtime.errors import BadInput, HomeUnusable, MemoryBusy

FORMAT = 3
LOCK_WAIT_S = 5.0


def folder_of(home: Path, tenant: str, user: str) -> Path:
    """Name a user's folder. Names are hashed: a user called `../x` lands beside the others, not outside."""
    return home / "memory" / f"t{_hashed(tenant)}" / f"u{_hashed(user)}"


def store_folder(path: Path, tenant: str) -> Path:
    """Name the folder of a tenant's store."""
    return path / "store" / f"t{_hashed(tenant)}"


def _hashed(name: str) -> str:
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class usable:  # a class costs a third of a generator, and each query passes it
    """Turn what a file system or a database may object to into an error that says what to do."""

    __slots__ = ("_folder",)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, sqlite3.DatabaseError):
            writable = os.access(self._folder, os.W_OK)
            fix = "check the disk and the folder" if writable else "make the folder writable, or give another one"
            raise HomeUnusable(what=f"memory: {error}", where=str(self._folder), fix=fix) from error
        if isinstance(error, UnicodeEncodeError):
            what, fix = "memory: half a character (a lone surrogate)", "give names, ids and runs in whole characters"
            raise BadInput(what=what, where=repr(error.object), fix=fix) from error
        if isinstance(error, OSError):
            fix = "make the folder writable, or give another one"
            raise HomeUnusable(what=f"memory: {error.strerror or error}", where=str(self._folder), fix=fix) from error


class WriterLock:
    """The right to write to one user's vectors. Held by one process at a time, and told by name to the others."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / "writer.lock", thread_local=False)
        self._holder = folder / "writer.json"

    @property
    def held(self) -> bool:
        """Whether it is this one that holds the lock."""
        return self._lock.is_locked

    def acquire(self, wait_s: float = LOCK_WAIT_S) -> None:
        """Take the lock.

        Raises:
            MemoryBusy: another process holds it for longer than `wait_s`.
        """
        try:
            self._lock.acquire(timeout=wait_s)
        except Timeout as error:
            fix = "wait until it is done or end it; one process at a time may write to a memory"
            what = f"memory: process {self._other()} is writing to it"
            raise MemoryBusy(what=what, where=str(self._folder), fix=fix) from error
        self._holder.write_text(json.dumps({"pid": os.getpid()}), encoding="utf-8")

    def release(self) -> None:
        self._lock.release()

    def _other(self) -> str:
        try:
            return str(json.loads(self._holder.read_text(encoding="utf-8"))["pid"])
        except (OSError, ValueError, KeyError):
            return "(unknown)"
