"""Whether memories survive kill -9: acknowledged writes that are lost, or not found by their vectors.

In each trial a process writes memories one after the other and says when each is acknowledged, until it is killed at
a random moment. Then another opens the same home. In between, one trial in three also forgets.
"""

import os
import random
import signal
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import chromadb
import numpy as np

from _process import in_a_process
from _report import arguments, finish, table
from _vectors import RandomEmbedder
from interlock.memory import Memory, WritePolicy
from interlock.memory.layout import WriterLock, folder_of
from interlock.memory.store import Store
from interlock.runtime.clock import SystemClock
from interlock.runtime.errors import MemoryBusy
from interlock.runtime.memories import Note, Owner

OWNER = Owner(tenant="t", user="u")
LONGEST_S = 0.6
FORGETS = 3
SECOND_WRITERS = 20


def main() -> None:
    options = arguments(__doc__, trials=200)
    chance = random.Random(0)  # noqa: S311  # moments to kill at, not a secret
    count: Counter[str] = Counter(lost=0, unseen=0, risen=0, refused=0, tried=0)
    known: dict[str, str] = {}
    gone: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for trial in range(options.trials):
            told, erased = trial_run(home, trial, chance.uniform(0.0, LONGEST_S))
            known |= told
            gone |= erased
            count["acknowledged"] += len(told)
            there, seen = in_a_process(partial(after, home, known))
            count["risen"] += len(gone & {*there}) + len({*seen} - {*there})
            count["lost"] += len(known.keys() - gone - {*there})
            count["unseen"] += len(known.keys() & {*there} - {*seen})
            if trial % SECOND_WRITERS == 0:
                count["tried"] += 1
                count["refused"] += second_writer_refused(home)
    rows = [
        ("kills", f"{options.trials}"),
        ("acknowledged writes", f"{count['acknowledged']}"),
        ("of these lost", f"{count['lost']}"),
        ("of these missing from the vectors", f"{count['unseen']}"),
        ("forgotten and risen again", f"{count['risen']}"),
        ("second writers refused", f"{count['refused']} of {count['tried']}"),
    ]
    table("Memories and kill -9", ("", ""), rows)
    figures = {"trials": options.trials, **count}
    finish(figures, as_json=options.json)


def opened(home: Path) -> Store:
    return Memory(write=WritePolicy(per_hour=None, personal_data="keep"), embedder=RandomEmbedder()).open(
        home, SystemClock()
    )


def after(home: Path, known: dict[str, str]) -> tuple[list[str], list[str]]:
    """Open what a killed process left, as anyone would, and look at it: ids in the table, and with the right vector."""
    store = opened(home)
    store.search("whatever there is", OWNER)
    there = [record.id for record in store.list(OWNER, everything=True, limit=-1)]
    with store.shelf(OWNER) as shelf:
        ids = {str(row["row"]): row["id"] for row in shelf.truth.rows("SELECT row, id FROM memories")}
    store.close()
    client: Any = chromadb.PersistentClient(str(folder_of(home, OWNER.tenant, OWNER.user) / "vectors"))
    found = client.get_collection("memories", embedding_function=None).get(include=["embeddings"])
    client.close()
    seen = [(ids.get(row, row), vector) for row, vector in zip(found["ids"], found["embeddings"], strict=True)]
    return there, [id for id, vector in seen if id not in known or alike(vector, known[id])]


def alike(vector: Any, text: str) -> bool:
    return bool(np.allclose(vector, RandomEmbedder().embed([text])[0], atol=1e-5))


def trial_run(home: Path, trial: int, seconds: float) -> tuple[dict[str, str], set[str]]:
    """Let a process write until it is killed; gives what it acknowledged, and what it said it had begun to forget."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        write(home, trial, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as lines:
        first = lines.readline()
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        said = [line.split(" ", 2) for line in [first, *lines] if line.endswith("\n")]
    told = {id: text.strip() for what, id, text in said if what == "kept"}
    gone = {id for what, id, _ in said if what == "forgotten"}
    # Killed in the midst of forgetting it may be there or not: it is not counted.
    doubtful = {id for what, id, _ in said if what == "forgetting"} - gone
    return {id: text for id, text in told.items() if id not in doubtful}, gone


def write(home: Path, trial: int, writing: int) -> None:
    store = opened(home)
    for number in range(1_000_000):
        text = f"trial {trial} note {number} " + " ".join(f"{trial * 7_919 + number * 31 + i:x}" for i in range(12))
        made = store.add(Note(text=text, kind="episode", run=f"{trial}"), OWNER)
        os.write(writing, f"kept {made.id} {text}\n".encode())
        if trial % FORGETS == 0 and number % 5 == 4:
            os.write(writing, f"forgetting {made.id} -\n".encode())
            store.forget(OWNER, id=made.id)
            os.write(writing, f"forgotten {made.id} -\n".encode())


def second_writer_refused(home: Path) -> bool:
    """While one process writes, let another try."""
    lock = WriterLock(folder_of(home, OWNER.tenant, OWNER.user))
    lock.acquire()
    child = os.fork()
    if not child:
        os._exit(_refused(home))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    lock.release()
    return status == 0


def _refused(home: Path) -> int:
    try:
        opened(home).add(Note(text="written by a second process"), OWNER)
    except MemoryBusy:
        return 0
    return 1


if __name__ == "__main__":
    main()
