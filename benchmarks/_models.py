"""The chat model that every loop is measured with: it calls a tool some rounds long, then answers."""

from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

ANSWER = "Order 1042 is on its way."
USAGE = UsageMetadata(input_tokens=100, output_tokens=20, total_tokens=120)


class RoundsModel(BaseChatModel):
    """Calls `tool` once in each round, and answers after the last. Needs no time of its own to think."""

    tool: str = "find_order"
    rounds: int = 0
    _asked: int = PrivateAttr(default=0)

    def restart(self, rounds: int) -> None:
        """Begin a run of so many rounds."""
        self.rounds = rounds
        self._asked = 0

    @property
    def _llm_type(self) -> str:
        return "rounds"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next())])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next())])

    def _next(self) -> AIMessage:
        self._asked += 1
        if self._asked > self.rounds:
            return AIMessage(ANSWER, usage_metadata=USAGE)
        call = {"name": self.tool, "args": {"order_id": 1000 + self._asked}, "id": f"call-{self._asked}"}
        return AIMessage("", tool_calls=[{**call, "type": "tool_call"}], usage_metadata=USAGE)
