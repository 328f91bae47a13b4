"""Chat models as the gate uses them: any `BaseChatModel`, bound once, called without wrappers where nobody listens."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage
from langchain_core.runnables import Runnable, RunnableBinding
from langchain_core.runnables.config import var_child_runnable_config
from pydantic import BaseModel, Field

from interlock.runtime.attempts import TRANSIENT, attempt
from interlock.runtime.clock import Clock, keeping_time
from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import ModelMissing
from interlock.runtime.gate.backstop import BACKSTOP
from interlock.runtime.stated import Stated


class Price(Stated):
    """US dollars for a million tokens."""

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)

    def of(self, given: int, made: int) -> Decimal:
        """Give the price of one call in US dollars."""
        return (self.input * given + self.output * made) / 1_000_000


_KEPT = 256
"""How many bound sets of tools are kept; every run may have been offered another one."""
_Key = tuple[bool, type[BaseModel] | None, tuple[str, ...] | None]

FREE = Price(input=Decimal(0), output=Decimal(0))


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A model with its tools bound."""

    model: BaseChatModel
    runnable: Runnable[Any, BaseMessage]
    options: dict[str, Any]
    functions: list[dict[str, Any]]
    schema_name: str
    retries: int

    async def generate(self, messages: Sequence[AnyMessage], clock: Clock) -> tuple[AIMessage, int]:
        """Ask, again after passing failures; gives the reply and the number of attempts."""

        async def once() -> AIMessage:
            return await (self._heard(messages) if _somebody_listens() else self._direct(messages))

        with keeping_time(clock):
            return await attempt(once, retries=self.retries, transient=TRANSIENT, clock=clock)

    async def _heard(self, messages: Sequence[AnyMessage]) -> AIMessage:
        return cast(AIMessage, await self.runnable.ainvoke(list(messages)))

    async def _direct(self, messages: Sequence[AnyMessage]) -> AIMessage:
        if not _is_plain(self.model):
            # langchain's own passage for cache, rate limit and streaming, without callback managers (decision 0005).
            result = await self.model._agenerate_with_cache(list(messages), **self.options)  # pyright: ignore[reportPrivateUsage]
            return cast(AIMessage, result.generations[0].message)
        result = await self.model._agenerate(list(messages), **self.options)  # pyright: ignore[reportPrivateUsage]
        made = result.generations[0]
        facts = {**(result.llm_output or {}), **(made.generation_info or {})}
        if facts:
            made.message.response_metadata = {**facts, **made.message.response_metadata}
        return cast(AIMessage, made.message)


@dataclass(frozen=True, kw_only=True)
class ChatModel:
    """A chat model with its name, its price and the agent's tools."""

    model: BaseChatModel
    name: str
    price: Price | None
    contracts: tuple[ToolContract, ...] = ()
    timeout_s: float = 60.0
    max_output_tokens: int = 1024
    retries: int = 2
    _bound: "dict[_Key, Bound]" = field(default_factory=dict["_Key", Bound], compare=False)

    def settings(self) -> dict[str, Any]:
        """Tell what of the model bears on requests and prices, as JSON data."""
        return {
            "max_output_tokens": self.max_output_tokens,
            "reads_returns": bool(getattr(self.model, "reads_returns", False)),
            "price": None if self.price is None else [str(self.price.input), str(self.price.output)],
        }

    def bound(self, *, tools: bool, schema: type[BaseModel] | None, offered: tuple[str, ...] | None = None) -> Bound:
        """Give the model with tools, one forced shape, or nothing bound. Made once each, and kept for recent ones.

        Args:
            tools: whether the agent's tools are bound.
            offered: names of those that are; None: all.
        """
        key = (tools, schema, offered if tools else None)
        if (found := self._bound.get(key)) is None:
            while len(self._bound) >= _KEPT:
                self._bound.pop(next(iter(self._bound)), None)
            found = self._bound[key] = self._bind(tools, schema, offered)
        return found

    def _bind(self, tools: bool, schema: type[BaseModel] | None, offered: tuple[str, ...] | None) -> Bound:
        functions = self._functions(tools, schema, offered)
        options: dict[str, Any] = {}
        if schema is not None:
            options["tool_choice"] = schema.__name__
        try:
            runnable = self.model.bind_tools(functions, **options) if functions else self.model
        except NotImplementedError as error:
            raise ModelMissing(
                what=f"model {self.name!r} cannot bind tools",
                where="bind_tools",
                fix='use a chat model that can, or model="embedded"',
            ) from error
        bound, kwargs = self.model, dict[str, Any]()
        if isinstance(runnable, RunnableBinding):
            inner = cast("RunnableBinding[Any, BaseMessage]", runnable)
            bound, kwargs = cast(BaseChatModel, inner.bound), dict(inner.kwargs)
        return Bound(
            model=bound,
            runnable=cast("Runnable[Any, BaseMessage]", runnable),
            options=kwargs,
            functions=functions,
            schema_name=schema.__name__ if schema else "",
            retries=self.retries,
        )

    def _functions(
        self, tools: bool, schema: type[BaseModel] | None, offered: tuple[str, ...] | None
    ) -> list[dict[str, Any]]:
        if schema is not None:
            return [_schema_function(schema)]
        if not tools:
            return []
        contracts = [each for each in self.contracts if offered is None or each.name in offered]
        functions = [contract.as_function() for contract in contracts]
        if getattr(self.model, "reads_returns", False):
            for function, contract in zip(functions, contracts, strict=True):
                function["function"]["returns"] = contract.result
                function["function"]["read_only"] = contract.read_only
        return functions


def _schema_function(schema: type[BaseModel]) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": schema.__name__,
            "description": (schema.__doc__ or schema.__name__).strip(),
            "parameters": schema.model_json_schema(),
        },
    }


def _is_plain(model: BaseChatModel) -> bool:
    """Tell whether a call needs nothing of langchain but the model itself: no cache, rate limit or streaming."""
    return (
        not model.cache
        and model.rate_limiter is None
        and model.output_version != "v1"
        and not getattr(model, "streaming", False)
        and (model.cache is False or get_llm_cache() is None)
    )


def _somebody_listens() -> bool:
    """Tell whether a callback other than our own hook would hear a model call made here."""
    config = var_child_runnable_config.get()
    callbacks: Any = config.get("callbacks") if config else None
    if callbacks is None:
        return False
    handlers = cast("list[object]", callbacks) if isinstance(callbacks, list) else callbacks.handlers
    return any(handler is not BACKSTOP for handler in handlers)
