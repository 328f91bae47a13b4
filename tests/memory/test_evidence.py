import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.memory.evidence import Candidates
from interlock.memory.listwise import fitted
from interlock.memory.store import Store
from interlock.memory.wording import QUESTIONS, kinds_of, speaker_of, wording
from interlock.runtime.memories import Note, Owner


def evidence(found: Candidates, id: str) -> dict[str, float]:
    return dict(zip(found.kinds, found.table[found.ids.index(id)].tolist(), strict=True))


def tell(store: Store, owner: Owner, *texts: str, run: str = "r") -> list[str]:
    return [made.id for made in store.add_all([Note(text=text, kind="episode", run=run) for text in texts], owner)]


def test_a_turn_that_no_word_leads_to_is_looked_at_for_the_turns_around_it(store: Store, ann: Owner) -> None:
    ids = tell(store, ann, "Bob: I lost my key.", "Ann: Oh no!", "Bob: It was in the fridge.")

    found = store.candidates("Where was the key of Bob?", ann)

    assert evidence(found, ids[1])["telling, at -1"] == evidence(found, ids[0])["telling"] > 0
    assert evidence(found, ids[2])["meaning with before"] >= evidence(found, ids[2])["meaning"]


def test_turns_of_another_conversation_are_not_around(store: Store, ann: Owner) -> None:
    tell(store, ann, "Bob: I lost my key.", run="one")
    (other,) = tell(store, ann, "Bob: It was in the fridge.", run="two")

    assert evidence(store.candidates("Where was the key?", ann), other)["score, at -1"] == 0


def test_who_is_asked_about_is_told_from_who_speaks_of_them(store: Store, ann: Owner) -> None:
    bob, cara = tell(store, ann, "Bob: I went to Rome.", "Cara: Bob, how was your trip?")

    found = store.candidates("Where did Bob go?", ann)

    assert evidence(found, bob)["the one asked about speaks in the first person"] == 1
    assert evidence(found, cara)["another speaks to the one asked about"] == 1
    assert evidence(found, cara)["the one asked about is named"] == 1
    assert evidence(store.candidates("Did Bob and Cara meet?", ann), bob)["the one asked about speaks"] == 0.5


def test_a_kind_of_question_looks_for_its_kind_of_text(store: Store, ann: Owner) -> None:
    (when,) = tell(store, ann, "Bob: I moved last year.")

    assert evidence(store.candidates("When did Bob move?", ann), when)["when: dated"] == 2
    assert evidence(store.candidates("Why did Bob move?", ann), when)["when: dated"] == 0


@pytest.mark.parametrize("query", ["", "?!", "the of and", "Bob", "\x00", "🦆" * 50, "x" * 5_000])
def test_whatever_is_asked_the_evidence_is_finite(store: Store, ann: Owner, query: str) -> None:
    tell(store, ann, "Bob: hi", "…", "Cara: [a photo]")

    found = store.candidates(query, ann)

    assert found.table.shape == (len(found.ids), len(found.kinds))
    assert np.isfinite(found.table).all()


@given(st.text(max_size=80))
def test_any_text_has_a_wording(text: str) -> None:
    counts = wording(text).counts

    assert all(0 <= count <= 3 for count in counts.values())
    assert kinds_of(text) <= set(QUESTIONS)


def test_a_speaker_stands_before_the_first_colon() -> None:
    assert speaker_of("Ann: at 9: sharp") == ("ann", "at 9: sharp")
    assert speaker_of("no one speaks") == ("", "no one speaks")


def test_corrections_are_where_the_loss_is_least() -> None:
    rng = np.random.default_rng(7)
    tables = [rng.standard_normal((6, 3)) for _ in range(30)]
    wanted = [(table[:, 2] == table[:, 2].max()).astype(float) for table in tables]

    weights = fitted(tables, wanted, fixed=0, shrink=1.0)

    assert weights[2] > abs(weights[1])
    first = [table[:, 0] + table @ weights for table in tables]
    assert sum(int(s.argmax() == w.argmax()) for s, w in zip(first, wanted, strict=True)) > 25
