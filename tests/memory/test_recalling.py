import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from interlock.memory import Memory, ReadPolicy
from interlock.memory.naming import named_in, unnamed
from interlock.memory.store import Store
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import BadInput
from interlock.runtime.memories import Note, Owner, Recall, Slot
from interlock.runtime.records import Label


def texts(recall: Recall) -> list[str]:
    return [item.text for item in recall.items]


async def test_what_was_remembered_is_recalled_by_meaning(store: Store, ann: Owner) -> None:
    await store.remember(Note(text="prefers to be contacted by e-mail", kind="preference"), ann)
    await store.remember(Note(text="owns a bicycle"), ann)

    found = await store.recall("How should we reach out to her?", ann)

    assert texts(found)[0] == "prefers to be contacted by e-mail"
    assert "meaning" in found.items[0].why


def test_recalled_text_is_marked_as_recalled(store: Store, ann: Owner) -> None:
    written = store.add(Note(text="takes insulin", sensitivity="personal"), ann)

    (item,) = store.search("insulin", ann).items

    assert item.label == Label(confidentiality="private", sources=(f"memory:{written.id}",))


def test_one_user_never_sees_another(store: Store, ann: Owner) -> None:
    store.add(Note(text="the code word is swordfish"), ann)

    for other in (Owner(tenant="acme", user="bob"), Owner(tenant="umbrella", user="ann"), Owner(tenant="", user="")):
        assert store.search("code word swordfish", other) == Recall()
        assert store.list(other, everything=True) == ()


def test_an_agent_sees_its_own_and_the_shared_memories(store: Store) -> None:
    shared, own = Owner(tenant="t", user="u"), Owner(tenant="t", user="u", agent="a")
    store.add(Note(text="likes green tea"), shared)
    store.add(Note(text="likes black tea"), own)

    assert set(texts(store.search("tea", own))) == {"likes green tea", "likes black tea"}
    assert texts(store.search("tea", Owner(tenant="t", user="u", agent="b"))) == ["likes green tea"]
    assert texts(store.search("tea", shared)) == ["likes green tea"]
    assert len(store.list(shared)) == 2


def test_expired_and_superseded_memories_stay_out(store: Store, clock: ManualClock, ann: Owner) -> None:
    slot = Slot(subject="user", attribute="drink")
    store.add(Note(text="drinks tea", slot=slot), ann)
    clock.advance(1)
    store.add(Note(text="drinks coffee", slot=slot), ann)
    store.add(Note(text="drinks water today", expires_at=clock.now() + timedelta(hours=1)), ann)
    clock.advance(7_200)

    assert texts(store.search("what does she drink", ann)) == ["drinks coffee"]


def test_as_of_answers_what_was_known_then(store: Store, clock: ManualClock, ann: Owner) -> None:
    slot = Slot(subject="user", attribute="home")
    store.add(Note(text="lives in Oslo", slot=slot), ann)
    then = clock.now()
    clock.advance(60)
    store.add(Note(text="lives in Rome", slot=slot), ann)

    assert texts(store.search("where does she live", ann, ReadPolicy(as_of=then))) == ["lives in Oslo"]
    assert texts(store.search("where does she live", ann)) == ["lives in Rome"]


def test_what_a_rule_holds_back_is_named_with_the_rule(store: Store, ann: Owner) -> None:
    hidden = store.add(Note(text="takes insulin", sensitivity="personal"), ann)
    store.add(Note(text="takes insulin shots to work", kind="episode"), ann)

    found = store.search("insulin", ann, ReadPolicy(max_sensitivity="normal", kinds=frozenset({"fact"})))

    assert found.items == ()
    assert (hidden.id, "max_sensitivity") in {(held.id, held.rule) for held in found.withheld}
    assert "kinds" in {held.rule for held in found.withheld}


def test_the_token_budget_holds(store: Store, ann: Owner) -> None:
    for number in range(3):
        store.add(Note(text=f"tea note {number} " + "x" * 380), ann)

    found = store.search("tea note", ann, ReadPolicy(tokens=220, min_score=0))

    assert len(found.items) == 2
    assert [held.rule for held in found.withheld] == ["tokens"]


def test_what_has_nothing_to_do_with_the_query_is_not_recalled(store: Store, ann: Owner) -> None:
    store.add(Note(text="prefers e-mail"), ann)

    assert store.search("how tall is the Eiffel tower", ann).items == ()


def test_odd_queries_are_answered(store: Store, ann: Owner) -> None:
    store.add(Note(text="prefers e-mail"), ann)

    for query in ("", "\x00", "\ud800", '"; DROP TABLE memories; --', "NEAR(a b) OR *", "🙂" * 100, "a" * 100_000):
        store.search(query, ann)
    assert len(store.list(ann)) == 1


