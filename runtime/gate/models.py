"""The model port, with the gate before it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from langchain_core.messages import AIMessage, AnyMessage
from pydantic import BaseModel

from interlock.runtime.gate.gate import Call, Gate
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.gate.stops import BudgetSpent, PriceUnknown
from interlock.runtime.journal.events import ModelDone, ModelFailed, ModelIntended, Noted
from interlock.runtime.journal.prompts import message_kept
from interlock.runtime.records import Decision, Label, Usage
from interlock.runtime.storage.database import Transaction
from interlock.runtime.text import mended

if TYPE_CHECKING:
    from interlock.runtime.models.chat import Bound, ChatModel

_CHARS_PER_TOKEN = 4
_SAID = ("content", "tool_calls", "invalid_tool_calls", "additional_kwargs", "response_metadata")
_MOST_TOKENS = 10_000_000
"""What a call can have used at most: several times the longest context there is."""


@dataclass(frozen=True, kw_only=True)
class GatedModel:
    """Asks a chat model through the gate."""

    gate: Gate
    run: OpenRun
    model: "ChatModel"
    smaller: "ChatModel | None" = None
    """Which is asked instead when the run nears a limit."""

    async def ask(
        self, messages: Sequence[AnyMessage], *, at: str, tools: bool = False, schema: type[BaseModel] | None = None
    ) -> AIMessage:
        """Answer the messages (ports.Model)."""
        if self._nears_a_limit():
            self._wind_down(at)
        smaller = self.smaller if self.run.winding_down else None
        try:
            return await self._asked(smaller or self.model, messages, at, tools, schema)
        except BudgetSpent:
            if smaller is not None or self.smaller is None:
                raise
        self._wind_down(at)
        return await self._asked(self.smaller, messages, at, tools, schema)

    def _nears_a_limit(self) -> bool:
        plan = self.run.budget.wind_down
        if plan is None or self.run.winding_down:
            return False
        return self.run.share(self.gate.home.clock.monotonic()) >= plan.at

    def _wind_down(self, at: str) -> None:
        self.run.winding_down = True
        facts = {"model": (self.smaller or self.model).name}
        self.gate.record(self.run, at, Noted(what="wind down", facts=facts))

    async def _asked(
        self, model: "ChatModel", messages: Sequence[AnyMessage], at: str, tools: bool, schema: type[BaseModel] | None
    ) -> AIMessage:
        bound = model.bound(tools=tools, schema=schema, offered=self.run.offered)
        facts = {"model": model.name, "tools": tools}
        decision = self.gate.require(self.run, at, "call_model", facts, Label())
        if model.price is None and any(run.budget.limits_money for run in self.run.line):
            raise PriceUnknown(model=model.name)
        passage = _Asking(
            gate=self.gate, run=self.run, model=model, bound=bound, messages=messages, at=at, decision=decision
        )
        try:
            return await self.gate.pass_through(self.run, passage.call())
        except BaseException:
            self.run.tail.forget()
            raise


@dataclass(kw_only=True)
class _Asking:
    """One question to a model, on its way through the gate."""

    gate: Gate
    run: OpenRun
    model: "ChatModel"
    bound: "Bound"
    messages: Sequence[AnyMessage]
    at: str
    decision: Decision
    expected: Usage = field(default_factory=Usage, init=False)
    attempts: int = field(default=1, init=False)
    corrected: str = field(default="", init=False)
    """What was reported to be used, and cannot be."""
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = self.gate.home.clock.new_id()

    def call(self) -> Call[AIMessage]:
        return Call(
            at=self.at,
            passage="model",
            do=self.do,
            intended=self.intended,
            wanted=lambda: self.expected,
            done=self.done,
            failed=self.failed,
            used=self.used,
            limit_s=self.model.timeout_s,
        )

    def intended(self, tx: Transaction) -> ModelIntended:
        journal, subject = self.gate.home.journal, self.run.scope.subject
        prompt = self.run.tail.write(tx, journal, subject, self.messages)
        tools = journal.store(tx, "", orjson.dumps(self.bound.functions)) if self.bound.functions else ""
        self.expected = self._priced(self.run.tail.size // _CHARS_PER_TOKEN + 1, self.model.max_output_tokens)
        return ModelIntended(
            call=self.id,
            model=self.model.name,
            prompt=prompt,
            messages=len(self.messages),
            tools=tools,
            schema_name=self.bound.schema_name,
            decision=self.decision,
            reserved=self.expected,
        )

    async def do(self) -> AIMessage:
        reply, self.attempts = await self.bound.generate(self.messages, self.gate.home.clock)
        if reply.id is None:
            reply.id = f"m-{self.id}"
        self.corrected = _impossible(reply)
        return _mended(reply.model_copy(update={"usage_metadata": None}) if self.corrected else reply)

    def done(self, _tx: Transaction, reply: AIMessage, ms: float) -> ModelDone:
        return ModelDone(
            call=self.id, reply=message_kept(reply), usage=self.used(reply), corrected=self.corrected,
            attempts=self.attempts, cached=_from_cache(reply), ms=round(ms, 3),
        )  # fmt: skip

    def failed(self, _tx: Transaction, error: BaseException, ms: float) -> ModelFailed:
        return ModelFailed(
            call=self.id, error=f"{type(error).__name__}: {error}", usage=self.used(None), ms=round(ms, 3)
        )

    def used(self, reply: AIMessage | None) -> Usage:
        if reply is None:  # the prompt was sent, as far as we know
            return self._priced(self.expected.input_tokens, 0)
        if (counted := reply.usage_metadata) is None:
            return self._priced(self.expected.input_tokens, len(str(reply.content)) // _CHARS_PER_TOKEN + 1)
        return self._priced(counted["input_tokens"], counted["output_tokens"])

    def _priced(self, given: int, made: int) -> Usage:
        price = self.model.price
        usd = None if price is None else price.of(given, made)
        return Usage(input_tokens=given, output_tokens=made, model_calls=1, usd=usd)


def _impossible(reply: AIMessage) -> str:
    """Tell what was reported to be used, where that cannot be; empty where it can."""
    if (counted := reply.usage_metadata) is None:
        return ""
    given, made = counted["input_tokens"], counted["output_tokens"]
    return "" if min(given, made) >= 0 and max(given, made) <= _MOST_TOKENS else f"{given} tokens in, {made} out"


def _mended(reply: AIMessage) -> AIMessage:
    """Take out what no checkpoint, journal or provider would take."""
    said = {name: getattr(reply, name) for name in _SAID}
    whole = mended(said, integers=True)
    return reply if whole is said else reply.model_copy(update=whole)


def _from_cache(reply: AIMessage) -> bool:
    """Tell whether langchain's cache gave the reply again: it marks such usage as having cost nothing."""
    usage: dict[str, Any] = {**(reply.usage_metadata or {})}
    return usage.get("total_cost") == 0
