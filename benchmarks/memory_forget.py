"""What forgetting leaves on disk, and how long it takes: victims among many memories of one user, told in real runs.

Every victim was also said in a run, so that its text lies in the journal and in checkpoints, too; another user has said
as much. After the victims are forgotten, every file of the home is searched for their texts (any eight words in a row)
and for their vectors (any 16 numbers in a row, to one part in a million). Beside it: Chroma alone, with texts in it,
after `delete`.
"""

import random
import tempfile
import time
from pathlib import Path
from typing import Any

import chromadb
import numpy as np

from _report import arguments, finish, table
from _vectors import RandomEmbedder
from interlock import Agent
from interlock.graphs import tool_loop
from interlock.memory import Memory, WritePolicy
from interlock.memory.layout import folder_of
from interlock.memory.store import Store
from interlock.runtime.clock import SystemClock
from interlock.runtime.home import Home
from interlock.runtime.journal.audit import verify as audit
from interlock.runtime.memories import Note, Owner
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.serving.forgetting import Forgetting, verify
from interlock.serving.session import Session

OWNER, OTHER = Owner(tenant="t", user="u"), Owner(tenant="t", user="other")
WORDS = [
    a + b + c for a in ("ba", "do", "ki", "lu", "me") for b in ("ra", "ti", "no", "su") for c in ("n", "x", "lis", "mo")
]
PAGE = 2_000
RUN, AT_ONCE = 16, 8


