"""The small protocols by which nodes reach the world. Behind each of them stands the gate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from interlock.runtime.clock import Clock
from interlock.runtime.contract import ToolContract
from interlock.runtime.memories import FactRule, Note, Owner, Pruned, Recall, Written
from interlock.runtime.records import UNTRACED, Decision, Label, Origin, ToolCall, ToolContext

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AnyMessage


class Model(Protocol):
    """A chat model, as nodes see it."""

    async def ask(
        self, messages: "Sequence[AnyMessage]", *, at: str, tools: bool = False, schema: type[BaseModel] | None = None
    ) -> "AIMessage":
        """Answer the messages.

        Args:
            messages: the prompt, oldest first.
            at: where in the run this call stands; the same place asks the same thing after a crash.
            tools: whether the agent's tools are offered.
            schema: a shape the answer must have; it comes back as the arguments of the one tool call.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ToolOutcome:
    """How one tool call ended."""

    call: ToolCall
    ok: bool
    content: str
    """What the model is shown: the result as JSON, or what went wrong and what to do."""
    value: Any = None
    """The validated result as JSON data; None unless ok."""
    label: Label = field(default_factory=Label)
    code: str = ""
    """Why the gate did not let it be tried, such as `arguments` or `denied`; empty where it was tried, or waits."""
    waiting: dict[str, Any] | None = None
    """The approval this call waits for, as shown to a person; None unless it waits."""


class Toolbox(Protocol):
    """The agent's tools, as nodes see them."""

    def catalogue(self) -> list[dict[str, Any]]:
        """Describe every tool the agent may use, with what it returns."""
        ...

    def contract(self, name: str) -> ToolContract | None:
        """Give the contract of a tool that the agent may use."""
        ...

    async def offer(self, text: str, *, at: str, used: Sequence[str] = ()) -> None:
        """Select the tools that this run may see and call, where the agent has many.

        Args:
            text: what the user wants; nothing that others wrote, for it would choose too.
            used: names of tools that the conversation has just used.
        """
        ...

    async def plan(self, tools: Sequence[str], *, at: str) -> None:
        """Let a plan pass that is to call these tools.

        Raises:
            PolicyDenied: it may not be made.
        """
        ...

    async def call(self, call: ToolCall, *, at: str, label: Label, origin: Origin = ...) -> ToolOutcome:
        """Run one call through the gate. A refusal or a wrong argument is an outcome, not an error.

        Args:
            call: tool and arguments as asked for.
            at: where in the run this call stands; one place and one request happen once.
            label: how far what chose the arguments may be trusted.
            origin: what led to the call, where it was traced.
        """
        ...


class Memory(Protocol):
    """The long-term memory of this run's user, as nodes see it."""

    async def recall(self, query: str, *, at: str) -> Recall: ...

    async def remember(self, note: Note, *, at: str) -> Written:
        """Offer a note. A refusal is an outcome; where a person must agree first, `waiting` is set."""
        ...

    async def prune(self, *, at: str) -> Pruned:
        """Take out what the prune policy says."""
        ...


class Door(Protocol):
    """The way in and out: a request passes the gate before the agent sees it, a reply before the user does."""

    async def enter(self, text: str, *, at: str) -> str:
        """Let a request in, and return it as it was let in.

        Raises:
            PolicyDenied: it may not come in.
        """
        ...

    async def reply(self, text: str, *, at: str, label: Label, given: Callable[[], str] = ...) -> str:
        """Let a reply out, and return it as it was let out.

        Args:
            text: the reply.
            at: where in the run it stands.
            label: of all that it was derived from.
            given: all that the user said and tools returned; asked only where a policy wants replies to be grounded.

        Raises:
            PolicyDenied: it may not go out.
            OutputBroken: it is not what the agent declares its replies to be.
        """
        ...


