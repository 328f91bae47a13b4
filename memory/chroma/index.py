"""The vectors of a store in Chroma: one collection, embedded in the store's folder or on a server."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from interlock.memory.collection import collection_of, connect, connect_to, disconnect
from interlock.memory.files import NAME
from interlock.runtime.errors import HomeUnusable, InterlockError, ServerUnreachable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

PAGE = 1_000
MESSAGE = 300


@dataclass(frozen=True, kw_only=True)
class Server:
    """A Chroma server, and what to say to the proxy before it."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


class Index:
    """A collection that is open. In a folder only the holder of its writer's lock may open one."""

    def __init__(self, folder: Path, *, name: str, embedder: str, server: Server | None) -> None:
        """Open it, or make it.

        Raises:
            HomeUnusable: it is damaged, names a function to run, or was made by another embedder.
            ServerUnreachable: there is no answer.
        """
        self._where = str(folder) if server is None else server.url
        self._remote = server is not None
        with self._answering():
            self._client = connect(folder / NAME) if server is None else connect_to(server.url, server.headers)
            try:
                self._collection = collection_of(self._client, self._where, embedder, name=name)
            except BaseException:
                disconnect(self._client)
                raise

    def put(self, vectors: "Mapping[int, Matrix]") -> None:
        with self._answering():
            for page in _pages([*vectors]):
                self._collection.upsert(ids=[str(id) for id in page], embeddings=[vectors[id] for id in page])

    def drop(self, ids: Sequence[int]) -> None:
        with self._answering():
            for page in _pages(ids):
                self._collection.delete(ids=[str(id) for id in page])

    def read(self, ids: Sequence[int]) -> "dict[int, Matrix]":
        """Give the vectors that are there."""
        found: dict[int, Matrix] = {}
        with self._answering():
            for page in _pages(ids):
                got = self._collection.get(ids=[str(id) for id in page], include=["embeddings"])
                found |= dict(zip(map(int, got["ids"]), got["embeddings"], strict=True))
        return found

    def ids(self) -> set[int]:
        with self._answering():
            return {int(id) for id in self._collection.get(include=[])["ids"]}

    def count(self) -> int:
        with self._answering():
            return int(self._collection.count())

    def delete(self, name: str) -> None:
        """Delete another collection of this store, if it is there."""
        with self._answering():
            if name in {collection.name for collection in self._client.list_collections()}:
                self._client.delete_collection(name)

    def close(self) -> None:
        disconnect(self._client)

    @contextmanager
    def _answering(self) -> Generator[None]:
        """Turn whatever Chroma objects to into an error that says what to do."""
        try:
            yield
        except InterlockError:
            raise
        except Exception as error:  # Chroma raises bare Exceptions, too
            if self._remote:
                fix = "start it, or mend its address and headers; nothing is lost, the table holds everything"
                raise ServerUnreachable(what=f"Chroma server: {_short(error)}", where=self._where, fix=fix) from error
            fix = f"end what else uses it; or delete the folder {NAME!r} in it: it is made again from the table"
            raise HomeUnusable(what=f"Chroma: {_short(error)}", where=self._where, fix=fix) from error


def _pages(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + PAGE] for start in range(0, len(ids), PAGE)]


def _short(error: Exception) -> str:
    """Take what a proxy's page of HTML or a library's many lines say at first."""
    return (str(error) or type(error).__name__).splitlines()[0][:MESSAGE]
