"""Of many tools, the few that fit."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from interlock.runtime.contract import ToolContract
from interlock.runtime.models.embeddings import Embedder, TokenVectors, minilm
from interlock.tools import tool
from interlock.tools.selection import Selector

if TYPE_CHECKING:
    from interlock.runtime.models.embeddings import Matrix


def find_order(order_id: int) -> str:
    """Look up one order."""
    return str(order_id)


def weather_forecast(city: str, day: date) -> str:
    """Tell what the weather will be."""
    return f"{city} {day}"


def current_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """Tell what the weather is now."""
    return f"{city} {unit}"


def convert_currency(amount: Decimal, source: str, target: str) -> Decimal:
    """Convert an amount of money from one currency to another."""
    return amount * len(source + target)


def send_mail(to: str, subject: str, body: str) -> None:
    """Send an electronic letter."""


def playSong(title: str, artist: str = "") -> None:
    """Start playing music."""


def search_help(query: str) -> str:
    """Search the help articles: returns, delivery, payment, guarantee."""
    return query


FUNCTIONS: list[Callable[..., object]] = [
    find_order,
    weather_forecast,
    current_weather,
    convert_currency,
    send_mail,
    playSong,
    search_help,
]
TOOLS: list[ToolContract] = [tool(read_only=True)(function).contract for function in FUNCTIONS]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return minilm()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Where is order 1042?", "find_order"),
        ("How much is 100 euro in dollars?", "convert_currency"),
        ("Will it rain in Oslo tomorrow?", "weather_forecast"),
        ("How hot is it in Tel Aviv right now, in Fahrenheit?", "current_weather"),
        ("put on some jazz by Miles Davis", "playSong"),
        ("write to anna@example.org that I am late", "send_mail"),
        ("may I give the shoes back?", "search_help"),
    ],
)
def test_the_tool_that_is_meant_comes_first(embedder: Embedder, text: str, name: str) -> None:
    assert Selector(TOOLS, embedder).ranked(text)[0].name == name


@pytest.mark.parametrize("text", ["", "?!", "今天天气", "\N{PARTY POPPER}"])
def test_a_text_without_a_word_that_is_known_ranks_every_tool(embedder: Embedder, text: str) -> None:
    assert len(Selector(TOOLS, embedder).ranked(text)) == len(TOOLS)


def test_a_name_is_found_by_how_it_is_spelt_although_there_is_a_slip(embedder: Embedder) -> None:
    assert Selector(TOOLS, embedder).ranked("please use the curency convertor")[0].name == "convert_currency"


def test_each_part_of_a_request_finds_its_tool(embedder: Embedder) -> None:
    selected = Selector(TOOLS, embedder, keep=3).select("Look up order 7. Play a song by Abba.")

    assert {"find_order", "playSong"} <= {each.name for each in selected}


def test_pinned_tools_are_always_selected(embedder: Embedder) -> None:
    selected = Selector(TOOLS, embedder, keep=2, pinned=["send_mail"]).select("Where is order 1042?")

    assert [each.name for each in selected] == ["send_mail", "find_order"]


def test_few_tools_are_all_given_without_reading_the_text(embedder: Embedder) -> None:
    assert Selector(TOOLS[:3], embedder, keep=3).select("anything") == TOOLS[:3]


class Counting:
    """An embedder that counts what it is asked."""

    def __init__(self, inner: Embedder) -> None:
        self.inner, self.name, self.dimensions, self.texts = inner, inner.name, inner.dimensions, 0

    def embed(self, texts: Sequence[str]) -> "Matrix":
        self.texts += len(texts)
        return self.inner.embed(texts)

    def tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        return self.inner.tokens(texts)


def test_vectors_of_tools_are_kept_and_only_those_of_new_tools_are_made(embedder: Embedder, tmp_path: Path) -> None:
    store = tmp_path / "tools.npz"
    first, second = Counting(embedder), Counting(embedder)
    ranked = Selector(TOOLS[:-1], first, store=store).ranked("play music")
    again = Selector(TOOLS, second, store=store).ranked("play music")

    assert (first.texts, second.texts) == (2 * len(TOOLS[:-1]) + 1 + 1, 2 + 1 + 1)
    assert [each for each in again if each in ranked] == ranked


def test_what_was_kept_ranks_as_what_was_read_anew(embedder: Embedder, tmp_path: Path) -> None:
    store = tmp_path / "tools.npz"
    fresh = Selector(TOOLS, embedder, store=store).ranked("Is it warm in Rome?")

    assert Selector(TOOLS, embedder, store=store).ranked("Is it warm in Rome?") == fresh


def test_a_store_that_cannot_be_read_is_made_anew(embedder: Embedder, tmp_path: Path) -> None:
    store = tmp_path / "tools.npz"
    store.write_bytes(b"nonsense")

    assert Selector(TOOLS, embedder, store=store).ranked("play music")[0].name == "playSong"
