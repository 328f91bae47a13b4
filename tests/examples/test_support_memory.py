"""What the support agent remembers from one conversation for the next, and why it does not remember more."""

from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.examples.conftest import EXAMPLES

from interlock import Caller, Session
from interlock.memory import Memory
from interlock.memory.records import Record
from interlock.runtime.home import Home
from interlock.runtime.memories import Note, Owner
from interlock.runtime.records import Label
from interlock.serving.memories import explained

MIRA = Caller(user="7")
ARTICLE = "Standard delivery takes two to four working days after the parcel leaves the harbour warehouse."


@pytest.fixture
async def home(tmp_path: Path, database: Path) -> AsyncIterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.close()


async def said(home: Home, thread: str, text: str) -> Any:
    graph = import_module("support.agent").graph
    async with Session(graph, home=home, user="7", thread=thread) as session:
        return await session.send(text)


def remembered(home: Home) -> tuple[Record, ...]:
    store = Memory().open(home.path, home.clock)
    found = store.list(Owner(tenant="default", user="7"), everything=True)
    store.close()
    return found


async def test_a_preference_is_used_in_another_thread_and_superseded_in_a_third(home: Home) -> None:
    await said(home, "one", "I prefer e-mail.")
    assert "I prefer e-mail" in (await said(home, "two", "How do you contact me?")).text

    await said(home, "three", "Actually, text messages are better.")

    new, old = remembered(home)
    assert (old.text, old.superseded_by, old.state(home.clock.now())) == ("I prefer e-mail.", new.id, "closed")
    assert "text messages" in (await said(home, "four", "How do you contact me?")).text.casefold()


async def test_what_a_customer_tells_of_their_health_waits_for_a_lead(home: Home) -> None:
    reply = await said(home, "one", "I'm allergic to nuts.")

    assert reply.status == "waiting"
    assert [(asked["tool"], asked["roles"]) for asked in reply.approvals] == [("write_memory", ["lead"])]
    assert remembered(home) == ()


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (Note(text=ARTICLE, said_by="tool", label=Label(integrity="untrusted", sources=("search_help",))),
         "speaker-not-allowed"),
        (Note(text=ARTICLE, said_by="agent", label=Label(integrity="untrusted", sources=("search_help",))),
         "untrusted-source"),
        (Note(text="I take insulin.", sensitivity="personal"), "needs-approval"),
        (Note(text="We spoke about parcels.", kind="episode"), "kind-not-kept"),
        (Note(text="I prefer letters.", kind="preference"), "kept"),
    ],
)  # fmt: skip
def test_explain_tells_why_something_is_not_stored(tmp_path: Path, database: Path, note: Note, code: str) -> None:
    found = explained(note, home=tmp_path / "home", agent=str(EXAMPLES / "support"), caller=MIRA)

    assert found.code == code
    assert not (tmp_path / "home").exists()
