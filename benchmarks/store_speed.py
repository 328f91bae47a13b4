"""How long stores take with a hundred namespaces of a thousand items each, embedding left out.

Vectors are drawn at random and before the clock starts. Every answer is checked: each item names its namespace, and one
that another's search brings back is a leak. The peers, left out with `--peers 0`, are LangGraph's store in main memory,
LangGraph's in SQLite where Python can load its vectors, and Chroma alone with a filter. CPU time stands beside time by
the clock, which other programs lengthen.
"""

import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Protocol

import chromadb
from chromadb.config import Settings
from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore, PutOp
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore

from _report import arguments, finish, table
from _vectors import RandomEmbedder
from interlock.memory import ChromaStore

CHANCE = random.Random(0)  # noqa: S311  # the same texts every time, not a secret
TIMED = ("first search", "search", "put")
HEADER = ("", "p50 ms", "p95 ms", "p50 CPU ms", "p95 CPU ms")
Sample = tuple[float, float]


class Drawn(Embeddings):
    """Vectors at random, kept, so that asking for one costs next to nothing."""

    def __init__(self) -> None:
        self.known: dict[str, list[float]] = {}

    def prepare(self, texts: Sequence[str]) -> None:
        self.known |= dict(zip(texts, RandomEmbedder().embed(texts), strict=True))

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if new := [text for text in texts if text not in self.known]:
            self.prepare(new)
        return [self.known[text] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


class Kind(Protocol):
    """One way to keep items and find them."""

    def fill(self, name: str, texts: Sequence[str]) -> None: ...
    def put(self, name: str, key: str, text: str) -> None: ...
    def search(self, name: str, query: str) -> list[str]: ...
    def close(self) -> None: ...


class Store:
    """A LangGraph store."""

    def __init__(self, store: BaseStore, close: Callable[[], Any]) -> None:
        self._store, self.close = store, close

    def fill(self, name: str, texts: Sequence[str]) -> None:
        self._store.batch([PutOp((name,), f"k{n}", {"text": text}) for n, text in enumerate(texts)])

    def put(self, name: str, key: str, text: str) -> None:
        self._store.put((name,), key, {"text": text})

    def search(self, name: str, query: str) -> list[str]:
        return [item.value["text"] for item in self._store.search((name,), query=query, limit=10)]


class Bare:
    """Chroma alone: one collection, the namespace as metadata."""

    def __init__(self, folder: Path, embed: Drawn) -> None:
        self._client: Any = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
        self._items = self._client.create_collection("items", embedding_function=None)
        self._embed = embed
        self.close = self._client.close

    def fill(self, name: str, texts: Sequence[str]) -> None:
        self._write(name, [f"{name} k{n}" for n in range(len(texts))], texts)

    def put(self, name: str, key: str, text: str) -> None:
        self._write(name, [f"{name} {key}"], [text])

    def search(self, name: str, query: str) -> list[str]:
        asked = [self._embed.embed_query(query)]
        found: list[str] = self._items.query(query_embeddings=asked, n_results=10, where={"of": name})["documents"][0]
        return found

    def _write(self, name: str, ids: Sequence[str], texts: Sequence[str]) -> None:
        vectors = self._embed.embed_documents([*texts])
        about = [{"of": name}] * len(ids)
        self._items.upsert(ids=[*ids], embeddings=vectors, metadatas=about, documents=[*texts])


def main() -> None:
    options = arguments(__doc__, namespaces=100, each=1_000, queries=2_000, puts=1_000, peers=1)
    names = [f"namespace {n}" for n in range(options.namespaces)]
    texts = {name: [f"{name}: note {n} {CHANCE.random()}" for n in range(options.each)] for name in names}
    embed = Drawn()
    for many in texts.values():
        embed.prepare(many)
    found: dict[str, Any] = {}
    for kind, open_ in list(kinds(embed).items())[: None if options.peers else 1]:
        with tempfile.TemporaryDirectory() as folder:
            opened = open_(Path(folder))
            found[kind] = measured(opened, texts, options.queries, options.puts)
            opened.close()
    rows = [
        (f"{kind}: {what}", *shown(found[kind][what])) for kind in found for what in ("first search", "search", "put")
    ]
    leaks = ", ".join(f"{kind} {figures['leaks']}" for kind, figures in found.items())
    header = ("", "p50 ms", "p95 ms", "p50 CPU ms", "p95 CPU ms")
    table(
        f"Stores, {options.namespaces} × {options.each} items",
        header,
        rows,
        note=f"answers with another's items: {leaks}",
    )
    finish(found, as_json=options.json)


def kinds(embed: Drawn) -> Mapping[str, Callable[[Path], Kind]]:
    index: Any = {"dims": RandomEmbedder.dimensions, "embed": embed, "fields": ["text"]}

    def chroma(folder: Path) -> Kind:
        store = ChromaStore(folder, index=index)
        return Store(store, store.close)

    def memory(_: Path) -> Kind:
        return Store(InMemoryStore(index=index), lambda: None)

    def sqlite(folder: Path) -> Kind:
        opened = SqliteStore.from_conn_string(str(folder / "store.db"), index=index | {"text_fields": ["text"]})
        store = opened.__enter__()
        store.setup()
        return Store(store, lambda: opened.__exit__(None, None, None))

    def bare(folder: Path) -> Kind:
        return Bare(folder, embed)

    found: dict[str, Callable[[Path], Kind]] = {"ChromaStore": chroma, "InMemoryStore": memory}
    if hasattr(sqlite3.Connection, "enable_load_extension"):
        found["SqliteStore"] = sqlite
    return found | {"Chroma with a filter": bare}


def measured(store: Kind, texts: Mapping[str, Sequence[str]], queries: int, puts: int) -> dict[str, Any]:
    names = list(texts)
    for name in names:
        store.fill(name, texts[name])
    first = [timed(lambda name=name: store.search(name, texts[name][0])) for name in names]
    leaks, searched = 0, list[Sample]()
    for _ in range(queries):
        name, other = CHANCE.choice(names), CHANCE.choice(names)
        query, answer = CHANCE.choice(texts[other]), list[str]()
        searched.append(timed(lambda: answer.extend(store.search(name, query))))  # noqa: B023  # called at once
        leaks += sum(not text.startswith(f"{name}:") for text in answer)
    put = [timed(lambda n=n: store.put(names[n % len(names)], f"new {n}", texts[names[0]][n])) for n in range(puts)]
    return {"first search": figures(first), "search": figures(searched), "put": figures(put), "leaks": leaks}


def timed(do: Callable[[], Any]) -> Sample:
    began, cpu = time.perf_counter(), time.process_time()
    do()
    return time.perf_counter() - began, time.process_time() - cpu


def figures(samples: Sequence[Sample]) -> dict[str, float]:
    clock, cpu = zip(*samples, strict=True)
    named = {"ms": clock, "cpu_ms": cpu}
    p50 = {f"{name}_p50": round(1000 * median(values), 3) for name, values in named.items()}
    return p50 | {f"{name}_p95": round(1000 * quantiles(values, n=20)[-1], 3) for name, values in named.items()}


def shown(found: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(f"{found[name]:.2f}" for name in ("ms_p50", "ms_p95", "cpu_ms_p50", "cpu_ms_p95"))


if __name__ == "__main__":
    main()
