"""What holds for every error that Interlock raises. Each is made from its fields, whatever they are."""

import dataclasses
import inspect
import pickle
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.runtime import errors
from interlock.runtime.errors import InterlockError

KINDS = [it for it in vars(errors).values() if inspect.isclass(it) and issubclass(it, InterlockError)]
EXIT_STATUSES = {1, 2, 3, 4}

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@each_kind
@given(data=st.data())
def test_an_error_survives_the_way_to_another_process(kind: type[InterlockError], data: st.DataObject) -> None:
    error = data.draw(st.builds(kind))

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes

    assert type(copy) is kind
    assert _fields(copy) == _fields(error)
    assert str(copy) == str(error)


@each_kind
@given(data=st.data())
def test_an_error_says_something(kind: type[InterlockError], data: st.DataObject) -> None:
    if dataclasses.fields(kind):
        assert str(data.draw(st.builds(kind)))


def test_no_two_errors_share_a_code() -> None:
    codes = Counter(kind.code for kind in KINDS)

    assert {code: n for code, n in codes.items() if n > 1} == {}


@each_kind
def test_an_error_ends_the_command_line_with_a_documented_status(kind: type[InterlockError]) -> None:
    assert kind.exit_status in EXIT_STATUSES


def _fields(error: InterlockError) -> dict[str, object]:
    return {field.name: getattr(error, field.name) for field in dataclasses.fields(error)}
