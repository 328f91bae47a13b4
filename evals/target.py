"""What a suite runs: anything that takes turns at a place, and what is seen of it."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from interlock.runtime.records import Caller, Outcome, Status, Usage

CallOutcome = Literal["ok", "failed", "denied", "invalid", "waiting"]
"""How a call ended; `invalid`: its arguments did not fit, so it was not made."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one attempt at one case happens: nothing in it was used before."""

    case: str
    attempt: int
    folder: Path
    """Fresh; the project's setup may have put its database there."""
    home: Path
    """Inside `folder`; does not exist yet."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the project's setup asked for; in the environment while the case runs."""
    recording: Path | None = None
    """A recorded run whose models, tools and memory answer; None: they answer themselves."""


@dataclass(frozen=True, kw_only=True)
class Say:
    """The user says something on a thread."""

    text: str
    caller: Caller
    thread: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A person answers the approval that waits for a call of this tool, on a thread."""

    tool: str
    """Empty: whichever waits."""
    approve: bool
    by: Caller
    thread: str
    reason: str = ""


Turn = Say | Answer


class SeenCall(BaseModel, frozen=True, extra="forbid"):
    """One tool call that was asked for."""

    tool: str
    arguments: dict[str, Any] = {}
    outcome: CallOutcome = "ok"
    content: str = ""
    """What the model was shown of it."""


class SeenDecision(BaseModel, frozen=True, extra="forbid"):
    """What the policies said about one action."""

    action: str
    outcome: Outcome
    policies: tuple[str, ...] = ()
    reason: str = ""


class SeenApproval(BaseModel, frozen=True, extra="forbid"):
    """An approval that waits for a person."""

    id: str
    tool: str
    arguments: dict[str, Any] = {}
    roles: tuple[str, ...] = ()


class Observation(BaseModel, frozen=True, extra="forbid"):
    """What one turn, or a whole case, brought about."""

    status: Status
    reply: str = ""
    run: str = ""
    thread: str = ""
    calls: tuple[SeenCall, ...] = ()
    decisions: tuple[SeenDecision, ...] = ()
    waiting: tuple[SeenApproval, ...] = ()
    """What waits for a person after it."""
    usage: Usage = Usage()
    memories: tuple[str, ...] | None = None
    """What long-term memory holds for the user after it; None: not looked at."""
    error: str = ""


class Subject(Protocol):
    """A target at one place, which takes one turn after the other."""

    async def __call__(self, turn: Turn, /) -> Observation: ...


class Target(Protocol):
    """Anything that takes a case. Opened once for each attempt, closed after its last turn."""

    def __call__(self, place: Place, /) -> AbstractAsyncContextManager[Subject]: ...


def answering(function: Callable[[str], Awaitable[str]]) -> Target:
    """Make a target of any async function from text to text."""

    async def subject(turn: Turn) -> Observation:
        if isinstance(turn, Answer):
            raise TypeError("a plain function has no approvals to answer")
        return Observation(status="done", reply=await function(turn.text), thread=turn.thread)

    @asynccontextmanager
    async def target(_place: Place) -> AsyncGenerator[Subject]:
        yield subject

    return target


def whole(seen: Iterable[Observation]) -> Observation:
    """See the turns of a case as one: what was done adds up, what is left is what the last turn left."""
    turns = list(seen)
    usage = Usage()
    for turn in turns:
        usage = usage.plus(turn.usage)
    return turns[-1].model_copy(
        update={
            "calls": tuple(call for turn in turns for call in turn.calls),
            "decisions": tuple(decision for turn in turns for decision in turn.decisions),
            "usage": usage,
        }
    )
