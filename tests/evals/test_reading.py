"""Suites are read from YAML, or refused with the line and what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.evals import Suite, read_suite, read_suites
from interlock.runtime.errors import SuiteBroken

Write = Callable[..., Path]
Read = Callable[[str], Suite]
Refuse = Callable[[str], SuiteBroken]


def test_a_short_case_is_one_turn(suite: Read) -> None:
    read = suite("suite: s\ncases:\n  - {id: a, say: Hello, expect: {reply: {contains: hi}}}\n")

    case = read.cases[0]
    assert [exchange.say for exchange in case.exchanges()] == ["Hello"]
    assert case.expect.reply is not None and case.expect.reply.contains == ("hi",)


def test_a_date_stays_the_text_that_was_written(suite: Read) -> None:
    read = suite("suite: s\ncases:\n  - {id: a, say: x, expect: {reply: {contains: [2026-11-24]}}}\n")

    assert read.cases[0].expect.reply is not None
    assert read.cases[0].expect.reply.contains == ("2026-11-24",)


@pytest.fixture
def refusal(write: Write) -> Callable[[str], SuiteBroken]:
    """Read a suite that cannot be read."""

    def refusal(text: str) -> SuiteBroken:
        with pytest.raises(SuiteBroken) as raised:
            read_suite(write(text))
        return raised.value

    return refusal


def test_broken_yaml_names_its_line(refusal: Refuse, tmp_path: Path) -> None:
    broken = refusal("suite: s\ncases:\n  - id: a\n    say: [unclosed\n")

    assert broken.where == f"{tmp_path}/suite.yaml:5"
    assert "is not YAML" in broken.what
    assert broken.exit_status == 2


def test_an_unknown_key_names_its_line(refusal: Refuse, tmp_path: Path) -> None:
    broken = refusal(
        """\
        suite: s
        cases:
          - id: a
            say: x
            expect:
              reply:
                contain: y
        """,
    )

    assert str(broken) == (
        f"cases.0.expect.reply.contain: no such key ({tmp_path}/suite.yaml:7); remove the key, or correct its spelling"
    )


def test_a_number_where_text_is_meant_says_to_quote_it(refusal: Refuse) -> None:
    broken = refusal("suite: s\ncases:\n  - id: a\n    say: 1042\n")

    assert broken.where.endswith(":4")
    assert broken.fix == "put the value in quotes, so that YAML reads it as text"


def test_a_key_that_stands_twice_is_refused(refusal: Refuse, tmp_path: Path) -> None:
    broken = refusal("suite: s\ncases:\n  - id: a\n    say: x\n    say: y\n")

    assert (broken.what, broken.where) == ("key 'say' stands twice", f"{tmp_path}/suite.yaml:5")


def test_a_case_id_that_stands_twice_is_refused(refusal: Refuse) -> None:
    assert "case id stands twice: a" in refusal("suite: s\ncases: [{id: a, say: x}, {id: a, say: y}]\n").what


def test_a_pattern_that_cannot_be_searched_for_is_refused(refusal: Refuse) -> None:
    broken = refusal("suite: s\ncases:\n  - {id: a, say: x, expect: {reply: {matches: '(open'}}}\n")

    assert "is no regular expression: missing ), unterminated subpattern" in broken.what
    assert broken.where.endswith(":3")


def test_a_turn_does_exactly_one_thing(refusal: Refuse) -> None:
    broken = refusal("suite: s\ncases:\n  - id: a\n    turns:\n      - {say: x, approve: y, by: z}\n")

    assert "exactly one of say, approve and deny" in broken.what
    assert broken.where.endswith(":5")


def test_an_approval_needs_the_person_who_gives_it(refusal: Refuse) -> None:
    broken = refusal("suite: s\ncases:\n  - id: a\n    turns:\n      - {approve: refund}\n")

    assert "needs `by`" in broken.what


def test_an_object_tag_makes_no_object(refusal: Refuse, tmp_path: Path) -> None:
    broken = refusal("suite: s\ncases: !!python/object/apply:os.getcwd []\n")

    assert (broken.where, broken.fix) == (
        f"{tmp_path}/suite.yaml:2",
        "use text, numbers, lists and mappings only",
    )


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteBroken, match=r"nowhere\.yaml"):
        read_suites(tmp_path / "nowhere.yaml")


def test_a_folder_without_suites_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteBroken, match="no suite found"):
        read_suites(tmp_path)


def test_a_folder_is_read_in_the_order_of_names(write: Write, tmp_path: Path) -> None:
    for name in ("b", "a"):
        write(f"suite: {name}\ncases: [{{id: x, say: y}}]\n", f"{name}.yaml")

    assert [read.suite for read in read_suites(tmp_path)] == ["a", "b"]


@given(st.text())
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("suites") / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    with pytest.raises(SuiteBroken):
        read_suites(path)
