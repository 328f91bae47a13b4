"""Chroma, embedded, as it may be used: no function of its own, no telemetry, and erasing that erases."""

import sqlite3
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from interlock.runtime.errors import HomeUnusable

if TYPE_CHECKING:
    from collections.abc import Mapping

COLLECTION = "memories"
GRAPH = {"sync_threshold": 1_000, "batch_size": 100}
ANSWER_S, CONNECT_S = 20.0, 3.0
"""How long a server may take to answer, and to be there at all."""
AT_ONCE = {"sync_threshold": 2, "batch_size": 2}
"""Makes Chroma bring its graph up to date with its log at every write."""


def connect(folder: Path) -> Any:
    """Open a client on a folder."""
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient
    from chromadb.config import Settings

    try:
        return chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
    except BaseException:
        # Chroma keeps what it made half, and would give it to whoever asks next.
        SharedSystemClient._identifier_to_system.pop(str(folder), None)  # pyright: ignore[reportPrivateUsage]
        raise


def connect_to(url: str, headers: "Mapping[str, str]") -> Any:
    """Open a client of a server: its address with scheme, port and path, and what every request must carry.

    Raises:
        httpx.HTTPError: it does not answer in time, or not as it should.
    """
    import chromadb
    import httpx
    from chromadb.config import Settings

    # Chroma's client would wait for ever, also for its own first requests.
    patience = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
    beat = httpx.get(f"{url.rstrip('/')}/api/v2/heartbeat", headers=dict(headers), timeout=patience)
    beat.raise_for_status()
    client = chromadb.HttpClient(url, headers=dict(headers), settings=Settings(anonymized_telemetry=False))
    for session in _sessions(client):
        session.timeout = patience
    return client


def disconnect(client: Any) -> None:
    """Close a client, and the connections to a server that Chroma leaves open."""
    sessions = _sessions(client)
    client.close()
    for session in sessions:
        session.close()


def _sessions(client: Any) -> list[Any]:
    """Give a client's connections to a server: its own and its administrator's. None where Chroma is embedded."""
    servers = (part._server for part in (client, client._admin_client))
    return [server._session for server in servers if hasattr(server, "_session")]


def collection_of(client: Any, where: Path | str, embedder: str, *, name: str = COLLECTION) -> Any:
    """Open or make a collection, and refuse one that could run code or holds another model's vectors.

    Raises:
        HomeUnusable: it names a function to run, or another embedder.
    """
    collection = _named(client, name, embedder)
    model = collection._model  # the public property would build the function we look for
    if _names_a_function(model.configuration_json) or _names_a_function(model.serialized_schema):
        fix = "restore the folder from a copy you trust"
        raise HomeUnusable(what="the vectors name an embedding function to run", where=str(where), fix=fix)
    made_by = cast("Mapping[str, Any]", model.metadata or {}).get("embedder")
    if made_by != embedder:
        raise another_embedder(str(made_by), embedder, where)
    return collection


def another_embedder(made_by: str, embedder: str, where: Path | str) -> HomeUnusable:
    """Make the error that says so."""
    fix = "use that embedder, or make all vectors anew with this one (`interlock memory reindex`, Store.reindex)"
    return HomeUnusable(what=f"vectors of {made_by}, not of {embedder}", where=str(where), fix=fix)


def _named(client: Any, name: str, embedder: str) -> Any:
    from chromadb.errors import NotFoundError

    try:
        return client.get_collection(name, embedding_function=None)
    except NotFoundError:
        return client.create_collection(
            name,
            embedding_function=None,
            metadata={"embedder": embedder},
            get_or_create=True,  # on a server another process may have been faster
            # The graph is never searched (cloud.py is exact), so it is kept cheap to build.
            configuration={"hnsw": {"space": "cosine", "ef_construction": 8, "max_neighbors": 4, **GRAPH}},
        )


def overwrite(folder: Path, embedder: str, ids: Sequence[str]) -> None:
    """Delete vectors so that their numbers are gone from graph, log and free pages. Nothing else may have it open."""
    client = connect(folder)
    try:
        _set(collection_of(client, folder, embedder), AT_ONCE)
    finally:
        client.close()
    client = connect(folder)
    try:
        collection = collection_of(client, folder, embedder)
        present = collection.get(ids=list(ids), include=["embeddings"])
        if present["ids"]:
            blank = [[1.0] * len(present["embeddings"][0])]
            # One victim is written twice: so many writes it takes to reach the graph before it is deleted there.
            for _ in range(2 if len(present["ids"]) == 1 else 1):
                collection.upsert(ids=present["ids"], embeddings=blank * len(present["ids"]))
            collection.query(query_embeddings=blank, n_results=1)
            collection.delete(ids=present["ids"])
            collection.query(query_embeddings=blank, n_results=1)
        _set(collection, GRAPH)
    finally:
        client.close()
    with sqlite3.connect(folder / "chroma.sqlite3") as db:
        db.execute("PRAGMA secure_delete = ON")
        db.execute("VACUUM")
    db.close()


def _set(collection: Any, graph: dict[str, int]) -> None:
    with warnings.catch_warnings():
        # It deprecates collections that name no embedding function, which is how they must be.
        warnings.simplefilter("ignore", DeprecationWarning)
        collection.modify(configuration={"hnsw": graph})


def _names_a_function(configuration: Any) -> bool:
    """Tell whether a stored configuration names a function that Chroma would load and call."""
    if isinstance(configuration, dict):
        parts = cast(dict[str, Any], configuration)
        return parts.get("type") == "known" or any(_names_a_function(part) for part in parts.values())
    return False
