"""How much of the evidence for a question is among the first memories: LoCoMo, categories 1 to 4, evidence recall@10.

Every turn of a conversation is remembered as an episode through the public interface, and every question is asked of
the store. Beside it, on the same turns: MiniLM in Chroma alone, BM25 alone, and both fused by reciprocal ranks. The
data (CC BY-NC) is read from `../shared/data/locomo` and is no part of the project.
"""

import json
import re
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

from _report import arguments, finish, table
from interlock.memory import Memory, ReadPolicy, WritePolicy
from interlock.memory.store import Store
from interlock.runtime.clock import SystemClock
from interlock.runtime.memories import Note, Owner

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "locomo" / "locomo-dev.json"
AT = 10
OPEN = WritePolicy(personal_data="keep", max_characters=100_000, per_hour=None)
WIDE = ReadPolicy(limit=60, min_score=0, tokens=None)
RRF_K = 60


@dataclass(frozen=True, kw_only=True)
class Question:
    text: str
    evidence: frozenset[int]
    category: int


@dataclass(frozen=True, kw_only=True)
class Conversation:
    notes: list[Note]
    questions: list[Question]


def main() -> None:
    options = arguments(__doc__)
    if not DATA.exists():
        raise SystemExit(f"no data at {DATA}; see the header of this script")
    conversations = [read(raw) for raw in json.loads(DATA.read_text(encoding="utf-8"))]
    recalls: dict[str, list[float]] = defaultdict(list)
    categories: dict[int, list[float]] = defaultdict(list)
    searched: list[float] = []
    written: list[float] = []
    with tempfile.TemporaryDirectory() as home:
        store = Memory(write=OPEN, read=WIDE).open(Path(home), SystemClock())
        store.add(Note(text="the first text loads the model"), Owner(tenant="warm", user="up"))
        for number, conversation in enumerate(conversations):
            owner = Owner(tenant="locomo", user=f"conversation {number}")
            began = time.process_time()
            ids = [made.id for made in store.add_all(conversation.notes, owner)]
            written.append(1000 * (time.process_time() - began) / len(ids))
            systems = baselines(conversation.notes)
            for question in conversation.questions:
                began = time.perf_counter()
                ranked = ours(store, question.text, owner, ids)
                searched.append(1000 * (time.perf_counter() - began))
                categories[question.category].append(found(ranked, question))
                recalls["interlock"].append(categories[question.category][-1])
                for name, system in systems.items():
                    recalls[name].append(found(system(question.text), question))
        store.close()
    report(recalls, categories, searched, written, as_json=options.json)


def read(raw: dict[str, Any]) -> Conversation:
    """Read one conversation: every turn a note, and the questions with the turns that answer them."""
    notes: list[Note] = []
    numbers: dict[str, int] = {}
    session = 1
    while f"session_{session}" in raw["conversation"]:
        since = datetime.strptime(raw["conversation"][f"session_{session}_date_time"] + "Z", "%I:%M %p on %d %B, %Y%z")
        for turn in raw["conversation"][f"session_{session}"]:
            photo = f" [shares a photo: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            numbers[turn["dia_id"]] = len(notes)
            text = f"{turn['speaker']}: {turn['text']}{photo}"
            notes.append(Note(text=text, kind="episode", run=f"session {session}", valid_from=since))
        session += 1
    questions = [
        Question(text=qa["question"], evidence=evidence, category=qa["category"])
        for qa in raw["qa"]
        if qa["category"] in (1, 2, 3, 4)
        and (
            evidence := frozenset(
                numbers[id] for part in qa["evidence"] for id in re.split(r"[;\s]+", part) if id in numbers
            )
        )
    ]
    return Conversation(notes=notes, questions=questions)


def found(ranked: list[int], question: Question) -> float:
    return len(question.evidence & set(ranked[:AT])) / len(question.evidence)


def ours(store: Store, query: str, owner: Owner, ids: list[str]) -> list[int]:
    turns: dict[str, list[int]] = defaultdict(list)
    for number, id in enumerate(ids):
        turns[id].append(number)
    return [number for item in store.search(query, owner).items for number in turns[item.id]]


def baselines(notes: list[Note]) -> "dict[str, Any]":
    """Set up the usual systems on the same texts; each ranks all turns for a query."""
    import sqlite3
    import uuid

    import chromadb

    from interlock.runtime.models.embeddings import minilm

    texts = [note.text for note in notes]
    collection = chromadb.EphemeralClient().create_collection(
        f"c{uuid.uuid4().hex}", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
    )
    collection.add(ids=[str(i) for i in range(len(texts))], embeddings=list(minilm().embed(texts)))
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE texts USING fts5(text, tokenize = 'porter unicode61')")
    db.executemany("INSERT INTO texts (rowid, text) VALUES (?, ?)", enumerate(texts))

    def dense(query: str) -> list[int]:
        answer = collection.query(query_embeddings=list(minilm().embed([query])), n_results=min(200, len(texts)))
        return [int(id) for id in answer["ids"][0]]

    def words(query: str) -> list[int]:
        match = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", query))
        return [row[0] for row in db.execute("SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rank", (match,))]

    def fused(query: str) -> list[int]:
        scores: dict[int, float] = defaultdict(float)
        for ranked in (dense(query), words(query)):
            for place, number in enumerate(ranked):
                scores[number] += 1 / (RRF_K + place + 1)
        return sorted(scores, key=lambda number: -scores[number])

    return {"MiniLM in Chroma": dense, "BM25": words, "reciprocal ranks": fused}


def report(
    recalls: dict[str, list[float]],
    categories: dict[int, list[float]],
    searched: list[float],
    written: list[float],
    *,
    as_json: bool,
) -> None:
    rows = [(name, f"{100 * mean(values):.1f}") for name, values in sorted(recalls.items(), key=lambda r: mean(r[1]))]
    rows += [(f"  interlock, category {c}", f"{100 * mean(v):.1f}") for c, v in sorted(categories.items())]
    note = (
        f"{len(searched)} questions; search {median(searched):.1f} ms p50, {quantiles(searched, n=20)[-1]:.1f} ms p95; "
        f"{mean(written):.1f} ms CPU a written turn"
    )
    table("LoCoMo, evidence recall@10, %", ("system", "R@10"), rows, note=note)
    figures = {
        "recall_at_10": {name: round(100 * mean(values), 2) for name, values in recalls.items()},
        "by_category": {str(c): round(100 * mean(v), 2) for c, v in sorted(categories.items())},
        "questions": len(searched),
        "search_ms_p50": round(median(searched), 2),
        "search_ms_p95": round(quantiles(searched, n=20)[-1], 2),
        "write_cpu_ms": round(mean(written), 2),
    }
    finish(figures, as_json=as_json)


if __name__ == "__main__":
    main()
