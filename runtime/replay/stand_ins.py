"""What stands for models, tools and memory: each answers with what was recorded at its place."""

import asyncio
import builtins
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage, AnyMessage
from pydantic import BaseModel

from interlock.runtime.bills import answered_by, waive
from interlock.runtime.clock import Clock
from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import InterlockError, ToolFailed
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.journal.prompts import message_made
from interlock.runtime.memories import Note, Owner, Pruned, Recall, Written
from interlock.runtime.models.chat import Bound, ChatModel
from interlock.runtime.ports import Deps, MemoryStore, Selection, Tool
from interlock.runtime.records import ToolContext
from interlock.runtime.replay.player import Answers, standing_at

_CANCEL_WAIT_S = 5.0


@dataclass(frozen=True, kw_only=True)
class RecordedModel(ChatModel):
    """A model that says again what it said."""

    answers: Answers

    def bound(self, *, tools: bool, schema: type[BaseModel] | None, offered: tuple[str, ...] | None = None) -> Bound:
        """Give the model with tools bound, or one forced shape."""
        inner = super().bound(tools=tools, schema=schema, offered=offered)
        return _RecordedBound(**vars(inner), answers=self.answers)


@dataclass(frozen=True, kw_only=True)
class _RecordedBound(Bound):
    answers: Answers

    async def generate(self, messages: Sequence[AnyMessage], clock: Clock) -> tuple[AIMessage, int]:
        step = await self.answers.answer("model_done", "model_failed")
        if step is None:
            return await super().generate(messages, clock)
        if step.kind == "model_failed":
            raise await raised(step.facts["error"])
        return cast(AIMessage, message_made(step.facts["reply"])), step.facts["attempts"]


@dataclass(frozen=True, kw_only=True)
class RecordedTool:
    """A tool that checks its arguments as ever, and gives again what it gave (ports.Tool)."""

    inner: Tool
    answers: Answers

    @property
    def contract(self) -> ToolContract:
        """The tool's promise."""
        return self.inner.contract

    def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Validate and normalise arguments."""
        return self.inner.check(arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        """Give the recorded result, or fail as it failed."""
        step = await self.answers.answer("tool_done", "tool_failed")
        if step is None:
            return await self.inner.run(arguments, context)
        if step.facts.get("cached") or (step.kind == "tool_failed" and step.facts["usage"]["usd"] == "0"):
            waive()
        if step.kind == "tool_done":
            answered_by(step.facts["by"])
            return step.facts["value"]
        name, error = self.contract.name, step.facts["error"]
        if error.startswith(told := f"ToolFailed: {name}: "):
            raise ToolFailed(tool=name, reason=error.removeprefix(told), happened=step.facts["happened"])
        raise await raised(error)


@dataclass(frozen=True, kw_only=True)
class RecordedMemory:
    """A memory that brings back what it brought back (ports.MemoryStore)."""

    answers: Answers
    inner: MemoryStore | None

    async def recall(self, query: str, owner: Owner, *, roles: Sequence[str] = ()) -> Recall:
        """Give what was found."""
        step = await self.answers.answer("memory_read", "refused")
        if step is None:
            return await self._live().recall(query, owner, roles=roles)
        if step.kind == "refused":
            raise await raised(step.facts["told"])
        return Recall.model_validate({"items": step.facts["items"], "withheld": step.facts["withheld"]})

    async def remember(self, note: Note, owner: Owner, *, approved: bool = False) -> Written:
        """Give what the write policy decided."""
        step = await self.answers.answer("memory_written", "refused")
        if step is None:
            return await self._live().remember(note, owner, approved=approved)
        if step.kind == "refused":
            raise await raised(step.facts["told"])
        facts = step.facts
        return Written(
            kept=facts["kept"], code=facts["code"], reason=facts["reason"], id=facts["memory"],
            replaced=tuple(facts["replaced"]), conflicts=tuple(facts.get("conflicts", ())),
            policy=facts.get("policy", ""),
        )  # fmt: skip

    async def tidy(self, owner: Owner) -> Pruned:
        """Give what was pruned."""
        step = await self.answers.answer("memory_pruned", "refused")
        if step is None:
            return await self._live().tidy(owner)
        if step.kind == "refused":
            raise await raised(step.facts["told"])
        return Pruned.model_validate(step.facts["report"])

    def texts(self, owner: Owner) -> tuple[str, ...]:
        """List what is remembered; a recording does not know."""
        return self.inner.texts(owner) if self.inner else ()

    def close(self) -> None:
        """Let go of the real memory, if there is one."""
        if self.inner:
            self.inner.close()

    def _live(self) -> MemoryStore:
        assert self.inner is not None  # noqa: S101  # only forks go on live, and they open the memory
        return self.inner


@dataclass(frozen=True, kw_only=True)
class RecordedSelection:
    """A selection that offers what was offered (ports.Selection)."""

    answers: Answers
    opened: Callable[[], Selection]

    async def select(self, text: str, used: Sequence[str]) -> Sequence[str]:
        """Name the tools that were offered here."""
        step = await self.answers.answer("noted")
        return await self.opened().select(text, used) if step is None else step.facts["facts"]["tools"]


async def raised(told: str) -> BaseException:
    """Make an error that reads as the recorded one: `Name: text`.

    A cancelled call waits here to be cancelled again, by the same sibling's failure.
    """
    name, _, text = told.partition(": ")
    if name == "CancelledError":
        await asyncio.sleep(_CANCEL_WAIT_S)
        return asyncio.CancelledError()
    found = getattr(builtins, name, None)
    if isinstance(found, type) and issubclass(found, Exception):
        error = cast(BaseException, found(text) if text else found())
        if str(error) == text:
            return error
    parent = next((kind for kind in _errors(InterlockError) if kind.__name__ == name), Exception)
    return cast(BaseException, type(name, (_Recorded, parent), {"__module__": __name__})(text))


class _Recorded(Exception):
    """An error of which only name and text are known."""

    def __init__(self, text: str) -> None:
        Exception.__init__(self, text)
        self._text = text

    def __str__(self) -> str:
        return self._text


def _errors(root: type[InterlockError]) -> list[type[InterlockError]]:
    return [root, *(kind for leaf in root.__subclasses__() for kind in _errors(leaf))]


class InTurn:
    """A port whose every call waits until the recording has come to it."""

    def __init__(self, port: Any, run: OpenRun, answers: Answers) -> None:
        self._port, self._run, self._answers = port, run, answers

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not inspect.iscoroutinefunction(found):
            return found

        signature = inspect.signature(found)

        async def waiting(*given: Any, **named: Any) -> Any:
            at = signature.bind(*given, **named).arguments["at"]
            with standing_at(self._run.place(at)):
                await self._answers.turn()
                return await found(*given, **named)

        self.__dict__[name] = waiting  # read once
        return waiting


def in_turn(deps: Deps, run: OpenRun, answers: Answers) -> Deps:
    """Let every port of a run wait for its turn."""
    return Deps(
        model=cast(Any, InTurn(deps.model, run, answers)),
        tools=cast(Any, InTurn(deps.tools, run, answers)),
        memory=None if deps.memory is None else cast(Any, InTurn(deps.memory, run, answers)),
        door=cast(Any, InTurn(deps.door, run, answers)),
        notebook=cast(Any, InTurn(deps.notebook, run, answers)),
        clock=deps.clock,
        prompts=deps.prompts,
    )