def main() -> None:
    options = arguments(__doc__, rows=10_000, victims=50)
    chance = random.Random(0)  # noqa: S311  # the same texts every time, not a secret
    texts = [" ".join(chance.choices(WORDS, k=24)) for _ in range(options.rows)]
    victims = texts[:: max(1, options.rows // options.victims)][: options.victims]
    embedder = RandomEmbedder()
    vectors = embedder.embed(victims)
    with tempfile.TemporaryDirectory() as folder:
        chroma = delete_in_chroma(Path(folder), texts, victims, embedder)
        chroma_left = left(Path(folder), victims, vectors)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        store = Memory(write=WritePolicy(per_hour=None), embedder=embedder).open(folder / "home", SystemClock())
        home = Home(store.home)
        ids = fill(store, texts)
        said = [say(home, OWNER, text) for text in victims]
        others = [say(home, OTHER, f"nothing of theirs, number {n}") for n in range(options.victims)]
        before = rest(store, set(victims)), of_others(home, others)
        lay = left(home.path, victims, vectors)
        began, worked = time.perf_counter(), time.process_time()
        receipt = Forgetting(home=home, store=store).forget(OWNER, id=[ids[text] for text in victims]).receipt
        took, work = time.perf_counter() - began, time.process_time() - worked
        ours_left = left(home.path, victims, vectors)
        assert receipt is not None
        began = time.perf_counter()
        verified = verify(home, store, receipt)
        checked = time.perf_counter() - began
        untouched = (rest(store, set()), of_others(home, others)) == before
        audited = audit(home.database)
        store.close()
    rows = [
        ("Chroma, delete", f"{chroma_left[0]}", f"{chroma_left[1]}", f"{chroma:.2f}", ""),
        ("interlock, before", f"{lay[0]}", f"{lay[1]}", "", ""),
        ("interlock, forget", f"{ours_left[0]}", f"{ours_left[1]}", f"{took:.2f}", f"{work:.2f}"),
    ]
    note = (
        f"{len(said)} runs of theirs, {len(others)} of another user; other rows untouched: {untouched}; "
        f"receipt verifies: {verified.ok}, in {checked:.2f} s; journal whole: {audited.ok}, {audited.erased} erased"
    )
    title = f"{len(victims)} of {options.rows} memories forgotten"
    table(title, ("", "text hits", "vector hits", "seconds", "CPU"), rows, note=note)
    figures = {
        "rows": options.rows,
        "victims": len(victims),
        "chroma": {"text_hits": chroma_left[0], "vector_hits": chroma_left[1], "seconds": round(chroma, 3)},
        "interlock": {"text_hits": ours_left[0], "vector_hits": ours_left[1], "seconds": round(took, 3),
                      "cpu_seconds": round(work, 3)},
        "before": {"text_hits": lay[0], "vector_hits": lay[1]},
        "others_untouched": untouched,
        "verified": verified.ok,
        "verify_seconds": round(checked, 3),
        "journal_whole": audited.ok,
        "payloads_erased": audited.erased,
    }  # fmt: skip
    finish(figures, as_json=options.json)


def say(home: Home, owner: Owner, text: str) -> str:
    """Let a user say something to an agent, and give the run's id."""
    graph = tool_loop(Agent(name="a", model=ScriptedChatModel([f"Noted: {text}"])))
    return Session(graph, home=home, user=owner.user, tenant=owner.tenant).say(text).run


def of_others(home: Home, runs: list[str]) -> list[str]:
    """Take down what the journal tells of runs, content too."""
    return [repr(entry) for run in runs for entry in home.journal.of_run(run)]


def fill(store: Store, texts: list[str]) -> dict[str, str]:
    ids: dict[str, str] = {}
    for start in range(0, len(texts), PAGE):
        page = texts[start : start + PAGE]
        made = store.add_all([Note(text=text, kind="episode", run=f"{start}") for text in page], OWNER)
        ids |= {text: written.id for text, written in zip(page, made, strict=True)}
    return ids


def rest(store: Store, without: set[str]) -> dict[str, Any]:
    """Take down everything that must stay: each record, and its vector."""
    records = {r.id: r.model_dump_json() for r in store.list(OWNER, everything=True, limit=-1) if r.text not in without}
    with store.shelf(OWNER) as shelf:
        rows = {str(row["row"]): row["id"] for row in shelf.truth.rows("SELECT row, id FROM memories")}
    store.close()
    client: Any = chromadb.PersistentClient(str(folder_of(store.home, OWNER.tenant, OWNER.user) / "vectors"))
    found = client.get_collection("memories", embedding_function=None).get(include=["embeddings"])
    # Rounded, because Chroma scales a vector again when it moves from the log to the graph.
    pairs: list[tuple[str, Any]] = list(zip(found["ids"], found["embeddings"], strict=True))
    vectors: dict[str, bytes] = {rows[row]: np.round(vector, 6).tobytes() for row, vector in pairs}
    client.close()
    return {id: (record, vectors[id]) for id, record in records.items()}


def left(folder: Path, victims: list[str], vectors: Any) -> tuple[int, int]:
    """Count victims whose text, and victims whose vector, lies somewhere in the files of a folder."""
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    texts = sum(any(part in data for data in files for part in parts(victim)) for victim in victims)
    return texts, sum(any(holds(data, vector) for data in files) for vector in vectors)


def parts(text: str) -> list[bytes]:
    words = text.split()
    return [" ".join(words[i : i + AT_ONCE]).encode() for i in range(0, len(words) - AT_ONCE + 1, AT_ONCE)]


def holds(data: bytes, vector: Any) -> bool:
    """Tell whether bytes hold a run of a vector's numbers, at any alignment and up to rounding."""
    for shift in range(4):
        numbers = np.frombuffer(data[shift : shift + (len(data) - shift) // 4 * 4], dtype="<f4")
        with np.errstate(all="ignore"):
            for start in range(0, len(vector) - RUN, 4 * RUN):
                near = np.flatnonzero(np.abs(numbers[: len(numbers) - RUN] - vector[start]) < 1e-6)
                for place in near.tolist():
                    if np.allclose(numbers[place : place + RUN], vector[start : start + RUN], atol=1e-6):
                        return True
    return False


def delete_in_chroma(folder: Path, texts: list[str], victims: list[str], embedder: RandomEmbedder) -> float:
    client: Any = chromadb.PersistentClient(str(folder))
    collection = client.create_collection("memories", embedding_function=None)
    for start in range(0, len(texts), PAGE):
        page = texts[start : start + PAGE]
        vectors: Any = list(embedder.embed(page))
        collection.add(ids=page, documents=page, embeddings=vectors)
    began = time.perf_counter()
    collection.delete(ids=victims)
    took = time.perf_counter() - began
    client.close()
    return took


if __name__ == "__main__":
    main()
