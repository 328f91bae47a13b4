"""Learn a ranker from questions of which it is known what answers them, and try it on those it has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError

from interlock.memory.evidence import Candidates
from interlock.memory.ranker import Ranker, learn_ranker
from interlock.runtime.errors import BadInput
from interlock.runtime.memories import Owner
from interlock.runtime.stated import Stated, field_error

if TYPE_CHECKING:
    from interlock.memory.store import Store

PARTS = 5
AT = 10
ERRORS = 2
"""How many standard errors a gain must exceed."""
Judged = tuple[Candidates, frozenset[str]]
"""A question's candidates, and the ids that answer it."""


class Question(Stated):
    """A question, and the ids of the memories that answer it."""

    question: str = Field(min_length=1)
    answers: frozenset[str] = Field(min_length=1)


@dataclass(frozen=True, kw_only=True)
class Learned:
    """A ranker learned from all questions, and what rankers learned from some of them did on the others."""

    ranker: Ranker
    questions: int
    before: float
    """Recall by the fixed weights: which share of a question's answers is among the first, on average."""
    after: float
    """Recall by rankers that had not seen the question."""
    error: float
    """Standard error of the difference."""

    @property
    def gains(self) -> bool:
        """Tell whether it is better by more than chance would make it but rarely."""
        return self.after - self.before > ERRORS * self.error


def questions_in(file: Path) -> tuple[Question, ...]:
    """Read questions from a file with one JSON object a line: `{"question": "...", "answers": ["<id>", ...]}`.

    Raises:
        BadInput: the file cannot be read, or a line is no such object.
    """
    fix = 'write one object a line: {"question": "...", "answers": ["<id of a memory>"]}'
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(what=str(error), where=str(file), fix=fix) from error
    found: list[Question] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(Question.model_validate_json(line))
        except ValidationError as error:
            raise BadInput(what=field_error(error.errors()[0]), where=f"{file}, line {number}", fix=fix) from error
    return tuple(found)


def judged(store: "Store", owner: Owner, questions: Sequence[Question]) -> list[Judged]:
    """Look up the candidates of each question.

    Raises:
        NotFound: an answer is none of the owner's memories.
    """
    for id in frozenset[str]().union(*(question.answers for question in questions)):
        store.show(id, owner)
    return [(store.candidates(question.question, owner), question.answers) for question in questions]


def tried(questions: Sequence[Judged], *, parts: int = PARTS, at: int = AT) -> Learned:
    """Learn from all questions; and part by part, try on each part what is learned from the others.

    Args:
        questions: those that follow each other, as about one conversation, fall into the same part.
        parts: how many parts there are.
        at: how many memories count as the first.

    Raises:
        BadInput: there are fewer questions than parts.
    """
    if len(questions) < parts:
        what = f"{len(questions)} questions are too few to hold a part of them back"
        raise BadInput(what=what, where="learning a ranker", fix=f"judge at least {parts}, better some hundreds")
    before = [_recall(found.ids[:at], answers) for found, answers in questions]
    after: list[float] = []
    for part in range(parts):
        start, end = part * len(questions) // parts, (part + 1) * len(questions) // parts
        ranker = learn_ranker([*questions[:start], *questions[end:]])
        after += [
            _recall([found.ids[place] for place in ranker.order(found)[:at]], answers)
            for found, answers in questions[start:end]
        ]
    gained = [new - old for old, new in zip(before, after, strict=True)]
    return Learned(
        ranker=learn_ranker(questions),
        questions=len(questions),
        before=fmean(before),
        after=fmean(after),
        error=stdev(gained) / len(gained) ** 0.5,
    )


def _recall(first: Sequence[str], answers: frozenset[str]) -> float:
    return len(answers.intersection(first)) / len(answers)
