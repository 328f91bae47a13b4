"""The journal: what is appended stays, and every change to it is found and named."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from pydantic import ValidationError
from sqlalchemy import delete

from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import HomeUnusable
from interlock.runtime.home import Home
from interlock.runtime.journal.audit import verify
from interlock.runtime.journal.events import KINDS, Event, Noted, Replied, RunEnded, Unknown, read_event
from interlock.runtime.journal.journal import Journal, Scope, blanks, payloads
from interlock.runtime.journal.prompts import PromptTail, read_prompt
from interlock.runtime.records import Decision, Label
from interlock.runtime.storage.database import Statement
from interlock.runtime.storage.sqlite import SqliteDatabase

SCOPE = Scope(run="r1", thread="t1", subject=Scope.subject_of("default", "7"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home", clock=ManualClock())
    yield home
    home.close()


def append(home: Home, *events: Event) -> None:
    for event in events:
        with home.database.transaction() as tx:
            home.journal.append(tx, SCOPE, "1.node", event)


def said(text: str) -> Replied:
    return Replied(text=text, decision=Decision(outcome="allow"), label=Label())


def edit(home: Home, sql: str) -> None:
    path = home.path / "journal.db"
    home.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute(sql).rowcount == 1
    connection.close()


def test_what_is_appended_is_read_back_in_order(home: Home) -> None:
    append(home, said("one"), Noted(what="check", facts={"ok": True}), RunEnded(status="done"))

    assert [entry.event for entry in home.journal.of_run("r1")] == [
        said("one"),
        Noted(what="check", facts={"ok": True}),
        RunEnded(status="done"),
    ]


def test_an_untouched_journal_verifies(home: Home) -> None:
    append(home, *(said(f"text {n}") for n in range(20)))

    assert verify(home.database).ok


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("UPDATE events SET head = replace(head, '1.node', '2.node') WHERE seq = 3", 3),
        ("UPDATE events SET hash = substr(hash, 2) || 'x' WHERE seq = 3", 3),
        ("UPDATE events SET head = CAST(X'FF' || substr(CAST(head AS BLOB), 2) AS TEXT) WHERE seq = 3", 3),
        ("UPDATE events SET kind = CAST(X'FF' AS TEXT) WHERE seq = 3", 3),
        ("UPDATE events SET thread = 'other' WHERE seq = 3", 3),
        ("DELETE FROM events WHERE seq = 3", 3),
        ("UPDATE payloads SET body = cast(replace(cast(body AS TEXT), 'text 2', 'text 9') AS BLOB) "
         "WHERE cast(body AS TEXT) LIKE '%text 2%'", 3),
        ("DELETE FROM payloads WHERE cast(body AS TEXT) LIKE '%text 2%'", 3),
    ],
)  # fmt: skip
def test_a_change_to_a_row_is_found_and_names_the_row(home: Home, sql: str, row: int) -> None:
    append(home, *(said(f"text {n}") for n in range(6)))

    edit(home, sql)

    assert verify(home.database).findings[0].row == row


def test_a_kind_of_a_later_version_is_read_as_unknown_with_its_fields() -> None:
    assert read_event("teleported", {"to": "mars"}) == Unknown(kind="teleported", fields={"to": "mars"})


def test_a_field_of_a_later_version_is_dropped() -> None:
    assert read_event("noted", {"what": "x", "facts": {}, "colour": "red"}) == Noted(what="x", facts={})


@pytest.mark.parametrize("model", KINDS.values())
def test_every_kind_of_event_can_be_read_without_its_content(model: type[Event]) -> None:
    wrong: set[object] = set()
    try:
        model.model_validate(blanks(model))
    except ValidationError as error:  # facts that are no content are missing here
        wrong = {problem["loc"][0] for problem in error.errors()}

    assert not wrong & model.content


def test_every_kind_of_event_names_only_its_own_fields_as_content() -> None:
    assert [kind for kind, model in KINDS.items() if not model.content <= set(model.model_fields)] == []


def test_a_home_of_another_version_is_refused(home: Home) -> None:
    _ = home.database
    edit(home, "UPDATE meta SET value = 99 WHERE name = 'schema'")

    with pytest.raises(HomeUnusable, match="written by schema version 99"):
        _ = home.database


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_text("this is no database, and long enough to be read as one " * 40)

    with pytest.raises(HomeUnusable, match="cannot use the database"):
        SqliteDatabase(tmp_path / "journal.db")


def test_a_prompt_is_read_back_as_it_was_shown(home: Home) -> None:
    messages: list[AnyMessage] = [HumanMessage("hi"), AIMessage("hello", id="m1")]

    with home.database.transaction() as tx:
        digest = PromptTail().write(tx, home.journal, SCOPE.subject, messages)

    assert read_prompt(home.journal, digest) == [
        {"type": "human", "content": "hi"},
        {"type": "ai", "content": "hello"},
    ]


@settings(max_examples=40, deadline=None)
@given(threads=st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=1, max_size=6), fresh=st.booleans())
def test_prompts_share_the_cells_of_their_common_beginning(
    tmp_path_factory: pytest.TempPathFactory, threads: list[list[str]], fresh: bool
) -> None:
    home = Home(tmp_path_factory.mktemp("home"), clock=ManualClock())
    tail = PromptTail()
    digests: list[str] = []
    for thread in threads:
        tail = PromptTail() if fresh else tail
        with home.database.transaction() as tx:
            digests.append(tail.write(tx, home.journal, SCOPE.subject, [HumanMessage(text) for text in thread]))

    prefixes = {tuple(thread[:n]) for thread in threads for n in range(1, len(thread) + 1)}
    assert verify(home.database).payloads == len(prefixes)
    for digest, thread in zip(digests, threads, strict=True):
        assert [cell["content"] for cell in read_prompt(home.journal, digest)] == thread
    home.close()


def test_a_kept_tail_writes_anew_what_was_erased_meanwhile(home: Home) -> None:
    messages: list[AnyMessage] = [HumanMessage("hi"), AIMessage("hello")]

    def written() -> str:
        tail = home.tails.prompts(SCOPE.thread, SCOPE.subject)
        with home.database.transaction() as tx:
            return tail.write(tx, home.journal, SCOPE.subject, messages)

    first = written()
    with home.database.transaction() as tx:
        tx.run(Statement(delete(payloads)))

    assert read_prompt(home.journal, first) == []
    assert [cell["content"] for cell in read_prompt(home.journal, written())] == ["hi", "hello"]


def test_prompts_that_begin_otherwise_are_kept_beside_each_other(home: Home) -> None:
    tail = PromptTail()
    told: list[AnyMessage] = [HumanMessage(f"text {n}") for n in range(50)]
    hashed: list[str] = []

    class Counting(Journal):
        def digest(self, subject: str, body: bytes) -> str:
            hashed.append(subject)
            return super().digest(subject, body)

    journal = Counting(home.database, home.clock)
    for turn in range(3):
        for beginning in ("plan", "reply"):
            with home.database.transaction() as tx:
                tail.write(tx, journal, SCOPE.subject, [SystemMessage(beginning), *told[: 40 + turn]])

    assert len(hashed) == 2 * 41


def test_two_journals_on_one_file_keep_one_chain(home: Home) -> None:
    other = Home(home.path, clock=home.clock)
    for n in range(10):
        append(home if n % 2 else other, said(f"text {n}"))

    verdict = verify(home.database)
    other.close()

    assert (verdict.ok, verdict.rows) == (True, 10)
    assert isinstance(home.journal, Journal)
