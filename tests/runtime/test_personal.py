"""Personal data and secrets of patterned kinds: what is found, and what only looks like it."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.runtime import personal, secrets


def found(text: str) -> list[tuple[str, str]]:
    return [(each.kind, text[each.start : each.end]) for each in personal.find(text)]


HELD = [
    ("my iban is gb42nawi04454264788619", "iban", "gb42nawi04454264788619"),
    ("DE89 3704 0044 0532 0130 00 please", "iban", "DE89 3704 0044 0532 0130 00"),
    ("paid with 4111-1111-1111-1111", "card", "4111-1111-1111-1111"),
    ("points on credit card 060426070011 today", "card", "060426070011"),
    ("ring +447700677662 mobile", "phone", "+447700677662"),
    ("Phone:\n467 3395\n", "phone", "467 3395"),
    ("781 1704 office", "phone", "781 1704"),
    ("(37) 788-063-Office", "phone", "(37) 788-063"),
    ("345-899-3560x4587", "phone", "345-899-3560x4587"),
    ("Fax: 9498777106", "phone", "9498777106"),
    ("my number is 054-28-6917", "ssn", "054-28-6917"),
    ("from 6e40:4041:c617:e898:c11:40d2:c669:2eb4", "ip", "6e40:4041:c617:e898:c11:40d2:c669:2eb4"),
    ("see https://shop.example/a?b=1 now", "link", "https://shop.example/a?b=1"),
]


@pytest.mark.parametrize(("text", "kind", "what"), HELD)
def test_personal_data_is_found_where_it_stands(text: str, kind: str, what: str) -> None:
    assert found(text) == [(kind, what)]


@pytest.mark.parametrize(
    "text",
    [
        "order number 12345678",
        "sent on 2026-11-22 11:22:33, due 11/22/2026",
        "that makes 1 234 567 in all, or 12.345.678",
        "timestamp 1700000000000",
        "call me about order 1234567",
        "ISBN 978-3-16-148410-0",
        "invoice 4711-0815-2026",
        "account GB56HXDO88167774656118",
        "card 4111 1111 1111 1112",
        "123e4567-e89b-12d3-a456-426614174000",
        "it is 12:30, and pi is 3.14159265358979",
        "ends at ::1",
    ],
)
def test_what_only_looks_like_personal_data_is_left_alone(text: str) -> None:
    assert found(text) == []


@given(st.text(alphabet="0123456789 +-().:/@axDEGB\n", max_size=60))
def test_findings_lie_in_the_text_in_order_and_apart(text: str) -> None:
    spans = [(each.start, each.end) for each in personal.find(text)]

    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_a_long_run_of_digits_takes_no_time() -> None:
    assert found("1 " * 50_000) == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Bearer sk-proj-abcdefghijklmnop1234 and go on", "Authorization: Bearer [secret] and go on"),
        ("DB_PASSWORD=hunter2x; next", "DB_PASSWORD=[secret]; next"),
        ("redis://:pa55word@cache:6379/0", "redis://:[secret]@cache:6379/0"),
        ('{"client_secret": "a1b2c3d4e5"}', '{"client_secret": "[secret]"}'),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nabc\n-----END PGP PRIVATE KEY BLOCK----- ok", "[secret] ok"),
    ],
)
def test_a_secret_is_masked_once_and_what_stands_around_it_stays(text: str, left: str) -> None:
    assert secrets.masked(text) == left


@pytest.mark.parametrize("text", ["x" * 300_000, ":" * 20_000 + "g", "a." * 100_000, "ann@b.example " * 5_000])
def test_long_texts_are_read_in_time_that_grows_with_their_length(text: str) -> None:
    began = time.process_time()
    personal.mask(text)
    assert time.process_time() - began < 3
