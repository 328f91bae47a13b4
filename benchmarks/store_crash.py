"""Whether a store's items survive kill -9: acknowledged writes that are lost, or not found by meaning.

In each trial a process writes, changes and deletes items and says when each is acknowledged, until it is killed at a
random moment. Then another opens the same folder, reads every item and searches for all by meaning. What was begun and
not acknowledged may be there or not, and is not counted. Now and then a second process tries to write while the first
one does.
"""

import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from _process import in_a_process
from _report import arguments, finish, table
from _vectors import RandomEmbedder
from interlock.memory import ChromaStore
from interlock.runtime.errors import MemoryBusy

EMBEDDER = RandomEmbedder()
LONGEST_S = 0.5
NAMES = 5
EVERY = 10
LATEST = 10
EXACT = 0.999
ALL = 1_000_000


def main() -> None:
    options = arguments(__doc__, trials=200)
    chance = random.Random(0)  # noqa: S311  # moments to kill at, not a secret
    count: Counter[str] = Counter(acknowledged=0, lost=0, unseen=0, risen=0, tried=0, refused=0)
    known: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for trial in range(options.trials):
            said, refused = trial_run(Path(folder), trial, chance.uniform(0.0, LONGEST_S))
            count["tried"] += refused is not None
            count["refused"] += bool(refused)
            doubtful = settled(said, known)
            count["acknowledged"] += sum(line[0] == "did" for line in said)
            there, seen = in_a_process(partial(after, Path(folder)))
            judged = {key: text for key, text in known.items() if key not in doubtful}
            count["lost"] += sum(there.get(key) != text for key, text in judged.items())
            count["unseen"] += len(judged.keys() - seen)
            count["risen"] += len(there.keys() - known.keys() - doubtful)
            known = there
    names = {
        "acknowledged": "acknowledged writes, changes and deletions",
        "lost": "of these lost",
        "unseen": "items not found by meaning",
        "risen": "deleted and risen again",
    }
    rows = [("kills", f"{options.trials}"), *((shown, f"{count[name]}") for name, shown in names.items())]
    rows += [
        ("items at the end", f"{len(known)}"),
        ("second writers refused", f"{count['refused']} of {count['tried']}"),
    ]
    table("A store and kill -9", ("", ""), rows)
    finish({"trials": options.trials, **count}, as_json=options.json)


def opened(folder: Path) -> ChromaStore:
    return ChromaStore(folder, index={"dims": EMBEDDER.dimensions, "embed": embed, "fields": ["text"]}, wait_s=0.0)


def embed(texts: Sequence[str]) -> list[list[float]]:
    found: list[list[float]] = EMBEDDER.embed(texts).tolist()
    return found


def settled(said: Iterable[list[str]], known: dict[str, str]) -> set[str]:
    """Take over what was acknowledged; gives the keys of what was begun and not."""
    begun: set[str] = set()
    for what, key, *text in said:
        if what == "begins":
            begun.add(key)
            continue
        begun.discard(key)
        if text:
            known[key] = text[0]
        else:
            known.pop(key, None)
    return begun


def after(folder: Path) -> tuple[Mapping[str, str], list[str]]:
    """Open what a killed process left, as anyone would: every item's text by key, and the keys found by meaning.

    The latest must be found by their own texts, too: their vectors may not be those of what they said before.
    """
    with opened(folder) as store:
        seen = {item.key for item in store.search((), query="whatever there is", limit=ALL) if item.score is not None}
        there = {item.key: item.value["text"] for item in store.search((), limit=ALL)}
        for key, text in list(there.items())[:LATEST]:
            (best,) = store.search((), query=text, limit=1)
            if best.key != key or (best.score or 0.0) < EXACT:
                seen.discard(key)
    return there, [*seen]


def trial_run(folder: Path, trial: int, seconds: float) -> tuple[list[list[str]], bool | None]:
    """Let a process write until it is killed; gives what it said, and whether a second writer was refused, if tried."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        write(folder, trial, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as lines:
        first = lines.readline(), lines.readline()
        refused = in_a_process(partial(second_is_refused, folder)) if trial % EVERY == 0 else None
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return [line.rstrip("\n").split(" ", 2) for line in (*first, *lines) if line.endswith("\n")], refused


def write(folder: Path, trial: int, writing: int) -> None:
    store = opened(folder)
    for number in range(ALL):
        # Every third changes the item before it, every fifth deletes it.
        key = f"{trial}-{number - 1 if number % 3 == 2 or number % 5 == 4 else number}"
        name = (f"n{(int(key.partition('-')[2])) % NAMES}",)
        text = None if number % 5 == 4 else f"{key} as of {number}"
        os.write(writing, f"begins {key}\n".encode())
        if text is None:
            store.delete(name, key)
        else:
            store.put(name, key, {"text": text})
        os.write(writing, f"did {key} {text or ''}".rstrip().encode() + b"\n")


def second_is_refused(folder: Path) -> bool:
    try:
        opened(folder).put(("n0",), "second", {"text": "written by a second process"})
    except MemoryBusy:
        return True
    return False


if __name__ == "__main__":
    main()
