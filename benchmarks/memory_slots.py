"""Whether a memory gives what holds now: slots whose values change, among many that look alike.

Every subject has several attributes, and each attribute a history of values, said in other words every time. Between
them stand siblings that must stay: other attributes of the same subject, the same attribute of others, values of
many-valued slots, and remarks without a slot that name the subject. Questions are put in words of their own.
"""

import random
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from _report import arguments, finish, table
from interlock.memory import Memory, ReadPolicy, WritePolicy
from interlock.memory.store import Store
from interlock.runtime.clock import ManualClock
from interlock.runtime.memories import Note, Owner, Slot

USER = Owner(tenant="t", user="u")
WRITE = WritePolicy(per_hour=None, personal_data="keep")
READ = ReadPolicy(limit=5, min_score=0, tokens=None)
CHANCE = random.Random(0)  # noqa: S311  # the same histories every time, not a secret
HOUR = 3_600
FIRST, LAST = (
    names.split()
    for names in (
        "Ada Bela Carl Dora Egon Fritz Greta Hugo Ines Jonas Karla Lars Mira Nils Olga Paul Quentin Rosa Sven Tilda",
        "Adler Brandt Conrad Dietz Ebner Falk Gruber Hansen Illner Jansen Keller Lorenz Maurer Neumann Otto Pohl",
    )
)


@dataclass(frozen=True)
class Attribute:
    """What of a subject changes, how it is said, and how it is asked about."""

    name: str
    said: tuple[str, ...]
    asked: tuple[str, ...]
    values: tuple[str, ...]


ATTRIBUTES = (
    Attribute(
        "job",
        (
            "{s} works as {v}.",
            "{s} has a new job: {v}.",
            "{s} was hired as {v}.",
            "These days {s} earns a living as {v}.",
        ),
        ("What does {s} do for a living?", "Which job does {s} have?", "What is {s}'s profession?"),
        ("a nurse", "a carpenter", "a pilot", "a baker", "an accountant", "a gardener", "a translator"),
    ),
    Attribute(
        "home",
        ("{s} lives in {v}.", "{s} has moved to {v}.", "{s} settled down in {v}.", "The new home of {s} is in {v}."),
        ("Where does {s} live?", "In which city is {s} at home?", "What town did {s} move to?"),
        ("Oslo", "Rome", "Lisbon", "Vienna", "Dublin", "Riga", "Athens"),
    ),
    Attribute(
        "contact channel",
        ("{s} prefers to be contacted by {v}.", "{s} would rather be reached by {v}.", "For {s}, {v} works best."),
        ("How should we contact {s}?", "What is the best way to reach {s}?"),
        ("e-mail", "phone", "text message", "letter", "video call"),
    ),
    Attribute(
        "diet",
        ("{s} follows a {v} diet.", "{s} eats {v} food only.", "{s} has switched to {v} meals."),
        ("What may {s} eat?", "Which diet does {s} keep to?", "What food do we order for {s}?"),
        ("vegan", "vegetarian", "gluten-free", "kosher", "low-salt"),
    ),
    Attribute(
        "car",
        ("{s} drives a {v}.", "{s} bought a {v}.", "{s} has replaced the car by a {v}."),
        ("Which car does {s} drive?", "What kind of vehicle does {s} own?"),
        ("red Volvo", "blue Fiat", "grey Skoda", "white Toyota", "green Renault"),
    ),
    Attribute(
        "meeting time",
        ("{s} can meet {v}.", "Appointments with {s} are best {v}.", "{s} asks for meetings {v}."),
        ("When can we meet {s}?", "What time suits {s} for an appointment?"),
        ("on Monday mornings", "on Tuesday at noon", "on Thursday evenings", "after 6 pm", "on weekends"),
    ),
)
HOBBIES = ("chess", "sailing", "pottery", "hiking", "photography", "gardening", "singing")
REMARKS = (
    "{s} sent a parcel back last week.",
    "{s} and {o} met at the fair.",
    "{s} once worked with {o} in {v}.",
    "{s} told us about a cousin who lives in {v}.",
    "{s} asked whether letters or e-mail are cheaper.",
)


@dataclass
class History:
    """What one slot has held."""

    subject: str
    attribute: Attribute
    held: list[tuple[datetime, str]]
    """Since when, and the memory's id; oldest first."""


