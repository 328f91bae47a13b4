import math
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.memory import Memory, PrunePolicy, WritePolicy
from interlock.memory.activation import activation
from interlock.memory.store import Store
from interlock.memory.summaries import by_model
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import NotFound, OnHold
from interlock.runtime.memories import Note, Owner, Pruned, Slot
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.records import Label

DAY = 86_400
TALK = ("We met at the harbour.", "The boat was called Selma.", "It rained.", "We want to sail again in May.")
HOME = Slot(subject="user", attribute="home")


def codes(pruned: Pruned) -> list[tuple[str, str]]:
    return [(one.id, one.code) for one in pruned.removed]


def tell(store: Store, owner: Owner, run: str = "r1", label: Label | None = None) -> list[str]:
    notes = [Note(text=f"{text} ({run})", kind="episode", run=run, label=label or Label()) for text in TALK]
    return [made.id for made in store.add_all(notes, owner)]


def test_nothing_but_what_expired_is_pruned_by_default(store: Store, clock: ManualClock, ann: Owner) -> None:
    old = store.add(Note(text="on holiday", expires_at=clock.now() + timedelta(days=1)), ann)
    store.add(Note(text="I like green tea."), ann)
    store.add(Note(text="I like green tea very much."), ann)
    tell(store, ann)
    clock.advance(900 * DAY)

    assert codes(store.prune(ann)) == [(old.id, "expired")]


@pytest.mark.parametrize("dry_run", [True, False])
def test_capacity_keeps_what_would_be_missed_most(store: Store, clock: ManualClock, ann: Owner, dry_run: bool) -> None:
    dull = store.add(Note(text="saw a grey car", importance=0), ann).id
    used = store.add(Note(text="takes the ferry to work", importance=0), ann).id
    weighty = store.add(Note(text="is allergic to bees", importance=1), ann).id
    clock.advance(9 * DAY)
    for _ in range(3):
        store.search("ferry to work", ann)

    pruned = store.prune(ann, PrunePolicy(capacity=2), dry_run=dry_run)

    assert codes(pruned) == [(dull, "capacity")]
    assert pruned.removed[0].reason.startswith("beyond the 2 that are kept: worth -")
    assert {one.id for one in store.list(ann)} == ({dull} if dry_run else set()) | {used, weighty}


def test_of_memories_that_nobody_weighed_those_that_tell_least_go_first(store: Store, ann: Owner) -> None:
    talk = [
        "Ann: Hey Bob! How have you been? What's new?",
        "Bob: The surgery at Mercy Hospital is on 12 May.",
        "Ann: Thanks, that's great!",
        "Bob: Anything else?",
        "Ann: Our cat Selma weighs 4.2 kilos now.",
    ]
    ids = [made.id for made in store.add_all([Note(text=text, kind="episode", run="r") for text in talk], ann)]

    pruned = store.prune(ann, PrunePolicy(capacity=2), dry_run=True)

    assert {one.id for one in pruned.removed} == {ids[0], ids[2], ids[3]}


def test_a_short_fact_need_not_stand_back_behind_a_long_episode(store: Store, ann: Owner) -> None:
    facts = [store.add(Note(text=text), ann).id for text in ("eats vegan", "plays chess")]
    for number in range(3):
        tell(store, ann, run=f"r{number}")

    pruned = store.prune(ann, PrunePolicy(capacity=8), dry_run=True)

    assert len(pruned.removed) == 6
    assert {one.id for one in pruned.removed}.isdisjoint(facts)


def test_what_is_pinned_or_supersedes_is_never_pruned(store: Store, clock: ManualClock, ann: Owner) -> None:
    pinned = store.add(Note(text="wears glasses", pinned=True, expires_at=clock.now() + timedelta(days=1)), ann).id
    store.add(Note(text="lives in Oslo", slot=HOME), ann)
    clock.advance(DAY)
    current = store.add(Note(text="lives in Rome", slot=HOME), ann).id
    store.add(Note(text="saw a grey car"), ann)
    clock.advance(DAY)

    store.prune(ann, PrunePolicy(capacity=1, keep_closed_days=0))

    assert {one.id for one in store.list(ann, everything=True)} == {pinned, current}


