"""Prompts in the journal: each message is stored once per prefix, so that a long thread writes only what is new.

A prompt is a list of cells, each holding one message and the digest of the cell before it (a Merkle list). Its digest
is that of its last cell. Two prompts share the cells of their common beginning.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from interlock.runtime.database import Transaction
from interlock.runtime.journal.journal import Journal

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage, BaseMessage

_SHOWN = ("tool_calls", "tool_call_id", "status", "name")
_KEPT = (*_SHOWN, "id", "additional_kwargs", "response_metadata", "usage_metadata", "invalid_tool_calls")


def message_shown(message: "BaseMessage") -> dict[str, Any]:
    """Give a message as JSON data, with what a model is shown of it."""
    return _facts(message, _SHOWN)


def message_kept(message: "BaseMessage") -> dict[str, Any]:
    """Give a message as JSON data, with everything needed to make it again."""
    return _facts(message, _KEPT)


def message_made(facts: dict[str, Any]) -> "AnyMessage":
    """Make a message again from what was kept of it."""
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

    kinds: dict[str, Any] = {"ai": AIMessage, "human": HumanMessage, "system": SystemMessage, "tool": ToolMessage}
    made: AnyMessage = kinds[facts["type"]](**{name: value for name, value in facts.items() if name != "type"})
    return made


def _facts(message: "BaseMessage", names: tuple[str, ...]) -> dict[str, Any]:
    facts: dict[str, Any] = {"type": message.type, "content": message.content}
    values = message.__dict__
    for name in names:
        if value := values.get(name):
            facts[name] = value
    return facts


class PromptTail:
    """The prompt last written on a thread, kept so that the next one costs only its new messages.

    Args:
        facts: what is written of a message; by default what a model is shown of it.
    """

    def __init__(self, facts: "Callable[[BaseMessage], dict[str, Any]]" = message_shown) -> None:
        self._facts = facts
        self._messages: list[BaseMessage] = []
        self._digests: list[str] = []
        self._sizes: list[int] = []

    @property
    def size(self) -> int:
        """Bytes of JSON of the prompt last written."""
        return sum(self._sizes)

    def forget(self) -> None:
        """Start anew: what was written last was rolled back, or nobody knows."""
        self._messages.clear()
        self._digests.clear()
        self._sizes.clear()

    def write(self, tx: Transaction, journal: Journal, subject: str, messages: "Sequence[BaseMessage]") -> str:
        """Store the cells that are new and return the prompt's digest."""
        kept = self._common(messages)
        del self._messages[kept:], self._digests[kept:], self._sizes[kept:]
        if not kept:
            kept = self._known_beginning(journal, subject, messages)
        for message in messages[kept:]:
            cell = _cell(self._digests[-1] if self._digests else None, self._facts(message))
            self._digests.append(journal.store(tx, subject, cell))
            self._messages.append(message)
            self._sizes.append(len(cell))
        return self._digests[-1] if self._digests else ""

    def _common(self, messages: "Sequence[BaseMessage]") -> int:
        count = 0
        for old, new in zip(self._messages, messages, strict=False):
            if old is not new and self._facts(old) != self._facts(new):
                break
            count += 1
        return count

    def _known_beginning(self, journal: Journal, subject: str, messages: "Sequence[BaseMessage]") -> int:
        """Find how many leading cells an earlier process has stored, by bisection: a stored cell's prefix is stored."""
        digests: list[str] = []
        sizes: list[int] = []
        for message in messages:
            cell = _cell(digests[-1] if digests else None, self._facts(message))
            digests.append(journal.digest(subject, cell))
            sizes.append(len(cell))
        low, high = 0, len(digests)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if journal.has_payload(digests[middle - 1]) else (low, middle - 1)
        self._messages[:] = messages[:low]
        self._digests[:] = digests[:low]
        self._sizes[:] = sizes[:low]
        return low


def _cell(previous: str | None, message: dict[str, Any]) -> bytes:
    return orjson.dumps({"prev": previous, "message": message}, default=str)


def read_prompt(journal: Journal, digest: str) -> list[dict[str, Any]]:
    """Give the messages of a prompt, oldest first; stops where a cell was erased."""
    found: list[dict[str, Any]] = []
    cell: Any = journal.payload(digest) if digest else None
    while cell is not None:
        found.append(cell["message"])
        cell = journal.payload(cell["prev"]) if cell["prev"] else None
    return found[::-1]