def main() -> None:
    options = arguments(__doc__, subjects=300)
    began = time.process_time()
    clock = ManualClock()
    with tempfile.TemporaryDirectory() as home:
        store = Memory(write=WRITE, read=READ).open(Path(home), clock)
        histories, siblings, closed = written(store, clock, options.subjects)
        found = asked(store, histories)
        live = {record.id for record in store.list(USER, limit=-1)}
        found["rows"] = len(store.list(USER, everything=True, limit=-1))
        store.close()
    found["kept_siblings_pct"] = percent(sum(id in live for id in siblings), len(siblings))
    found["closed_pct"] = percent(sum(id not in live for id in closed), len(closed))
    found["cpu_s"] = round(time.process_time() - began, 1)
    rows = [
        ("slots / rows", f"{found['slots']} / {found['rows']}"),
        ("superseded values in the top 5, % of questions", f"{found['stale_pct']}  (0)"),
        ("siblings that are still kept, %", f"{found['kept_siblings_pct']}  (100)"),
        ("current value first, %", f"{found['current_first_pct']}  (>= 95)"),
        ("value as of a past moment first, %", f"{found['as_of_pct']}  (>= 95)"),
    ]
    table("Slots", ("", "(target)"), rows)
    finish(found, as_json=options.json)


def written(store: Store, clock: ManualClock, subjects: int) -> tuple[list[History], list[str], list[str]]:
    """Let all slots change their values in turn, with siblings in between.

    Returns:
        The histories, the ids of what must stay, and of what must have been closed.
    """
    names = [f"{first} {last}" for last in LAST for first in FIRST]
    CHANCE.shuffle(names)
    names = names[:subjects]
    histories = [History(name, attribute, []) for name in names for attribute in ATTRIBUTES]
    values = {id(h): CHANCE.sample(h.attribute.values, CHANCE.randint(2, 4)) for h in histories}
    siblings: list[str] = []
    for turn in range(4):
        clock.advance(HOUR)
        due = [h for h in histories if len(values[id(h)]) > turn]
        CHANCE.shuffle(due)
        for start in range(0, len(due), 250):
            page = due[start : start + 250]
            notes = [said(h, values[id(h)][turn]) for h in page]
            for history, made in zip(page, store.add_all(notes, USER), strict=True):
                history.held.append((clock.now(), made.id))
            clock.advance(60)
        siblings += [made.id for made in store.add_all(beside(names, turn), USER) if made.code != "duplicate"]
    closed = [id for history in histories for _, id in history.held[:-1]]
    return histories, siblings + [history.held[-1][1] for history in histories], closed


def said(history: History, value: str) -> Note:
    text = CHANCE.choice(history.attribute.said).format(s=history.subject, v=value)
    return Note(text=text, slot=Slot(subject=history.subject, attribute=history.attribute.name))


def beside(names: list[str], turn: int) -> list[Note]:
    """Make what must not be closed by anything: values of many-valued slots, and remarks."""
    hobby = HOBBIES[turn]
    many = [
        Note(text=f"{name} enjoys {hobby}.", slot=Slot(subject=name, attribute="hobby", many=True)) for name in names
    ]
    remarks = [
        Note(text=CHANCE.choice(REMARKS).format(s=name, o=CHANCE.choice(names), v=CHANCE.choice(ATTRIBUTES[1].values)))
        for name in names
    ]
    return many + remarks


def asked(store: Store, histories: list[History]) -> dict[str, Any]:
    """Ask for each slot's value now, and at a moment at which it held another."""
    stale = first = past = 0
    for history in histories:
        question = CHANCE.choice(history.attribute.asked).format(s=history.subject)
        found = [item.id for item in store.search(question, USER).items]
        stale += any(id in found for _, id in history.held[:-1])
        first += found[:1] == [history.held[-1][1]]
        then, id = CHANCE.choice(history.held[:-1])
        known = store.search(question, USER, READ.model_copy(update={"as_of": then}))
        past += [item.id for item in known.items[:1]] == [id]
    count = len(histories)
    return {
        "slots": count,
        "stale_pct": percent(stale, count),
        "current_first_pct": percent(first, count),
        "as_of_pct": percent(past, count),
    }


def percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1)


if __name__ == "__main__":
    main()