def test_what_says_the_same_is_merged_with_its_provenance(store: Store, clock: ManualClock, ann: Owner) -> None:
    first = store.add(Note(text="Prefers e-mail for contact.", run="r1"), ann).id
    clock.advance(60)
    second = store.add(Note(text="Prefers to be contacted by e-mail.", run="r2", importance=0.9), ann).id

    pruned = store.prune(ann, PrunePolicy(alike=0.8))

    assert [(one.ids, one.into, one.code) for one in pruned.joined] == [((second,), first, "alike")]
    kept = store.show(first, ann)
    assert ([source.run for source in kept.sources], kept.importance) == (["r1", "r2"], 0.9)
    assert kept.made_from == (second,)
    assert store.show(second, ann).superseded_by == first
    assert [one.id for one in store.list(ann)] == [first]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I like green tea.", "I like black tea."),
        ("I like green tea.", "I do not like green tea."),
        ("The door code is 4711.", "The door code is 4712."),
    ],
)
def test_what_only_sounds_the_same_is_not_merged(store: Store, ann: Owner, one: str, other: str) -> None:
    store.add_all([Note(text=one), Note(text=other)], ann)

    assert store.prune(ann, PrunePolicy(alike=0.1)).joined == ()


def test_trusted_and_untrusted_are_not_merged(home: Path, clock: ManualClock, ann: Owner) -> None:
    store = Memory(write=WritePolicy(untrusted=True), prune=PrunePolicy(alike=0.5)).open(home, clock)
    store.add(Note(text="Prefers e-mail for contact."), ann)
    store.add(Note(text="Prefers contact by e-mail.", label=Label(integrity="untrusted")), ann)

    assert store.prune(ann).joined == ()
    store.close()


def test_old_episodes_are_summed_up_and_lead_back(store: Store, clock: ManualClock, ann: Owner) -> None:
    old = tell(store, ann, label=Label(confidentiality="private"))
    then = clock.now()
    clock.advance(40 * DAY)
    tell(store, ann, run="r2")

    pruned = store.prune(ann, PrunePolicy(summarise_after_days=30))

    (joined,) = pruned.joined
    assert (joined.ids, joined.code) == (tuple(old), "summarised")
    summary = store.show(joined.into, ann)
    assert (summary.kind, summary.said_by, summary.made_from) == ("fact", "agent", tuple(sorted(old)))
    assert (summary.label.confidentiality, summary.valid_from) == ("private", then)
    assert all(
        sentence.strip(" .") in " ".join(f"{text} (r1)" for text in TALK) for sentence in summary.text.split(". ")
    )
    assert store.show(old[0], ann).superseded_by == summary.id
    assert joined.into in {item.id for item in store.search("the boat Selma", ann).items}


def test_a_summary_is_made_by_the_function_or_the_model_that_is_given(
    home: Path, clock: ManualClock, ann: Owner
) -> None:
    given: list[Sequence[str]] = []

    def count(texts: Sequence[str]) -> str:
        given.append(texts)
        return f"{len(texts)} things happened"

    store = Memory(summarise=count, prune=PrunePolicy(summarise_after_days=0)).open(home, clock)
    tell(store, ann)

    store.prune(ann)

    assert [one.text for one in store.list(ann)] == ["4 things happened"]
    assert given == [[f"{text} (r1)" for text in TALK]]
    assert by_model(ScriptedChatModel(["They sailed."]))(given[0]) == "They sailed."
    store.close()


def test_a_summariser_that_says_nothing_loses_nothing(home: Path, clock: ManualClock, ann: Owner) -> None:
    store = Memory(summarise=lambda _texts: " \x00", prune=PrunePolicy(summarise_after_days=0)).open(home, clock)
    tell(store, ann)

    assert store.prune(ann).joined == ()
    assert len(store.list(ann)) == 4
    store.close()


def test_to_forget_an_episode_is_to_forget_its_summary(store: Store, ann: Owner) -> None:
    episodes = tell(store, ann)
    (joined,) = store.prune(ann, PrunePolicy(summarise_after_days=0)).joined

    assert set(store.forget(ann, id=episodes[0]).ids) == {episodes[0], joined.into}
    with pytest.raises(NotFound):
        store.show(joined.into, ann)


