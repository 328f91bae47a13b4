"""A text is found again where it was copied to, and not where other words stand."""

import pytest

from interlock.runtime.wording import Wording

SAID = "I prefer e-mail to phone calls, since I am deaf on one ear."


@pytest.mark.parametrize(
    "copy",
    [
        SAID,
        SAID.upper(),
        f"As you said:\n  {SAID.replace(' ', '  ')}",
        "You prefer e-mail to phone calls; noted.",
        "… since I am deaf on ONE ear",
    ],
)
def test_copies_are_found(copy: str) -> None:
    assert Wording([SAID]).in_data({"messages": [{"content": copy}]})


@pytest.mark.parametrize("other", ["", "phone calls", "I prefer tea to coffee", "e-mail"])
def test_other_words_are_not(other: str) -> None:
    assert not Wording([SAID]).in_text(other)


def test_a_short_text_counts_only_where_it_stands_alone() -> None:
    assert Wording(["Bern"]).in_text("BERN")
    assert not Wording(["Bern"]).in_text("I live in Bern, near the river")


def test_a_few_words_are_found_inside_others_as_whole_words() -> None:
    assert Wording(["blue bicycle"]).in_text("owns a Blue Bicycle")
    assert not Wording(["blue bicycle"]).in_text("owns blue bicycles")


def test_nothing_is_found_of_nothing() -> None:
    assert not Wording(["", " ... "]).in_text("")
