"""The fail-closed hook: inside a run, a chat model or langchain tool that is not called by the gate raises.

langchain puts the handler into every callback manager it configures, also with `callbacks=[]` and inside tools. In a
bare thread the run's context variables are lost; `everywhere()` closes that hole for processes that do nothing else.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook

from interlock.runtime.errors import Ungoverned

Passage = Literal["none", "governed", "model", "tool"]

_passage: ContextVar[Passage] = ContextVar("interlock_passage", default="none")
_elsewhere: list[bool] = [False]


class Backstop(BaseCallbackHandler):
    """Raises when something starts that the gate did not start."""

    raise_error = True
    run_inline = True

    @property
    def ignore_chain(self) -> bool:
        return True

    @property
    def ignore_retry(self) -> bool:
        return True

    @property
    def ignore_custom_event(self) -> bool:
        return True

    def on_chat_model_start(self, serialized: dict[str, Any], messages: Any, **kwargs: Any) -> None:
        _require("model", "a chat model")

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], **kwargs: Any) -> None:
        _require("model", "a language model")

    def on_tool_start(self, serialized: dict[str, Any], input_str: str, **kwargs: Any) -> None:
        _require("tool", f"tool {(serialized or {}).get('name', '?')!r}")

    def on_retriever_start(self, serialized: dict[str, Any], query: str, **kwargs: Any) -> None:
        _require("tool", "a retriever")


def _require(passage: Passage, what: str) -> None:
    found = _passage.get()
    if found == "none" and not _elsewhere[0]:
        return
    if found != passage:
        raise Ungoverned(what=what)


@contextmanager
def passing(passage: Passage) -> Generator[None]:
    """Mark what runs in this block as inside a run, or as called by the gate."""
    token = _passage.set(passage)
    try:
        yield
    finally:
        _passage.reset(token)


def in_tool() -> bool:
    """Tell whether this is called by a tool that the gate called."""
    return _passage.get() == "tool"


def everywhere() -> None:
    """Refuse ungoverned calls in this whole process, bare threads included. For processes that only run agents."""
    _elsewhere[0] = True


BACKSTOP = Backstop()
_hook: ContextVar[Backstop | None] = ContextVar("interlock_backstop", default=BACKSTOP)
register_configure_hook(_hook, inheritable=True)