class Notebook(Protocol):
    """Where nodes put on record what is decided inside the house, such as a plan or a check."""

    async def note(self, kind: str, at: str, facts: dict[str, Any]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Deps:
    """What a node gets as `runtime.context`."""

    model: Model
    tools: Toolbox
    memory: Memory | None
    door: Door
    notebook: Notebook
    clock: Clock
    """Time, chance and identity. What it tells is put on record, so that the node can be replayed."""
    prompts: "Prompts"


class Prompts(Protocol):
    """The agent's versioned prompts."""

    def text(self, name: str) -> str:
        """Give the prompt's text.

        Raises:
            PromptBroken: there is none of that name.
        """
        ...


class Tool(Protocol):
    """Something that can be called, with its contract. Nodes never see one; the gate does."""

    @property
    def contract(self) -> ToolContract: ...

    def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Validate and normalise arguments into JSON data.

        Raises:
            ArgumentsRefused: with every wrong argument named, for the model to act on.
        """
        ...

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        """Do it once, within the timeout, and return the validated result as JSON data.

        Raises:
            ToolFailed: it did not deliver; `happened` tells whether the effect may have taken place.
        """
        ...


class Tracked(Protocol):
    """A tool that can be asked whether a call took effect. What `contract.tracked` promises."""

    async def status(self, arguments: dict[str, Any], context: ToolContext) -> tuple[bool, Any]:
        """Tell whether the call with this idempotency key took effect, and its result as JSON data.

        Raises:
            ToolFailed: it cannot tell.
        """
        ...


class Listing(Tool, Protocol):
    """A tool that can list the known values of some arguments, such as contacts or payees."""

    async def known(self, argument: str, context: ToolContext) -> list[Any]:
        """List them.

        Raises:
            ToolFailed: the registry did not answer.
        """
        ...


class MemoryStore(Protocol):
    """A memory that is open. Only the gate calls it."""

    async def recall(self, query: str, owner: Owner, *, roles: Sequence[str] = ()) -> Recall:
        """Find what answers the query and may be read by someone with these roles."""
        ...

    async def remember(self, note: Note, owner: Owner, *, approved: bool = False) -> Written:
        """Keep a note if the write policy allows it.

        Args:
            approved: a person has agreed, where the policy asks for one.
        """
        ...

    async def tidy(self, owner: Owner) -> Pruned:
        """Take out what the prune policy says."""
        ...

    def texts(self, owner: Owner) -> tuple[str, ...]:
        """List the texts that are live, newest first."""
        ...

    def close(self) -> None: ...


class MemoryPlan(Protocol):
    """A memory as an agent declares it: where and under which policies. Opened when a run first needs it."""

    @property
    def version(self) -> str:
        """Content hash of its policies."""
        ...

    @property
    def fact_rules(self) -> Sequence[FactRule]:
        """The rules by which facts are read from texts."""
        ...

    def asks(self, note: Note, now: datetime) -> Decision | None:
        """Tell whom the write policy wants to agree before a note is kept; None: nobody."""
        ...

    def open(self, home: Path, clock: Clock) -> MemoryStore: ...


class Selection(Protocol):
    """Chooses, of an agent's many tools, the few that a run is offered."""

    async def select(self, text: str, used: Sequence[str]) -> Sequence[str]:
        """Name the tools that fit what the user wants."""
        ...


class SelectionPlan(Protocol):
    """A selection as an agent declares it. Opened when a run first needs it."""

    @property
    def most(self) -> int:
        """How many tools are offered."""
        ...

    @property
    def pinned(self) -> Sequence[str]:
        """Names of tools that are always offered."""
        ...

    def open(self, contracts: Sequence[ToolContract], home: Path) -> Selection: ...


class Policies(Protocol):
    """Answers; does not act."""

    @property
    def version(self) -> str:
        """Content hash of the policies in force."""
        ...

    def decide(self, request: "Request") -> Decision: ...

    def looks_at(self, action: str, attribute: str) -> bool:
        """Tell whether a decision on the action can depend on an attribute, so that it need not be found out."""
        ...


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a policy is asked about: who wants to do what, with which typed arguments, under which label."""

    user: str
    tenant: str
    roles: tuple[str, ...]
    agent: str
    action: str
    """A tool's name, or `call_model`, `read_memory`, `write_memory`, `reply`."""
    arguments: dict[str, Any]
    label: Label
    origin: Origin = UNTRACED
    value: Any = None
    """What a tool returned, where the request is to take it."""
