"""The embedded model as a chat model: metadata, streaming, structured output, cost."""

import time
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from pydantic import BaseModel
from tests.runtime.models.embedded_world import CALENDAR, HOUSE, bound, model


def test_a_reply_tells_how_sure_it_is() -> None:
    sure = bound(HOUSE).invoke("lock the front door").response_metadata
    lost = bound(HOUSE).invoke("compose a symphony").response_metadata

    assert sure["model_name"] == "embedded-1"
    assert lost["confidence"] < 0.5 < sure["confidence"]


def test_a_reply_tells_what_it_waits_for() -> None:
    reply = bound(CALENDAR).invoke("cancel my event")

    assert reply.response_metadata["pending"] == reply.text


def test_tokens_are_counted_by_rule_of_thumb() -> None:
    usage = model().invoke("12345678").usage_metadata

    assert usage is not None
    assert usage["input_tokens"] == 6


def test_streamed_chunks_add_up_to_the_reply() -> None:
    chunks = list(bound(HOUSE).stream("hello there"))
    whole: Any = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk

    assert len(chunks) > 3
    assert whole.text == bound(HOUSE).invoke("hello there").text


def test_it_says_that_it_is_no_language_model() -> None:
    assert "no language model" in model().invoke("Who are you?").text


class Booking(BaseModel):
    guest: str
    nights: int
    arrival: date
    price: Decimal
    board: Literal["none", "half", "full"]
    email: str


def test_a_shape_is_filled_from_what_was_said() -> None:
    said = "A room for guest named Ann Lee, 3 nights from 2026-05-01 with half board for 120.50 EUR, mail ann@x.example"

    found = model().with_structured_output(Booking).invoke(said)

    assert found == Booking(
        guest="Ann Lee", nights=3, arrival=date(2026, 5, 1), price=Decimal("120.5"), board="half", email="ann@x.example"
    )


def test_a_call_that_is_spelled_out_is_made_as_written() -> None:
    call: Any = bound(HOUSE).bind(tool_choice="any").invoke("What is get_climate(kitchen)?")

    assert [(c["name"], c["args"]) for c in call.tool_calls] == [("get_climate", {"room": "kitchen"})]


def test_the_same_messages_give_the_same_reply() -> None:
    first, second = (bound(CALENDAR).invoke("cancel events 4 and 7") for _ in range(2))

    assert (first.tool_calls, first.content) == (second.tool_calls, second.content)


@pytest.mark.parametrize("turns", [10, 1_000])
def test_a_long_conversation_costs_little_more_than_a_short_one(turns: int) -> None:
    history = [m for n in range(turns) for m in (HumanMessage(f"When does event {n} start?"), AIMessage("At 9."))]
    chat = model().bind_tools([])
    chat.invoke("hello")

    started = time.perf_counter()
    chat.invoke([SystemMessage("s"), *history, HumanMessage("hello")])

    assert time.perf_counter() - started < 0.25


def test_a_megabyte_of_text_is_answered_at_once() -> None:
    started = time.perf_counter()
    reply = bound(HOUSE).invoke("lock 'x " * 130_000)

    assert isinstance(reply.text, str)
    assert time.perf_counter() - started < 2.0
