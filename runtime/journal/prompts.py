"""Prompts in the journal: each message is stored once per prefix, so that a long thread writes only what is new.

A prompt is a list of cells, each holding one message and the digest of the cell before it (a Merkle list). Its digest
is that of its last cell. Two prompts share the cells of their common beginning.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from interlock.runtime.journal.journal import Journal, written
from interlock.runtime.storage.database import Transaction

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


@dataclass
class _Chain:
    """A prompt as it was written: its messages, and the digest and size of each one's cell."""

    messages: "list[BaseMessage]" = field(default_factory=list)  # pyright: ignore[reportUnknownVariableType]
    digests: list[str] = field(default_factory=list[str])
    sizes: list[int] = field(default_factory=list[int])

    def cut(self, kept: int) -> None:
        """Keep only the beginning."""
        del self.messages[kept:], self.digests[kept:], self.sizes[kept:]

    def add(self, message: "BaseMessage", digest: str, size: int) -> None:
        """Put a cell at the end."""
        self.messages.append(message)
        self.digests.append(digest)
        self.sizes.append(size)


class PromptTail:
    """The prompts last written on a thread, kept so that the next one costs only its new messages.

    Args:
        facts: what is written of a message; by default what a model is shown of it.
    """

    def __init__(self, facts: "Callable[[BaseMessage], dict[str, Any]]" = message_shown) -> None:
        self._facts = facts
        self._chains: list[_Chain] = []
        self._sure = True

    @property
    def size(self) -> int:
        """Bytes of JSON of the prompt last written."""
        return sum(self._chains[-1].sizes) if self._chains else 0

    def forget(self) -> None:
        """Start anew: what was written last was rolled back, or nobody knows."""
        self._chains.clear()

    def doubt(self) -> None:
        """Look again before the next prompt is written: what was written may have been erased meanwhile."""
        self._sure = False

    def write(self, tx: Transaction, journal: Journal, subject: str, messages: "Sequence[BaseMessage]") -> str:
        """Store the cells that are new and return the prompt's digest."""
        if not self._sure:
            self._chains = [chain for chain in self._chains if chain.digests and journal.has_payload(chain.digests[-1])]
            self._sure = True
        chain, kept = self._begun(messages)
        chain.cut(kept)
        chain.messages[:] = messages[:kept]  # the same to the byte; to be found the same object next time
        if not kept:
            self._known_beginning(journal, subject, messages, chain)
        for message in messages[len(chain.messages) :]:
            cell = _cell(chain.digests[-1] if chain.digests else None, self._facts(message))
            chain.add(message, journal.store(tx, subject, cell), len(cell))
        return chain.digests[-1] if chain.digests else ""

    def _begun(self, messages: "Sequence[BaseMessage]") -> tuple[_Chain, int]:
        """Take the chain that begins most like these messages, and put it last; or begin one."""
        kept = [self._common(chain, messages) for chain in self._chains]
        if not any(kept):
            self._chains = [*self._chains[1 - MOST_CHAINS :], _Chain()]
            return self._chains[-1], 0
        best = max(range(len(kept)), key=kept.__getitem__)
        self._chains.append(self._chains.pop(best))
        return self._chains[-1], kept[best]

    def _common(self, chain: _Chain, messages: "Sequence[BaseMessage]") -> int:
        count = 0
        for old, new in zip(chain.messages, messages, strict=False):
            if old is not new and self._facts(old) != self._facts(new):
                break
            count += 1
        return count

    def _known_beginning(
        self, journal: Journal, subject: str, messages: "Sequence[BaseMessage]", chain: _Chain
    ) -> None:
        """Take over the leading cells that an earlier process has stored.

        Found by bisection: a stored cell's prefix is stored.
        """
        for message in messages:
            cell = _cell(chain.digests[-1] if chain.digests else None, self._facts(message))
            chain.add(message, journal.digest(subject, cell), len(cell))
        low, high = 0, len(messages)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if journal.has_payload(chain.digests[middle - 1]) else (low, middle - 1)
        chain.cut(low)


MOST_CHAINS = 4
"""How many prompts of different beginnings are kept of a run: a plan's, a step's and a reply's differ."""

MOST_TAILS = 64


class Tails:
    """The tails of the threads that this process has worked on last."""

    def __init__(self) -> None:
        self._tails: OrderedDict[tuple[str, ...], PromptTail] = OrderedDict()

    def prompts(self, thread: str, subject: str) -> PromptTail:
        """Give the tail of what models were shown."""
        return self._tail(("shown", thread, subject), message_shown)

    def history(self, thread: str, subject: str) -> PromptTail:
        """Give the tail of what the thread held before a run."""
        return self._tail(("kept", thread, subject), message_kept)

    def _tail(self, key: tuple[str, ...], facts: "Callable[[BaseMessage], dict[str, Any]]") -> PromptTail:
        if (found := self._tails.get(key)) is None:
            found = self._tails[key] = PromptTail(facts)
        self._tails.move_to_end(key)
        while len(self._tails) > MOST_TAILS:
            self._tails.popitem(last=False)
        found.doubt()
        return found


def _cell(previous: str | None, message: dict[str, Any]) -> bytes:
    return written({"prev": previous, "message": message})


def read_prompt(journal: Journal, digest: str) -> list[dict[str, Any]]:
    """Give the messages of a prompt, oldest first; stops where a cell was erased."""
    found: list[dict[str, Any]] = []
    cell: Any = journal.payload(digest) if digest else None
    while cell is not None:
        found.append(cell["message"])
        cell = journal.payload(cell["prev"]) if cell["prev"] else None
    return found[::-1]
