"""How long memory takes: one user with thousands of rows and MiniLM; a hundred tenants with a hundred thousand rows.

For the tenants vectors are drawn at random, so that embedding is not timed. Every answer is checked: each text names
its tenant, and one that another's query brings back is a leak. Queries hold other tenants' very words, ids and names.
"""

import random
import tempfile
import time
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

from _report import arguments, finish, table
from _vectors import RandomEmbedder
from interlock.memory import Memory, ReadPolicy, WritePolicy
from interlock.memory.store import Store
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
CHANCE = random.Random(0)  # noqa: S311  # the same texts every time, not a secret


def main() -> None:
    options = arguments(__doc__, rows=6_000, tenants=100, each=1_000, queries=20_000)
    one = one_user(options.rows)
    many = many_tenants(options.tenants, options.each, options.queries)
    rows = [
        ("one user, rows", f"{options.rows}"),
        ("  search with embedding, p50 / p95, ms", f"{one['search_ms_p50']:.1f} / {one['search_ms_p95']:.1f}"),
        ("  search with embedding, CPU, ms", f"{one['search_cpu_ms']:.1f}"),
        ("  write, CPU per row, ms", f"{one['write_cpu_ms']:.1f}"),
        ("tenants x rows", f"{options.tenants} x {options.each}"),
        ("  search without embedding, p50 / p95, ms", f"{many['search_ms_p50']:.2f} / {many['search_ms_p95']:.2f}"),
        ("  put, p50 / p95, ms", f"{many['put_ms_p50']:.1f} / {many['put_ms_p95']:.1f}"),
        ("  cross-tenant queries / leaks", f"{options.queries} / {many['leaks']}"),
    ]
    table("Memory, time", ("", ""), rows)
    finish({"one_user": one, "tenants": many}, as_json=options.json)


def sentence(number: int) -> str:
    return (
        f"On day {number} {CHANCE.choice(PLACES)} saw me as I {CHANCE.choice(VERBS)} the {CHANCE.choice(NOUNS)} and"
        f" {CHANCE.choice(VERBS)} a {CHANCE.choice(NOUNS)} near {CHANCE.choice(PLACES)}, which I liked very much."
    )


def question() -> str:
    return f"When was the {CHANCE.choice(NOUNS)} {CHANCE.choice(VERBS)} in {CHANCE.choice(PLACES)}?"


def one_user(rows: int) -> dict[str, float]:
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
        cpu = time.process_time()
        searched = [timed(store, text, owner) for text in questions[20:]]
        cpu = (time.process_time() - cpu) / len(searched)
        store.close()
    return figures(search=searched) | {"write_cpu_ms": round(1000 * written, 2), "search_cpu_ms": round(1000 * cpu, 2)}


def many_tenants(tenants: int, each: int, queries: int) -> dict[str, Any]:
    """Fill tenants that have everything in common but their rows, and query each with what is another's."""
    owners = [Owner(tenant=f"tenant {n}", user="u") for n in range(tenants)]
    ids: dict[int, list[str]] = {}
    with tempfile.TemporaryDirectory() as home:
        store = Memory(write=WRITE, read=READ, embedder=RandomEmbedder()).open(Path(home), SystemClock())
        for n, owner in enumerate(owners):
            notes = [Note(text=f"{sentence(i)} T{n}T") for i in range(each)]
            ids[n] = [made.id for made in store.add_all(notes, owner)]
        put: list[float] = []
        for number in range(300):
            n = number % 3
            began = time.perf_counter()
            store.add(Note(text=f"{sentence(each + number)} T{n}T"), owners[n])
            put.append(time.perf_counter() - began)
        searched: list[float] = []
        leaks = 0
        for number in range(queries):
            mine, other = number * tenants // queries, CHANCE.randrange(tenants)
            query = f"{question()} T{other}T {CHANCE.choice(ids[other])}"
            began = time.perf_counter()
            found = store.search(query, owners[mine])
            searched.append(time.perf_counter() - began)
            leaks += sum(not item.text.endswith(f"T{mine}T") for item in found.items)
        store.close()
    return figures(search=searched, put=put) | {"queries": queries, "leaks": leaks}


def timed(store: Store, query: str, owner: Owner) -> float:
    began = time.perf_counter()
    store.search(query, owner)
    return time.perf_counter() - began


def figures(**seconds: list[float]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, values in seconds.items():
        found[f"{name}_ms_p50"] = round(1000 * median(values), 3)
        found[f"{name}_ms_p95"] = round(1000 * quantiles(values, n=20)[-1], 3)
        found[f"{name}_ms_mean"] = round(1000 * mean(values), 3)
    return found


if __name__ == "__main__":
    main()
