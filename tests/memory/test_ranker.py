from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.memory import ReadPolicy
from interlock.memory.evidence import Candidates
from interlock.memory.ranker import Correction, Ranker, learn_ranker
from interlock.memory.store import Store
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import PolicyBroken
from interlock.runtime.memories import Note, Owner

TURNS = ("Ann: Where is the spare key?", "Bob: Under the blue flower pot.", "Ann: Thanks, that is good to know!")


def told(store: Store, owner: Owner) -> list[str]:
    return [store.add(Note(text=text, kind="episode", run="r"), owner).id for text in TURNS]


def question(answer: str, **evidence: float) -> tuple[Candidates, list[str]]:
    """Two candidates alike but for the answer's evidence."""
    rows = tuple({"score": 0.5, **{name: value * (id == answer) for name, value in evidence.items()}} for id in "ab")
    return Candidates(ids=("a", "b"), evidence=rows), [answer]


def test_candidates_come_with_what_speaks_for_them(store: Store, ann: Owner) -> None:
    ids = told(store, ann)

    found = store.candidates("Where is the spare key kept?", ann)

    assert set(found.ids) == set(ids)
    by_id = dict(zip(found.ids, found.evidence, strict=True))
    assert by_id[ids[0]]["asks"] == 1.0
    assert by_id[ids[1]]["answers"] > by_id[ids[2]]["answers"] == 0.0


def test_asking_for_candidates_counts_as_no_use(store: Store, ann: Owner) -> None:
    (first, *_) = told(store, ann)

    store.candidates("spare key", ann)

    assert store.show(first, ann).uses == 0


def test_a_user_of_whom_nothing_is_known_has_no_candidates(store: Store) -> None:
    assert store.candidates("spare key", Owner(tenant="t", user="nobody")) == Candidates(ids=(), evidence=())


def test_what_tells_answers_from_the_rest_is_learned() -> None:
    ranker = learn_ranker([question("ab"[n % 2], answers=1.0) for n in range(20)])

    assert ranker.order(question("b", answers=1.0)[0])[0][1] == "b"


def test_where_nothing_is_to_be_learned_the_fixed_order_stands() -> None:
    unanswerable = (Candidates(ids=("a",), evidence=({"score": 0.5},)), ["not among them"])

    for ranker in (learn_ranker([]), learn_ranker([unanswerable])):
        assert [id for _, id in ranker.order(question("a")[0])] == ["a", "b"]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-5, 5)), min_size=1, max_size=20), st.floats(-9, 9))
def test_scores_stay_between_nought_and_one(rows: list[tuple[float, float]], slope: float) -> None:
    ranker = Ranker(corrections=(Correction(evidence="names", mean=0.0, slope=slope),))
    found = Candidates(
        ids=tuple(str(n) for n in range(len(rows))), evidence=tuple({"score": s, "names": n} for s, n in rows)
    )

    scores = [score for score, _ in ranker.order(found)]

    assert all(0 <= score <= 1 for score in scores)
    assert scores == sorted(scores, reverse=True)


def test_a_read_policy_may_bring_a_ranker(store: Store, ann: Owner, tmp_path: Path) -> None:
    told(store, ann)
    Ranker(corrections=(Correction(evidence="asks", mean=0.0, slope=-1.0),)).save(tmp_path / "ranker.json")
    learned = ReadPolicy(ranker=Ranker.load(tmp_path / "ranker.json"), min_score=0)

    assert store.search("Where is the spare key?", ann).items[0].text == TURNS[0]
    assert store.search("Where is the spare key?", ann, learned).items[0].text != TURNS[0]


@pytest.mark.parametrize("content", [None, "", "{}", '{"corrections": [{"evidence": "names"}]}'])
def test_a_broken_ranker_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "ranker.json").write_text(content)

    with pytest.raises(PolicyBroken, match="learn the ranker anew"):
        Ranker.load(tmp_path / "ranker.json")


def test_recency_settles_ties_and_no_more(store: Store, clock: ManualClock, ann: Owner) -> None:
    for text in ("the gate code is 1111", "had soup", "the gate code is 2222"):
        store.add(Note(text=text), ann)
        clock.advance(timedelta(days=90).total_seconds())
    store.add(Note(text="had bread"), ann)

    found = store.search("what is the gate code", ann, ReadPolicy(recency=0.1, min_score=0)).items

    assert [item.text for item in found[:2]] == ["the gate code is 2222", "the gate code is 1111"]


def test_recency_beyond_a_tenth_is_refused() -> None:
    with pytest.raises(ValueError, match=r"less than or equal to 0\.1"):
        ReadPolicy(recency=0.2)
