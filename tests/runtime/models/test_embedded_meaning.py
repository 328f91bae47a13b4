"""When the embedded model asks for meaning, and what it does with the answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tests.runtime.models.embedded_world import CALENDAR, FILES, HOUSE

from interlock.runtime.models.chat import ChatModel
from interlock.runtime.models.embedded import EmbeddedChatModel


class Topics:
    """Embeds a text by which of a few topics it speaks of; counts what it was asked."""

    def __init__(self, *topics: Sequence[str]) -> None:
        self.topics = topics
        self.asked = 0

    def embed(self, texts: Sequence[str]) -> Any:
        self.asked += 1
        rows = [[float(any(word in text.lower() for word in topic)) for topic in self.topics] for text in texts]
        found = np.array(rows, dtype=np.float32) + 1e-6
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def asked(tools: Sequence[Any], embedder: Topics, said: str) -> Any:
    model = EmbeddedChatModel(embedder=lambda: embedder)
    chat = ChatModel(model=model, name="embedded", price=None, contracts=tuple(t.contract for t in tools))
    return chat.bound(tools=True, schema=None).runnable.invoke(said)


def test_a_question_in_other_words_finds_its_lookup() -> None:
    embedder = Topics(("stuffy", "humidity"), ("door",), ("light",), ("mode",))

    reply = asked(HOUSE, embedder, "Is it stuffy in the bathroom?")

    assert [c["name"] for c in reply.tool_calls] == ["get_climate"]


def test_meaning_alone_never_acts_but_asks() -> None:
    embedder = Topics(("shred", "delete"), ("read",), ("list",), ("share",), ("move",), ("details",))

    reply = asked(FILES, embedder, "please shred the old stuff")

    assert reply.tool_calls == []
    assert reply.text == "Do you want me to delete the file?"


def test_where_words_settle_it_no_vectors_are_made() -> None:
    embedder = Topics(("event",))

    for said in ("cancel event 7", "When does event 7 start?", "hello", "My room is a mess.", "don't cancel it"):
        asked(CALENDAR, embedder, said)

    assert embedder.asked == 0
