"""Holds the table to a model that only lists what was said: a value holds until the next one known begins."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.memory.judging import judge
from interlock.memory.policies import ReadPolicy, WritePolicy
from interlock.memory.recalling import live, readable_rows, seen_by
from interlock.memory.rows import Tokens
from interlock.memory.truth import Truth
from interlock.memory.writing import Draft, place
from interlock.runtime.memories import Note, Owner, Slot

START = datetime(2026, 1, 1, tzinfo=UTC)
ANN = Owner(tenant="acme", user="ann")
POLICY = WritePolicy(per_hour=None)
HOURS = 12


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


@dataclass(frozen=True)
class Said:
    """A statement; hours count from the start."""

    later_by: int
    text: str
    attribute: str | None
    since: int | None
    until: int | None


statements = st.lists(
    st.builds(
        Said,
        later_by=st.integers(0, 2),
        text=st.sampled_from(["tea", "coffee", "water"]),
        attribute=st.sampled_from(["drink", "breakfast", None]),
        since=st.none() | st.integers(0, HOURS),
        until=st.none() | st.integers(0, HOURS),
    ),
    max_size=8,
)


@dataclass(eq=False)
class Known:
    text: str
    attribute: str | None
    learned: int
    since: int
    until: int | None


class Model:
    """What was said, in order; nothing is ever changed."""

    def __init__(self) -> None:
        self.known: list[Known] = []

    def hear(self, said: Said, now: int) -> None:
        new = Known(said.text, said.attribute, now, now if said.since is None else said.since, said.until)
        same = [old for old in self.held(now, new.since) if (old.text, old.attribute) == (new.text, new.attribute)]
        if not any(said.until in (None, self.end(old, now)) for old in same):
            self.known.append(new)

    def held(self, known: int, true: int) -> list[Known]:
        told = [old for old in self.known if old.learned <= known]
        return [old for old in told if old.since <= true < self.end(old, known)]

    def end(self, one: Known, known: int) -> float:
        nexts = [
            other.since
            for place, other in enumerate(self.known)
            if other is not one
            and other.learned <= known
            and one.attribute is not None
            and other.attribute == one.attribute
            and (other.since, place) > (one.since, self.known.index(one))
        ]
        return min([float("inf") if one.until is None else one.until, *nexts])


def said_at(truth: Truth, heard: list[Said]) -> Model:
    model, now = Model(), 0
    for number, said in enumerate(heard):
        now += said.later_by
        note = Note(
            text=said.text,
            slot=None if said.attribute is None else Slot(subject="user", attribute=said.attribute),
            valid_from=None if said.since is None else at(said.since),
            valid_to=None if said.until is None else at(said.until),
        )
        verdict = judge(note, POLICY, at(now))
        if verdict.kept:
            model.hear(said, now)
            tokens = Tokens(pieces=(), vectors=b"", sentence=b"")
            with truth.transaction() as db:
                place(
                    db,
                    Draft(
                        id=f"{number}", note=note, verdict=verdict, owner=ANN, tokens=tokens, policy=POLICY, now=at(now)
                    ),
                )
    return model


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def found(truth: Truth, policy: ReadPolicy, now: int) -> list[str]:
    condition = readable_rows(seen_by(ANN), policy, at(now))
    rows = truth.rows(f"SELECT text, attribute FROM memories m WHERE {condition.sql}", condition.values)  # noqa: S608
    return sorted(f"{row['attribute']}: {row['text']}" for row in rows)


def told(known: list[Known]) -> list[str]:
    return sorted(f"{one.attribute}: {one.text}" for one in known)


@settings(max_examples=150, deadline=None)
@given(heard=statements, known=st.integers(0, 20), true=st.integers(0, 20))
def test_as_of_gives_what_was_known_then_and_held_true_then(
    folder: Path, heard: list[Said], known: int, true: int
) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        truth = Truth(Path(place), ANN)
        model = said_at(truth, heard)

        both = found(truth, ReadPolicy(as_of=at(known), true_at=at(true)), now=30)
        then = found(truth, ReadPolicy(as_of=at(known)), now=30)
        by_now = found(truth, ReadPolicy(true_at=at(true)), now=30)
        current = found(truth, ReadPolicy(), now=30)
        truth.close()

    assert both == told(model.held(known, true))
    assert then == told(model.held(known, known))
    assert by_now == told(model.held(30, true))
    assert current == told(model.held(30, 30))


@settings(max_examples=60, deadline=None)
@given(heard=statements)
def test_a_slot_holds_one_value_at_a_time(folder: Path, heard: list[Said]) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        truth = Truth(Path(place), ANN)
        said_at(truth, [said for said in heard if said.attribute == "drink"])

        for hour in range(HOURS + 8):
            condition = live(seen_by(ANN), at(hour))
            sql = f"SELECT count(*) FROM memories m WHERE {condition.sql}"  # noqa: S608
            assert truth.rows(sql, condition.values)[0][0] <= 1
        truth.close()
