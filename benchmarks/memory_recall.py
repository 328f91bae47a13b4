"""How much of the evidence for a question is among the first memories: LoCoMo, categories 1 to 4, evidence recall@10.

Every turn of a conversation is remembered as an episode at its time through the public interface, and every question
is asked of the store. Measured are the fixed weights; a ranker that was learned from the questions of the other
conversations (none is kept); and the fixed weights with recency and pruning switched on. Beside it, on the same turns:
MiniLM in Chroma alone, BM25 alone, and both fused by reciprocal ranks. The data (CC BY-NC) is read from
`../shared/data/locomo` and is no part of the project.
"""

import json
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

from _report import arguments, finish, table
from interlock.memory import Memory, PrunePolicy, ReadPolicy, WritePolicy
from interlock.memory.evidence import Candidates
from interlock.memory.ranker import learn_ranker
from interlock.memory.store import Store
from interlock.runtime.clock import ManualClock
from interlock.runtime.memories import Note, Owner

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "locomo" / "locomo-dev.json"
AT = 10
OPEN = WritePolicy(personal_data="keep", max_characters=100_000, per_hour=None)
WIDE = ReadPolicy(limit=60, min_score=0, tokens=None)
RRF_K = 60
RECENT = WIDE.model_copy(update={"recency": 0.03})
TIDY = PrunePolicy(capacity=1_000, alike=0.95, keep_closed_days=30)
KEPT_OF_TEN = 9
OURS, LEARNED = "interlock", "interlock, learned elsewhere"
AGED = "interlock, recency and pruning on"
PRUNED = "interlock, with room for nine turns in ten"
Seconds = tuple[float, float]
"""By the clock, and of this thread's CPU."""
Judged = tuple[Candidates, frozenset[str]]
"""A question's candidates, and the ids that answer it."""


@dataclass(frozen=True, kw_only=True)
class Question:
    text: str
    evidence: frozenset[int]
    category: int


@dataclass(frozen=True, kw_only=True)
class Conversation:
    notes: list[Note]
    questions: list[Question]


@dataclass(kw_only=True)
class Measured:
    """What was found, by system and by category; and how long it took."""

    recalls: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    categories: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    judged: list[list[Judged]] = field(default_factory=list[list[Judged]])
    """By conversation and question."""
    searched: list[Seconds] = field(default_factory=list[Seconds])
    written_ms: list[float] = field(default_factory=list[float])


def main() -> None:
    options = arguments(__doc__)
    if not DATA.exists():
        raise SystemExit(f"no data at {DATA}; see the header of this script")
    conversations = [read(raw) for raw in json.loads(DATA.read_text(encoding="utf-8"))]
    measured = Measured()
    with tempfile.TemporaryDirectory() as home:
        clock = ManualClock(min(note.valid_from for c in conversations for note in c.notes if note.valid_from))
        store = Memory(write=OPEN, read=WIDE).open(Path(home), clock)
        store.add(Note(text="the first text loads the model"), Owner(tenant="warm", user="up"))
        for number, conversation in enumerate(conversations):
            owner = Owner(tenant="locomo", user=f"conversation {number}")
            ask(store, owner, conversation, told(store, clock, owner, conversation, measured), measured)
        store.close()
    learned(measured)
    report(measured, as_json=options.json)


def told(
    store: Store, clock: ManualClock, owner: Owner, conversation: Conversation, measured: Measured
) -> dict[str, list[int]]:
    """Remember a conversation, each turn at its time; gives the turns of each memory."""
    turns: dict[str, list[int]] = defaultdict(list)
    began = time.process_time()
    number = 0
    for since, session in groupby(conversation.notes, key=lambda note: note.valid_from):
        clock.advance((since - clock.now()).total_seconds() if since else 0)
        for made in store.add_all(list(session), owner):
            turns[made.id].append(number)
            number += 1
    measured.written_ms.append(1000 * (time.process_time() - began) / number)
    return turns


def ask(
    store: Store, owner: Owner, conversation: Conversation, turns: dict[str, list[int]], measured: Measured
) -> None:
    """Ask all questions of all systems."""
    systems = baselines(conversation.notes)
    room = len(turns) * KEPT_OF_TEN // 10
    pruned = {gone.id for gone in store.prune(owner, PrunePolicy(capacity=room), dry_run=True).removed}
    store.prune(owner, TIDY)
    measured.judged.append([])
    for question in conversation.questions:
        candidates = store.candidates(question.text, owner)
        answers = frozenset(id for id, numbers in turns.items() if not question.evidence.isdisjoint(numbers))
        measured.judged[-1].append((candidates, answers))
        wall, cpu = time.perf_counter(), time.thread_time()
        ids = [item.id for item in store.search(question.text, owner).items]
        measured.searched.append((time.perf_counter() - wall, time.thread_time() - cpu))
        recent = [item.id for item in store.search(question.text, owner, RECENT).items]
        answered = {OURS: ids, AGED: recent, PRUNED: [id for id in recent if id not in pruned]}
        for name, found_ids in answered.items():
            measured.recalls[name].append(found([n for id in found_ids for n in turns[id]], question))
        measured.categories[question.category].append(measured.recalls[OURS][-1])
        for name, system in systems.items():
            measured.recalls[name].append(found(system(question.text), question))


def learned(measured: Measured) -> None:
    """Learn from all conversations but one, and rank the candidates of that one."""
    for held_out, questions in enumerate(measured.judged):
        others = [one for n, conversation in enumerate(measured.judged) for one in conversation if n != held_out]
        ranker = learn_ranker(others)
        for candidates, answers in questions:
            first = [candidates.ids[place] for place in ranker.order(candidates)[:AT]]
            measured.recalls[LEARNED].append(len(answers.intersection(first)) / len(answers))


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


def report(measured: Measured, *, as_json: bool) -> None:
    recalls, categories = measured.recalls, measured.categories
    rows = [(name, f"{100 * mean(values):.1f}") for name, values in sorted(recalls.items(), key=lambda r: mean(r[1]))]
    rows += [(f"{OURS}: category {c}", f"{100 * mean(values):.1f}") for c, values in sorted(categories.items())]
    clock, cpu = (spread(taken) for taken in zip(*measured.searched, strict=True))
    note = (
        f"{len(measured.searched)} questions; search {clock[0]} ms p50, {clock[1]} p95 by the clock,"
        f" {cpu[0]} and {cpu[1]} of CPU; {mean(measured.written_ms):.1f} ms CPU a written turn"
    )
    table("LoCoMo, evidence recall@10, %", ("system", "R@10"), rows, note=note)
    figures = {
        "recall_at_10": {name: round(100 * mean(values), 2) for name, values in recalls.items()},
        "by_category": {str(c): round(100 * mean(v), 2) for c, v in sorted(categories.items())},
        "questions": len(measured.searched),
        "search_ms_p50_p95": clock,
        "search_cpu_ms_p50_p95": cpu,
        "write_cpu_ms": round(mean(measured.written_ms), 2),
    }
    finish(figures, as_json=as_json)


def spread(seconds: Sequence[float]) -> tuple[float, float]:
    """Give median and 95th percentile in milliseconds."""
    return round(1000 * median(seconds), 2), round(1000 * quantiles(seconds, n=20)[-1], 2)


if __name__ == "__main__":
    main()
