"""Vectors in Chroma by number: one collection, embedded in a folder or on a server."""

import re
from base64 import b64encode
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from interlock.memory.collection import COLLECTION, collection_of, connect, connect_to, disconnect
from interlock.memory.files import NAME, cut_off
from interlock.runtime.errors import BadInput, HomeUnusable, InterlockError, ServerUnreachable
from interlock.runtime.openings import opening

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

PAGE = 1_000
MESSAGE = 300
PROBE = 65_536
"""So many bytes must find room before a failure counts as damage."""
DAMAGE = (11, 26)
"""What SQLite says of a file that is malformed, or no database (https://sqlite.org/rescode.html)."""


_ANEW = f"delete the folder {NAME!r} in it: it is made again from the table"


class IndexDamaged(HomeUnusable):
    """Chroma cannot read its own files, as after a crash while it was writing them. The table holds everything."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A Chroma server, and what to say to the proxy before it."""

    url: str
    """Without a password: it is shown in errors, receipts and tables."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @staticmethod
    def at(url: str, headers: Mapping[str, str]) -> "Server":
        """Take an address, in which a name and a password may stand before the host.

        Raises:
            BadInput: no server can have it.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
            fix = "write it as in https://chroma.example:8000/path; keys belong into the headers"
            raise BadInput(what="this is no address of a Chroma server", where="url", fix=fix)
        if any(not (text.isascii() and text.isprintable()) for pair in headers.items() for text in pair):
            fix = "give ASCII without line breaks"
            raise BadInput(what="a header cannot be sent", where="headers", fix=fix)
        host = f"[{host}]" if ":" in host else host
        plain = f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"
        if parts.username is None:
            return Server(url=plain, headers=dict(headers))
        said = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        return Server(url=plain, headers={"Authorization": f"Basic {b64encode(said).decode()}", **headers})

    def ask(self) -> None:
        """Find out whether it answers.

        Raises:
            ServerUnreachable: it does not.
        """
        with _answering(self):
            disconnect(connect_to(self.url, self.headers))


class Index:
    """A collection that is open. Only the holder of its writer's lock may open one in a folder."""

    def __init__(self, place: Path | Server, *, name: str = COLLECTION, embedder: str) -> None:
        """Open it, or make it.

        Raises:
            IndexDamaged: Chroma cannot read it.
            HomeUnusable: it cannot be opened, names a function to run, or was made by another embedder.
            ServerUnreachable: there is no answer.
        """
        self._place = place
        self.name = name
        if isinstance(place, Path) and (short := cut_off(place)):
            what = f"the vectors were cut off while they were written: {short}"
            raise IndexDamaged(what=what, where=_where(place), fix=_ANEW)
        with opening(), _answering(self._place):
            self._client = connect(place) if isinstance(place, Path) else connect_to(place.url, place.headers)
            try:
                self._collection = collection_of(self._client, _where(place), embedder, name=name)
            except BaseException:
                disconnect(self._client)
                raise

    def put(self, vectors: "Mapping[int, Matrix]") -> None:
        with _answering(self._place):
            for page in _pages([*vectors]):
                self._collection.upsert(ids=[str(id) for id in page], embeddings=[vectors[id] for id in page])

    def drop(self, ids: Sequence[int]) -> None:
        with _answering(self._place):
            for page in _pages(ids):
                self._collection.delete(ids=[str(id) for id in page])

    def overwrite(self, ids: Sequence[int]) -> None:
        """Put one and the same vector in the place of all of these, then delete them."""
        there = self.read(ids)
        self.put({id: vector * 0 + 1 for id, vector in there.items()})
        self.drop([*there])

    def read(self, ids: Sequence[int]) -> "dict[int, Matrix]":
        """Give the vectors that are there."""
        found: dict[int, Matrix] = {}
        with _answering(self._place):
            for page in _pages(ids):
                got = self._collection.get(ids=[str(id) for id in page], include=["embeddings"])
                found |= dict(zip(map(int, got["ids"]), got["embeddings"], strict=True))
        return found

    def read_all(self) -> "dict[int, Matrix]":
        with _answering(self._place):
            got = self._collection.get(include=["embeddings"])
            return dict(zip(map(int, got["ids"]), got["embeddings"], strict=True))

    def ids(self) -> set[int]:
        with _answering(self._place):
            return {int(id) for id in self._collection.get(include=[])["ids"]}

    def count(self) -> int:
        with _answering(self._place):
            return int(self._collection.count())

    def delete(self, name: str) -> None:
        """Delete a collection of the same place, if it is there."""
        from chromadb.errors import NotFoundError

        with _answering(self._place), suppress(NotFoundError):
            self._client.delete_collection(name)

    def close(self) -> None:
        disconnect(self._client)


def delete_collection(server: Server, name: str) -> None:
    """Delete a collection without opening it, if it is there.

    Raises:
        ServerUnreachable: there is no answer.
    """
    from chromadb.errors import NotFoundError

    with _answering(server):
        client = connect_to(server.url, server.headers)
        try:
            with suppress(NotFoundError):
                client.delete_collection(name)
        finally:
            disconnect(client)


@contextmanager
def _answering(place: Path | Server) -> Generator[None]:
    """Turn whatever Chroma objects to into an error that says what to do."""
    try:
        yield
    except InterlockError:
        raise
    except Exception as error:  # Chroma raises bare Exceptions, too
        if isinstance(place, Server):
            fix = "start it, or mend its address and headers; nothing is lost, the table holds everything"
            raise ServerUnreachable(what=f"Chroma server: {_short(error)}", where=_where(place), fix=fix) from error
        fix = f"end what else uses it; or {_ANEW}"
        kind = IndexDamaged if _is_damage(error) and _has_room(place.parent) else HomeUnusable
        raise kind(what=f"Chroma: {_short(error)}", where=_where(place), fix=fix) from error


def _is_damage(error: Exception) -> bool:
    from chromadb.errors import InternalError

    code = re.search(r"\(code: (\d+)\)", str(error))  # SQLite's; extended ones carry the plain one in the last byte
    return isinstance(error, InternalError) and (code is None or int(code[1]) & 0xFF in DAMAGE)


def _has_room(folder: Path) -> bool:
    """Tell whether files can be written there; where they cannot, nothing else is proven."""
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE))
            file.flush()
    except OSError:
        return False
    return True


def _where(place: Path | Server) -> str:
    return str(place.parent) if isinstance(place, Path) else place.url


def _pages(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + PAGE] for start in range(0, len(ids), PAGE)]


def _short(error: Exception) -> str:
    """Take what a proxy's page of HTML or a library's many lines say at first."""
    return (str(error) or type(error).__name__).splitlines()[0][:MESSAGE]