def test_a_use_is_counted(store: Store, clock: ManualClock, ann: Owner) -> None:
    written = store.add(Note(text="prefers e-mail"), ann)
    clock.advance(5)
    store.search("e-mail", ann)

    record = store.show(written.id, ann)
    assert (record.uses, record.last_used) == (1, clock.now())


def test_uses_are_written_down_when_the_memory_is_closed(home: Path, clock: ManualClock, ann: Owner) -> None:
    first = Memory().open(home, clock)
    written = first.add(Note(text="prefers e-mail"), ann)
    for _ in range(3):
        first.search("e-mail", ann)
    first.close()

    second = Memory().open(home, clock)
    assert second.show(written.id, ann).uses == 3
    second.close()


def test_a_day_that_is_asked_for_is_found_by_when_it_was(store: Store, clock: ManualClock, ann: Owner) -> None:
    for day in range(1, 29):
        since = datetime(2024, 5, day, tzinfo=UTC)
        store.add(Note(text=f"had visitor number {100 + day}", kind="episode", valid_from=since), ann)

    assert texts(store.search("who came on 17 May 2024", ann))[0] == "had visitor number 117"


def test_half_a_character_in_a_name_is_refused(store: Store, ann: Owner) -> None:
    store.add(Note(text="prefers e-mail"), ann)

    with pytest.raises(BadInput, match="half a character"):
        store.search("e-mail", Owner(tenant=ann.tenant, user=ann.user, agent="\ud800"))


def test_an_empty_memory_answers_without_files_or_models(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys, pathlib\n"
        "from interlock.memory import Memory\n"
        "from interlock.runtime.clock import SystemClock\n"
        "from interlock.runtime.memories import Owner\n"
        f"store = Memory().open(pathlib.Path({str(tmp_path / 'home')!r}), SystemClock())\n"
        "assert asyncio.run(store.recall('anything', Owner(tenant='t', user='u'))).items == ()\n"
        "heavy = {'chromadb', 'sentence_transformers', 'torch', 'numpy'} & set(sys.modules)\n"
        f"assert not heavy and not pathlib.Path({str(tmp_path / 'home')!r}).exists(), heavy\n"
    )

    ran = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)

    assert ran.stderr == ""


def test_memories_outlive_the_process_that_wrote_them(home: Path, clock: ManualClock, ann: Owner) -> None:
    first = Memory().open(home, clock)
    first.add(Note(text="prefers e-mail"), ann)
    first.close()

    second = Memory().open(home, clock)
    assert texts(second.search("contact by mail", ann)) == ["prefers e-mail"]
    second.close()


def test_whoever_asks_for_a_slot_finds_its_value_whatever_its_words(store: Store, ann: Owner) -> None:
    for name in ("Mira Lorenz", "Nils Lorenz"):
        store.add(
            Note(text=f"For {name}, letter works best.", slot=Slot(subject=name, attribute="contact channel")), ann
        )
        store.add(Note(text=f"{name} told us about a cousin who lives in Athens."), ann)
        store.add(Note(text=f"The new home of {name} is in Riga.", slot=Slot(subject=name, attribute="home")), ann)

    assert texts(store.search("How should Nils Lorenz be contacted?", ann))[0] == "For Nils Lorenz, letter works best."


def test_a_remark_is_not_pushed_aside_by_slots(store: Store, ann: Owner) -> None:
    store.add(Note(text="I live in Riga.", slot=Slot(subject="user", attribute="home")), ann)
    store.add(Note(text="I prefer letters.", slot=Slot(subject="user", attribute="contact channel")), ann)
    store.add(Note(text="I sent a parcel back last week."), ann)

    assert texts(store.search("When did I send the parcel back?", ann))[0] == "I sent a parcel back last week."


def test_a_subject_is_named_only_as_a_whole(store: Store, ann: Owner) -> None:
    with store._shelves.of(ann) as shelf:  # pyright: ignore[reportPrivateUsage]
        for subject in ("Ann", "Jo-Ann Lee", "user"):
            store.add(Note(text="likes tea", slot=Slot(subject=subject, attribute="drink")), ann)

        assert named_in(shelf.truth, "What does Joann drink?") == []
        assert named_in(shelf.truth, "And JO-ANN LEE's drink?") == ["ann", "jo-ann lee"]
        assert named_in(shelf.truth, "What do I drink?") == ["user"]
    assert unnamed("Ann and Anna meet ann.", ["ann"]) == "someone and Anna meet someone."
