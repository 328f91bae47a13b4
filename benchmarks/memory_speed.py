"""How long memory takes: one user with thousands of rows and MiniLM; a hundred tenants with a hundred thousand rows.

For the tenants vectors are drawn at random and before the clock starts, so that embedding is not timed. Each is asked
in turn, and every answer is checked: each text names its tenant, and one that another's query brings back is a leak.
CPU time stands beside time by the clock, which other programs lengthen.
"""

import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any, TypeVar

from _report import arguments, finish, table
from _vectors import RandomEmbedder
from interlock.memory import Memory, ReadPolicy, WritePolicy, learn_ranker
from interlock.runtime.clock import SystemClock
from interlock.runtime.memories import Note, Owner
from interlock.runtime.models.embeddings import minilm

WRITE = WritePolicy(per_hour=None, personal_data="keep")
READ = ReadPolicy(limit=10, min_score=0, tokens=None)
NOUNS, VERBS, PLACES = (
    words.split()
    for words in (
        "order parcel garden river teacher bicycle kitchen holiday doctor window letter music winter dinner station",
        "bought lost found painted repaired wanted missed visited cleaned described ordered returned sold packed",
        "Oslo Rome Berlin Lisbon Vienna Prague Madrid Dublin Athens Warsaw Paris London Bern Riga Malta Genoa",
    )
)
T = TypeVar("T")
Sample = tuple[float, float]
CHANCE = random.Random(0)  # noqa: S311  # the same texts every time, not a secret


def main() -> None:
    options = arguments(__doc__, rows=6_000, tenants=100, each=1_000, queries=20_000)
    one = one_user(options.rows)
    many = many_tenants(options.tenants, options.each, options.queries)
    rows = [
        (f"one user, {options.rows} rows: search with embedding", *shown(one["search"])),
        ("  the same, with a ranker that was learned", *shown(one["ranked"])),
        ("  write, CPU per row", "", "", f"{one['write_cpu_ms']:.1f}", ""),
        (f"{options.tenants} tenants, {options.each} rows each: search without embedding", *shown(many["search"])),
        ("  the first search of each", *shown(many["first"])),
        ("  put, to tenants that are written to", *shown(many["put"])),
        ("  put, to tenants that were idle", *shown(many["put_idle"])),
    ]
    header = ("", "p50 ms", "p95 ms", "p50 CPU ms", "p95 CPU ms")
    table(
        "Memory, time", header, rows, note=f"answers with another tenant's rows: {many['leaks']} of {options.queries}"
    )
    finish({"one_user": one, "tenants": many}, as_json=options.json)


def sentence(number: int) -> str:
    return (
        f"On day {number} {CHANCE.choice(PLACES)} saw me as I {CHANCE.choice(VERBS)} the {CHANCE.choice(NOUNS)} and"
        f" {CHANCE.choice(VERBS)} a {CHANCE.choice(NOUNS)} near {CHANCE.choice(PLACES)}, which I liked very much."
    )


def question() -> str:
    return f"When was the {CHANCE.choice(NOUNS)} {CHANCE.choice(VERBS)} in {CHANCE.choice(PLACES)}?"


def one_user(rows: int) -> dict[str, Any]:
    """Remember as a conversation is remembered, and ask as it is asked."""
    owner = Owner(tenant="t", user="u")
    with tempfile.TemporaryDirectory() as home:
        store = Memory(write=WRITE, read=READ).open(Path(home), SystemClock())
        minilm().embed(["the first text loads the model"])
        began = time.process_time()
        for start in range(0, rows, 500):
            notes = [
                Note(text=sentence(n), kind="episode", run=f"{start}") for n in range(start, min(rows, start + 500))
            ]
            store.add_all(notes, owner)
        written = (time.process_time() - began) / rows
        questions = [f"{question()} {n}" for n in range(220)]
        for text in questions[:20]:
            store.search(text, owner)
        searched = [timed(partial(store.search, text, owner))[0] for text in questions[20:]]
        judged = [(found, found.ids[:1]) for text in questions[:20] if (found := store.candidates(text, owner)).ids]
        ranked = READ.model_copy(update={"ranker": learn_ranker(judged)})
        asked = [f"{question()} {n}?" for n in range(200)]  # others, for a query's vectors are kept
        learned = [timed(partial(store.search, text, owner, ranked))[0] for text in asked]
        store.close()
    return {"search": figures(searched), "ranked": figures(learned), "write_cpu_ms": round(1000 * written, 2)}


def many_tenants(tenants: int, each: int, queries: int) -> dict[str, Any]:
    """Fill tenants that have everything in common but their rows, and ask each for what is another's."""
    owners = [Owner(tenant=f"tenant {n}", user="u") for n in range(tenants)]
    ids: dict[int, list[str]] = {}
    embedder = RandomEmbedder()
    with tempfile.TemporaryDirectory() as home:
        store = Memory(write=WRITE, read=READ, embedder=embedder).open(Path(home), SystemClock())
        for n, owner in enumerate(owners):
            ids[n] = [made.id for made in store.add_all([numbered(i, n) for i in range(each)], owner)]
        idle = [timed(partial(store.add, numbered(each, n), owners[n]))[0] for n in range(min(30, tenants))]
        put = [timed(partial(store.add, numbered(each + 1 + i, i % 3), owners[i % 3]))[0] for i in range(300)]
        store.close()
        store = Memory(write=WRITE, read=READ, embedder=embedder).open(Path(home), SystemClock())
        searched: list[Sample] = []
        leaks = 0
        for number in range(queries):
            mine, other = number % tenants, CHANCE.randrange(tenants)
            query = f"{question()} T{other}T {CHANCE.choice(ids[other])}"
            embedder.embed([query])
            sample, found = timed(partial(store.search, query, owners[mine]))
            searched.append(sample)
            leaks += any(not item.text.endswith(f"T{mine}T") for item in found.items)
        store.close()
    return {
        "search": figures(searched[tenants:]),
        "first": figures(searched[:tenants]),
        "put": figures(put),
        "put_idle": figures(idle),
        "leaks": leaks,
    }


def numbered(number: int, tenant: int) -> Note:
    return Note(text=f"{sentence(number)} T{tenant}T")


def timed(do: "Callable[[], T]") -> "tuple[Sample, T]":
    """Do it; gives its seconds by the clock and of this thread's CPU."""
    wall, cpu = time.perf_counter(), time.thread_time()
    result = do()
    return (time.perf_counter() - wall, time.thread_time() - cpu), result


def figures(samples: "list[Sample]") -> dict[str, float]:
    found: dict[str, float] = {}
    for unit, values in zip(("ms", "cpu_ms"), zip(*samples, strict=True), strict=True):
        found[f"{unit}_p50"] = round(1000 * median(values), 3)
        found[f"{unit}_p95"] = round(1000 * quantiles(values, n=20)[-1], 3)
    return found


def shown(found: dict[str, float]) -> list[str]:
    return [f"{found[name]:.2f}" for name in ("ms_p50", "ms_p95", "cpu_ms_p50", "cpu_ms_p95")]


if __name__ == "__main__":
    main()
