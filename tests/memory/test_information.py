import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.memory.information import information


def test_rare_words_tell_more_than_common_ones() -> None:
    common, rare = information(["the cat sat", "the cat jumped over Selma", "the cat sat"])[:2]

    assert 0 < common < rare


def test_greetings_thanks_and_questions_tell_nothing_that_a_statement_does_not() -> None:
    texts = ["Where is the harbour?", "Did you know? The harbour opens at 9.", "The harbour opens at 9."]

    asked, both, stated = information(texts)

    assert asked == 0
    assert both == pytest.approx(stated)


def test_numbers_tell_something() -> None:
    with_number, without = information(["born in 1984", "born"])

    assert with_number > without


@given(st.lists(st.text(max_size=60), max_size=8))
def test_what_any_text_tells_is_no_less_than_nothing(texts: list[str]) -> None:
    told = information(texts)

    assert len(told) == len(texts)
    assert all(nats >= 0 for nats in told)
