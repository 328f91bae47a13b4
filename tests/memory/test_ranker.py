from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from interlock.memory import ReadPolicy
from interlock.memory.evidence import Candidates
from interlock.memory.ranker import Correction, Ranker, learn_ranker
from interlock.memory.store import Store
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import BadInput, PolicyBroken
from interlock.runtime.memories import Note, Owner

TURNS = ("Ann: Where is the spare key?", "Bob: Under the blue flower pot.", "Ann: Thanks, that is good to know!")


def told(store: Store, owner: Owner) -> list[str]:
    return [store.add(Note(text=text, kind="episode", run="r"), owner).id for text in TURNS]


def question(answer: str) -> tuple[Candidates, list[str]]:
    """Two candidates alike, but that one answers a question."""
    table = np.array([[0.5, float(id == answer)] for id in "ab"])
    return Candidates(ids=("a", "b"), kinds=("score", "answers"), table=table), [answer]


def first(ranker: Ranker, found: Candidates) -> str:
    return found.ids[ranker.order(found)[0]]


def test_candidates_come_with_what_speaks_for_them(store: Store, ann: Owner) -> None:
    ids = told(store, ann)

    found = store.candidates("Where is the spare key kept?", ann)

    assert set(found.ids) == set(ids)
    evidence = {id: dict(zip(found.kinds, row, strict=True)) for id, row in zip(found.ids, found.table, strict=True)}
    assert [evidence[id]["asks"] for id in ids] == [1, 0, 0]
    assert [evidence[id]["answers"] for id in ids] == [0, 1, 0]
    assert [evidence[id]["score, at -1"] for id in ids] == [0, evidence[ids[0]]["score"], evidence[ids[1]]["score"]]


def test_asking_for_candidates_counts_as_no_use(store: Store, ann: Owner) -> None:
    (first, *_) = told(store, ann)

    store.candidates("spare key", ann)

    assert store.show(first, ann).uses == 0


def test_a_user_of_whom_nothing_is_known_has_no_candidates(store: Store) -> None:
    found = store.candidates("spare key", Owner(tenant="t", user="nobody"))

    assert found.ids == ()
    assert Ranker(corrections=()).order(found) == []


def test_what_tells_answers_from_the_rest_is_learned() -> None:
    ranker = learn_ranker([question("ab"[n % 2]) for n in range(20)])

    assert first(ranker, question("b")[0]) == "b"


def test_the_same_questions_make_the_same_ranker() -> None:
    assert learn_ranker([question("a"), question("b")]) == learn_ranker([question("a"), question("b")])


def test_few_questions_change_less_than_many() -> None:
    def slope(questions: int) -> float:
        (part,) = (p for p in learn_ranker([question("b")] * questions).corrections if p.evidence == "answers")
        return part.slope

    assert 0 < slope(1) < slope(20)


def test_where_nothing_is_to_be_learned_the_fixed_order_stands() -> None:
    found, _ = question("a")
    unanswerable = (found, ["not among them"])

    for ranker in (learn_ranker([]), learn_ranker([unanswerable])):
        assert ranker.order(found) == [0, 1]


def test_a_ranker_changes_the_order_and_leaves_the_scores_to_the_places(store: Store, ann: Owner) -> None:
    told(store, ann)
    asked_last = ReadPolicy(
        ranker=Ranker(corrections=(Correction(evidence="asks", mean=0.0, slope=-9.0),)), min_score=0
    )

    fixed = store.search("Where is the spare key?", ann, ReadPolicy(min_score=0)).items
    learned = store.search("Where is the spare key?", ann, asked_last).items

    assert [item.score for item in learned] == [item.score for item in fixed]
    assert learned[-1].id == fixed[0].id


def test_a_read_policy_may_bring_a_ranker(store: Store, ann: Owner, tmp_path: Path) -> None:
    told(store, ann)
    Ranker(corrections=(Correction(evidence="asks", mean=0.0, slope=-1.0),)).save(tmp_path / "ranker.json")
    learned = ReadPolicy(ranker=Ranker.load(tmp_path / "ranker.json"), min_score=0)

    assert store.search("Where is the spare key?", ann).items[0].text == TURNS[0]
    assert store.search("Where is the spare key?", ann, learned).items[0].text != TURNS[0]


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "{}",
        '{"corrections": [{"evidence": "asks"}]}',
        '{"corrections": [{"evidence": "the weather", "mean": 0, "slope": 1}]}',
        '{"corrections": [{"evidence": "asks", "mean": 0, "slope": NaN}]}',
    ],
)
def test_a_broken_ranker_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "ranker.json").write_text(content)

    with pytest.raises(PolicyBroken, match="learn the ranker anew"):
        Ranker.load(tmp_path / "ranker.json")


def test_a_ranker_that_cannot_be_saved_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be saved"):
        Ranker(corrections=()).save(tmp_path / "nowhere" / "ranker.json")


def test_recency_settles_ties_and_no_more(store: Store, clock: ManualClock, ann: Owner) -> None:
    for text in ("the gate code is 1111", "had soup", "the gate code is 2222"):
        store.add(Note(text=text), ann)
        clock.advance(timedelta(days=90).total_seconds())
    store.add(Note(text="had bread"), ann)

    found = store.search("what is the gate code", ann, ReadPolicy(recency=0.1, min_score=0)).items

    assert [item.text for item in found[:2]] == ["the gate code is 2222", "the gate code is 1111"]


def test_recency_beyond_a_tenth_is_refused() -> None:
    with pytest.raises(BadInput, match=r"less than or equal to 0\.1"):
        ReadPolicy(recency=0.2)
