from collections.abc import Callable

import pytest
from pydantic import ValidationError

from interlock import Budget, Caller
from interlock.memory import ReadPolicy, WritePolicy
from interlock.runtime.errors import BadInput
from interlock.runtime.memories import FactRule, Note
from interlock.runtime.models.chat import Price
from interlock.runtime.records import Limit


@pytest.mark.parametrize(
    ("make", "what", "where"),
    [
        (lambda: Budget(steps=-1), "steps: Input should be greater than or equal to 1", "Budget"),
        (lambda: Caller(user=""), "user: String should have at least 1 character", "Caller"),
        (
            lambda: WritePolicy(min_confidence=3),
            "min_confidence: Input should be less than or equal to 1",
            "WritePolicy",
        ),
        (lambda: Price(input=-1, output=0), "input: Input should be greater than or equal to 0", "Price"),
        (lambda: FactRule(pattern="("), "no regular expression", "FactRule"),
        (Note, "text: Field required", "Note"),
    ],
)
def test_a_value_that_cannot_be_is_an_error_that_names_its_field(
    make: Callable[[], object], what: str, where: str
) -> None:
    with pytest.raises(BadInput) as refused:
        make()

    assert what in refused.value.what
    assert refused.value.where == where


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(BadInput) as refused:
        Budget(steps=0, limits=[{"scope": "galaxy"}])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]

    steps, scope = refused.value.what.split("; ")
    assert steps == "steps: Input should be greater than or equal to 1"
    assert scope == "limits.0.scope: Input should be 'thread', 'user' or 'tenant'"


def test_for_an_unknown_field_the_known_ones_are_listed() -> None:
    with pytest.raises(BadInput) as refused:
        ReadPolicy(top=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

    assert refused.value.fix.startswith("it takes limit, min_score, kinds")


def test_what_reads_data_gets_the_error_that_knows_the_place() -> None:
    with pytest.raises(ValidationError):
        Limit.model_validate({"scope": "galaxy"})