def test_what_was_closed_long_ago_is_erased(store: Store, clock: ManualClock, ann: Owner) -> None:
    old = store.add(Note(text="lives in Oslo", slot=HOME), ann).id
    clock.advance(DAY)
    store.add(Note(text="lives in Rome", slot=HOME), ann)
    clock.advance(DAY)

    assert store.prune(ann, PrunePolicy(keep_closed_days=2)).removed == ()
    assert codes(store.prune(ann, PrunePolicy(keep_closed_days=1))) == [(old, "closed")]


def test_a_hold_stops_pruning_from_erasing(store: Store, clock: ManualClock, ann: Owner) -> None:
    store.add(Note(text="on holiday", expires_at=clock.now() + timedelta(days=1)), ann)
    store.hold(ann, "case 12/2026")
    clock.advance(2 * DAY)

    with pytest.raises(OnHold):
        store.prune(ann)
    assert len(store.list(ann, everything=True)) == 1


def test_a_memory_prunes_itself_every_so_many_writes(home: Path, clock: ManualClock, ann: Owner) -> None:
    store = Memory(prune=PrunePolicy(capacity=3, every=5)).open(home, clock)
    held: list[int] = []
    for number in range(10):
        store.add(Note(text=f"saw {number} cars"), ann)
        held.append(len(store.list(ann)))
        clock.advance(60)

    assert held == [1, 2, 3, 4, 3, 4, 5, 6, 7, 3]
    store.close()


def test_pruning_a_user_of_whom_nothing_is_known_writes_nothing(store: Store, home: Path, ann: Owner) -> None:
    assert store.prune(ann) == Pruned()
    assert not home.exists()


KILLED = """
    import os, pathlib, signal
    from interlock.memory import Memory, PrunePolicy
    from interlock.runtime.clock import SystemClock
    from interlock.runtime.memories import Note, Owner
    from interlock.memory.summaries import extractive
    from interlock.runtime.models.embeddings import minilm

    pick, calls = extractive(minilm), []

    def summarise(texts):
        calls.append(texts)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return pick(texts)

    ann = Owner(tenant="acme", user="ann")
    store = Memory(summarise=summarise).open(pathlib.Path({home!r}), SystemClock())
    for run in ("r1", "r2", "r3"):
        store.add_all([Note(text=f"{{text}} ({{run}})", kind="episode", run=run) for text in {texts!r}], ann)
    store.prune(ann, PrunePolicy(summarise_after_days=0, keep_closed_days=9))
"""


def test_a_killed_pruning_loses_nothing_and_goes_on(home: Path, ann: Owner) -> None:
    program = textwrap.dedent(KILLED.format(home=str(home), texts=TALK))
    killed = subprocess.run([sys.executable, "-c", program], env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL

    from interlock.runtime.clock import SystemClock

    store = Memory().open(home, SystemClock())
    left = store.list(ann, everything=True)
    episodes = [one for one in left if one.kind == "episode"]
    summaries = {one.id for one in left if one.kind == "fact"}
    assert (len(episodes), len(summaries)) == (12, 1)
    assert sorted(one.superseded_by for one in episodes) == [""] * 8 + [*summaries] * 4

    store.prune(ann, PrunePolicy(summarise_after_days=0))

    assert [one.kind for one in store.list(ann)] == ["fact"] * 3
    store.close()


@given(first=st.floats(0, 1e5), share=st.floats(0, 1), uses=st.integers(1, 1_000), decay=st.floats(0.05, 0.95))
def test_activation_grows_with_use_and_falls_with_age(first: float, share: float, uses: int, decay: float) -> None:
    last = first * share
    here = activation([last, first], uses, decay=decay)

    assert math.isfinite(here)
    assert activation([last, first], uses + 1, decay=decay) >= here
    assert activation([last + 100, first + 100], uses, decay=decay) <= here


def test_activation_is_that_of_the_source_for_single_and_even_uses() -> None:
    assert activation([4, 4], 1, decay=0.5) == pytest.approx(math.log(4**-0.5))
    exact = math.log(sum(t**-0.5 for t in range(1, 101)))
    assert activation([1, 100], 100, decay=0.5) == pytest.approx(exact, abs=0.1)
