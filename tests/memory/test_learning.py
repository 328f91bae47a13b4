from pathlib import Path

import numpy as np
import pytest

from interlock.memory import Ranker, ReadPolicy
from interlock.memory.evidence import Candidates
from interlock.memory.learning import Judged, judged, questions_in, tried
from interlock.memory.ranker import Correction
from interlock.memory.store import Store
from interlock.runtime.errors import BadInput, NotFound, PolicyBroken
from interlock.runtime.memories import Note, Owner


def question(number: int, *, telling: bool) -> Judged:
    """Twenty candidates, of which one answers, a late one where it is telling: then a mark says so."""
    rng = np.random.default_rng(number)
    answer = int(rng.integers(10 * telling, 20))
    mark = (np.arange(20) == answer) if telling else rng.random(20)
    table = np.stack([np.linspace(1, 0, 20), mark.astype(float)], axis=1)
    ids = tuple(str(place) for place in range(20))
    return Candidates(ids=ids, kinds=("score", "answers"), table=table), frozenset({str(answer)})


def test_what_is_learned_is_tried_on_questions_that_it_was_not_learned_from() -> None:
    found = tried([question(number, telling=True) for number in range(40)])

    assert (found.questions, found.before, found.after) == (40, 0, 1)
    assert found.gains


def test_what_marks_nothing_is_no_gain() -> None:
    assert not tried([question(number, telling=False) for number in range(40)], at=1).gains


def test_too_few_questions_are_refused() -> None:
    with pytest.raises(BadInput, match="4 questions are too few"):
        tried([question(number, telling=True) for number in range(4)])


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"question": "Who?"}', '{"question": "", "answers": ["a"]}', '{"question": "Who?", "answers": []}'],
)
def test_a_line_that_is_no_question_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "asked.jsonl"
    file.write_text('{"question": "Who?", "answers": ["a"]}\n\n' + line)

    with pytest.raises(BadInput, match="line 3"):
        questions_in(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"asked\.jsonl"):
        questions_in(tmp_path / "asked.jsonl")


def test_an_answer_that_is_no_memory_is_refused(store: Store, ann: Owner, tmp_path: Path) -> None:
    store.add(Note(text="has a cat"), ann)
    file = tmp_path / "asked.jsonl"
    file.write_text('{"question": "Who has a cat?", "answers": ["gone"]}')

    with pytest.raises(NotFound, match="no memory 'gone'"):
        judged(store, ann, questions_in(file))


def test_a_policy_names_a_ranker_by_its_file(tmp_path: Path) -> None:
    ranker = Ranker(corrections=(Correction(evidence="asks", mean=0.0, slope=1.0),))
    ranker.save(tmp_path / "ranker.json")
    (tmp_path / "read.yaml").write_text("ranker: ranker.json\nlimit: 3\n")

    assert ReadPolicy.load(tmp_path / "read.yaml").ranker == ranker


def test_a_policy_that_names_no_ranker_is_refused(tmp_path: Path) -> None:
    (tmp_path / "read.yaml").write_text("ranker: nowhere.json\n")

    with pytest.raises(PolicyBroken, match=r"nowhere\.json"):
        ReadPolicy.load(tmp_path / "read.yaml")


def test_a_policy_with_a_ranker_has_a_version_of_its_own() -> None:
    ranker = Ranker(corrections=(Correction(evidence="asks", mean=0.0, slope=1.0),))

    assert ReadPolicy(ranker=ranker).version != ReadPolicy().version
