"""Forgets a user in a home, and is killed at the n-th line of what erases: HOME N.

N = 0 kills nothing, and prints how many lines there were.
"""

import itertools
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.killed import Hashed, killing

from interlock import Agent
from interlock.graphs import tool_loop
from interlock.memory import Memory
from interlock.runtime.home import Home
from interlock.runtime.memories import Note, Owner
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.serving.forgetting import Forgetting
from interlock.serving.session import Session

ANN, BOB = Owner(tenant="default", user="ann"), Owner(tenant="default", user="bob")
PLACE = "Zermatt"
SAID = f"my hearing aid from {PLACE} whistles, so please write to me"
ERASING = ("serving/forgetting", "journal/erasing", "storage/checkpoint_erasing", "runtime/erasures", "memory/shelf.py",
           "memory/vectors.py", "memory/pending.py", "memory/places.py", "memory/files.py",
           "storage/sqlite.py")  # fmt: skip


def make_world(path: Path) -> None:
    """Let two users say something that is remembered of them."""
    home = Home(path)
    with opened(home) as forgetting:
        for owner in (ANN, BOB):
            text = SAID if owner is ANN else SAID.replace(PLACE, "Basel")
            talk(home, owner, text)
            forgetting.store.add_all([Note(text=text), Note(text=f"{text} in the morning")], owner)


def talk(home: Home, owner: Owner, text: str) -> None:
    """Let a user say something."""
    graph = tool_loop(Agent(name="a", model=ScriptedChatModel([f"Noted: {text}"])))
    Session(graph, home=home, user=owner.user, thread=f"t-{owner.user}").say(text)


@contextmanager
def opened(home: Home) -> Generator[Forgetting]:
    """Open a home for forgetting."""
    store = Memory(embedder=Hashed()).open(home.path, home.clock)
    try:
        yield Forgetting(home=home, store=store)
    finally:
        store.close()
        home.close()


if __name__ == "__main__":
    counted = itertools.count(1)
    with opened(Home(sys.argv[1])) as forgetting:
        sys.settrace(killing(int(sys.argv[2]), counted, ERASING))
        forgetting.forget(ANN)
        sys.settrace(None)
    print(next(counted) - 1)
