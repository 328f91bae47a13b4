"""What a chatbot gets back: a reply, or the events on the way to it."""

from typing import Any, Literal

from pydantic import BaseModel

from interlock.runtime.records import Status, Usage


class CallMade(BaseModel, frozen=True):
    """One tool call of a run, as it was made or refused."""

    tool: str
    arguments: dict[str, Any]
    outcome: Literal["done", "failed", "refused", "waiting"]
    value: Any = None
    policies: tuple[str, ...] = ()
    detail: str = ""


class Reply(BaseModel, frozen=True):
    """How a run stands when it comes back."""

    text: str
    data: Any = None
    """What the text is JSON of, where the agent declares an output."""
    status: Status
    run: str
    thread: str
    approvals: list[dict[str, Any]] = []
    """What a person must answer before the run goes on."""
    calls: list[CallMade] = []
    usage: Usage = Usage()
    code: str = ""
    """Stable code of what stopped or failed the run."""
    before: "Reply | None" = None
    """The reply of an earlier run of the thread that had to be finished first."""


class Token(BaseModel, frozen=True):
    """A piece of a model's text, while it is being made."""

    kind: Literal["token"] = "token"
    text: str
    node: str


class NodeDone(BaseModel, frozen=True):
    """A node has finished."""

    kind: Literal["node"] = "node"
    node: str


class ToolReturned(BaseModel, frozen=True):
    """A tool call has ended."""

    kind: Literal["tool"] = "tool"
    tool: str
    ok: bool
    content: str


class Ended(BaseModel, frozen=True):
    """The run has come back."""

    kind: Literal["ended"] = "ended"
    reply: Reply


SessionEvent = Token | NodeDone | ToolReturned | Ended
