"""The embedded chat model, as langchain sees it."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import date
from typing import Any, ClassVar, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field, PrivateAttr

from interlock.runtime.clock import clock_of_run
from interlock.runtime.models.embedded.catalogue import Catalogue, read_tool
from interlock.runtime.models.embedded.conversation import read
from interlock.runtime.models.embedded.ranking import Embedder
from interlock.runtime.models.embedded.thinking import Thought, think

MODEL = "embedded-1"
CACHED_TOOLSETS = 32
Toolset = tuple[list[Any], Catalogue]


_LONG = 4_000
"""Characters from which on a conversation is read in a thread, so that nobody waits for it."""


def load_embedder() -> Embedder | None:
    """Load MiniLM; None where its weights are missing, and then words alone decide."""
    from interlock.runtime.errors import ModelMissing
    from interlock.runtime.models.embeddings import minilm

    try:
        embedder = minilm()
        embedder.embed(["ready"])
    except ModelMissing:
        return None
    return embedder


class EmbeddedChatModel(BaseChatModel):
    """A chat model that needs no key and no network, and always gives the same answer to the same messages.

    It is no language model: see the package's docstring for what it does and does not do.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, populate_by_name=True)

    reads_returns: ClassVar[bool] = True
    """Tool functions may carry `returns` (the result's schema) and `read_only` beside their parameters."""

    free: ClassVar[bool] = True
    """It costs nothing to ask."""

    model_name: str = Field(default=MODEL, alias="model")
    temperature: float | None = 0
    max_tokens: int | None = None
    stop: list[str] | None = None
    timeout: float | None = None
    max_retries: int | None = None
    streaming: bool = False
    embedder: Callable[[], Embedder | None] | None = Field(default=load_embedder, exclude=True)
    """Loads the sentence embedder when words do not settle which tool is meant; None: words alone decide."""
    today: Callable[[], date] | None = Field(default=None, exclude=True)
    """The day that "tomorrow" counts from. None: that of the run's clock, in UTC; outside of any, words stay words."""

    _toolsets: dict[tuple[int, ...], Toolset] = PrivateAttr(default_factory=dict[tuple[int, ...], Toolset])
    _loaded: list[Embedder | None] = PrivateAttr(default_factory=list[Embedder | None])

    @property
    def _llm_type(self) -> str:
        return "interlock-embedded"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = "interlock"
        params["ls_model_name"] = kwargs.get("model", self.model_name)
        return params

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | dict[str, Any] | bool | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools in any form that langchain knows; dicts may say what they return (`returns`)."""
        bound = [_as_function(tool, kwargs.get("strict")) for tool in tools]
        kwargs.pop("strict", None)
        return self.bind(tools=bound, **({} if tool_choice is None else {"tool_choice": tool_choice}), **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        thought = self._think(messages, stop, kwargs)
        return ChatResult(generations=[ChatGeneration(message=self._message(thought, messages, kwargs))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if self._takes_long(messages):
            return await asyncio.to_thread(self._generate, messages, stop, None, **kwargs)
        return self._generate(messages, stop, None, **kwargs)

    def _takes_long(self, messages: list[BaseMessage]) -> bool:
        """Tell whether others should not have to wait for this: weights may be loaded, or there is much to read."""
        unloaded = self.embedder is not None and not self._loaded
        return unloaded or sum(len(str(message.content)) for message in messages) > _LONG

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in self._chunks(messages, stop, kwargs):
            if run_manager is not None:
                run_manager.on_llm_new_token(str(chunk.message.text), chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._chunks(messages, stop, kwargs):
            if run_manager is not None:
                await run_manager.on_llm_new_token(str(chunk.message.text), chunk=chunk)
            yield chunk

    def _chunks(
        self, messages: list[BaseMessage], stop: list[str] | None, options: dict[str, Any]
    ) -> Iterator[ChatGenerationChunk]:
        whole = self._message(self._think(messages, stop, options), messages, options)
        for piece in re.findall(r"\s*\S+\s*?(?=\s|$)|\s+", str(whole.text)):
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
        for index, call in enumerate(whole.tool_calls):
            part = tool_call_chunk(name=call["name"], args=_json(call["args"]), id=call["id"], index=index)
            yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[part]))
        last = AIMessageChunk(
            content="",
            response_metadata=whole.response_metadata,
            usage_metadata=whole.usage_metadata,
            chunk_position="last",
        )
        yield ChatGenerationChunk(message=last)

    def _think(self, messages: list[BaseMessage], stop: list[str] | None, options: dict[str, Any]) -> Thought:
        tools = self._catalogue(options.get("tools") or [])
        thought = think(read(messages), tools, options.get("tool_choice"), self._meaning, self._day())
        for mark in stop or self.stop or ():
            if mark:
                thought = thought.until(mark)
        return thought

    def _day(self) -> date | None:
        if self.today is not None:
            return self.today()
        clock = clock_of_run()
        return clock.now().date() if clock else None

    def _catalogue(self, tools: list[Any]) -> Catalogue:
        key = tuple(id(tool) for tool in tools)
        if key not in self._toolsets:
            if len(self._toolsets) >= CACHED_TOOLSETS:
                self._toolsets.pop(next(iter(self._toolsets)))
            # The list is kept with its reading, so that no other tool can come to have the same id.
            self._toolsets[key] = (list(tools), Catalogue([read_tool(_as_function(tool, None)) for tool in tools]))
        return self._toolsets[key][1]

    def _meaning(self, text: str, others: Sequence[str]) -> list[float]:
        """Cosines of a text with others; zeros where no embedder can be had."""
        if not self._loaded:
            self._loaded.append(self.embedder() if self.embedder else None)
        embedder = self._loaded[0]
        if embedder is None:
            return [0.0] * len(others)
        vectors = embedder.embed([text, *others])
        return [float(cosine) for cosine in vectors[1:] @ vectors[0]]

    def _message(self, thought: Thought, messages: list[BaseMessage], options: dict[str, Any]) -> AIMessage:
        given = sum(_size(m) for m in messages) + sum(_length(str(t)) for t in options.get("tools") or ())
        made = _length(thought.text) + sum(_length(_json(c["args"])) + 8 for c in thought.calls)
        return AIMessage(
            content=thought.text,
            tool_calls=list(thought.calls),
            response_metadata={
                "model_name": options.get("model", self.model_name),
                "model_provider": "interlock",
                "confidence": thought.confidence,
                "pending": thought.pending,
                "finish_reason": "tool_calls" if thought.calls else "stop",
            },
            usage_metadata=UsageMetadata(input_tokens=given, output_tokens=made, total_tokens=given + made),
        )


def _as_function(tool: Any, strict: bool | None) -> dict[str, Any]:
    if isinstance(tool, dict):
        given = cast("dict[str, Any]", tool)
        if given.get("type") == "function" and "function" in given:
            return given
    return convert_to_openai_tool(cast(Any, tool), strict=strict)


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


def _size(message: BaseMessage) -> int:
    return _length(str(message.content)) + 4


def _length(text: str) -> int:
    """Count tokens by a rule of thumb: four bytes of UTF-8 each."""
    return -(-len(text.encode("utf-8", "replace")) // 4)
