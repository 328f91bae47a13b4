"""A chat model that answers by script. For tests: the language model is the one part that may be faked."""

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, PrivateAttr

Line = AIMessage | str | Exception | Callable[[list[BaseMessage]], "AIMessage | str"]


class ScriptedChatModel(BaseChatModel):
    """Says its lines in order; an exception among them is raised, a function is asked with the prompt.

    Raises:
        IndexError: it is asked more often than it has lines.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    lines: Sequence[Any]
    free: bool = True
    _asked: list[list[BaseMessage]] = PrivateAttr(default_factory=list[list[BaseMessage]])

    def __init__(self, lines: Sequence[Line], **options: Any) -> None:
        given: dict[str, Any] = {"lines": list(lines), **options}
        super().__init__(**given)

    @property
    def asked(self) -> list[list[BaseMessage]]:
        """Every prompt so far, oldest first."""
        return self._asked

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[Any, AIMessage]:
        """Accept tools; the script decides which to call."""
        return self.bind(tools=tools, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        line: Line = self.lines[len(self._asked)]
        self._asked.append(list(messages))
        if isinstance(line, Exception):
            raise line
        said = line(messages) if callable(line) else line
        message = AIMessage(said) if isinstance(said, str) else said.model_copy()
        if message.usage_metadata is None:
            message.usage_metadata = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, None, **kwargs)
