"""What the journal records: a typed union of events, with a JSON form that later versions can read.

`content` names the fields that hold what people wrote or tools returned. They are stored apart, under a keyed
digest, so that they can be erased while the chain stays valid.
"""

# pyright: reportIncompatibleVariableOverride=false
# `model_config` freezes every event, so narrowing `kind` is safe; pyright sees only class keywords.

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from interlock.runtime.records import Caller, Decision, Label, Origin, Usage

Message = dict[str, Any]
"""A chat message as JSON: type, content, and what else it carries."""


class Event(BaseModel):
    """Something that happened in a run."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    content: ClassVar[frozenset[str]] = frozenset()

    kind: str


class RunStarted(Event):
    content = frozenset({"caller", "messages", "before"})

    kind: Literal["run_started"] = "run_started"
    agent: str
    caller: Caller
    turn: int
    manifest: str
    policy: str
    manifest_kept: str = ""
    """Digest of the payload that holds the manifest."""
    source: str = ""
    """Where the agent can be loaded from, if known."""
    parent: str = ""
    """The run of which this one is a fork, and the step at which it parts: `RUN@STEP`."""
    inside: str = ""
    """The run that this one is part of: what it uses, that one uses too."""
    in_tool: bool = False
    """Whether a tool of that run has asked for it."""
    history: str = ""
    """Digest of the messages that stood on the thread before; kept as a prompt is."""
    messages: list[Message]
    before: dict[str, Any] = {}
    """What else the thread's state held before the run."""


class RunResumed(Event):
    content = frozenset({"by"})

    kind: Literal["run_resumed"] = "run_resumed"
    by: Caller
    policy: str = ""
    """Version of the policies in force when it goes on."""
    manifest: str = ""
    manifest_kept: str = ""
    """Digest of the payload that holds the manifest, where it is another one than before."""


class RunEnded(Event):
    """A run is done, waits for a person, was stopped, or failed."""

    content = frozenset({"reason"})

    kind: Literal["run_ended"] = "run_ended"
    status: Literal["done", "waiting", "stopped", "failed"]
    code: str = ""
    reason: str = ""
    approvals: list[str] = []
    usage: Usage = Usage()


class Refused(Event):
    """The gate let something not pass."""

    content = frozenset({"request", "told"})

    kind: Literal["refused"] = "refused"
    action: str
    call: str = ""
    decision: Decision | None = None
    code: str
    request: Any = None
    told: str = ""
    """What the model or the caller was told."""
    label: Label = Label()
    origin: Origin | None = None


class ModelIntended(Event):
    kind: Literal["model_intended"] = "model_intended"
    call: str
    model: str
    prompt: str
    """Digest of the prompt's last cell; each cell holds one message and the digest of the cell before."""
    messages: int
    tools: str = ""
    """Digest of the bound tools' schemas."""
    schema_name: str = ""
    decision: Decision
    reserved: Usage


class ModelDone(Event):
    content = frozenset({"reply"})

    kind: Literal["model_done"] = "model_done"
    call: str
    reply: Message
    usage: Usage
    corrected: str = ""
    """What the provider reported to have used, where that cannot be, and was estimated instead."""
    attempts: int = 1
    cached: bool = False
    """A cache gave it again."""
    ms: float


class ModelFailed(Event):
    content = frozenset({"error"})

    kind: Literal["model_failed"] = "model_failed"
    call: str
    error: str
    usage: Usage
    ms: float


class ToolIntended(Event):
    content = frozenset({"arguments", "digest", "effect"})  # a digest of few possible arguments tells which they were

    kind: Literal["tool_intended"] = "tool_intended"
    call: str
    tool: str
    version: str
    read_only: bool
    arguments: dict[str, Any]
    digest: str
    effect: str = ""
    """Key in the effects ledger; empty for a read-only tool."""
    decision: Decision
    approval: str = ""
    label: Label
    origin: Origin | None = None


class ToolDone(Event):
    content = frozenset({"value"})

    kind: Literal["tool_done"] = "tool_done"
    call: str
    tool: str
    value: Any
    label: Label
    reused: bool = False
    """The effect had happened before; this is its recorded result."""
    cached: bool = False
    """A cache gave it again."""
    by: str = ""
    """The fallback that gave it, where the tool itself had failed."""
    usage: Usage
    ms: float


class ToolFailed(Event):
    content = frozenset({"error"})

    kind: Literal["tool_failed"] = "tool_failed"
    call: str
    tool: str
    error: str
    happened: Literal["no", "maybe"]
    usage: Usage
    ms: float


class ApprovalRequested(Event):
    content = frozenset({"arguments", "digest"})

    kind: Literal["approval_requested"] = "approval_requested"
    approval: str
    call: str
    tool: str
    arguments: dict[str, Any]
    digest: str
    decision: Decision
    expires_at: str


class ApprovalAnswered(Event):
    content = frozenset({"note", "arguments"})

    kind: Literal["approval_answered"] = "approval_answered"
    approval: str
    answer: Literal["approved", "denied", "edited", "happened", "expired"]
    by: str
    roles: tuple[str, ...]
    note: str = ""
    state: str = ""
    """How it stands now: `pending` where more people must approve."""
    arguments: dict[str, Any] = {}
    """What was put in place of the arguments, where it was edited."""


class ApprovalReminded(Event):
    kind: Literal["approval_reminded"] = "approval_reminded"
    approval: str
    tool: str
    roles: tuple[str, ...]
    left_s: float


class MemoryRead(Event):
    content = frozenset({"query", "items"})

    kind: Literal["memory_read"] = "memory_read"
    query: str
    items: list[dict[str, Any]]
    withheld: list[dict[str, Any]] = []
    decision: Decision
    ms: float


class MemoryIntended(Event):
    content = frozenset({"note"})

    kind: Literal["memory_intended"] = "memory_intended"
    note: dict[str, Any]
    decision: Decision
    approvals: list[str] = []


class MemoryWritten(Event):
    content = frozenset({"reason"})

    kind: Literal["memory_written"] = "memory_written"
    memory: str
    kept: bool
    code: str
    reason: str
    replaced: list[str] = []
    conflicts: list[str] = []
    policy: str = ""
    """Version of the write policy that decided."""
    ms: float


class MemoryPruned(Event):
    kind: Literal["memory_pruned"] = "memory_pruned"
    report: dict[str, Any]
    """Ids, codes and reasons; no text."""
    ms: float


class Replied(Event):
    content = frozenset({"text"})

    kind: Literal["replied"] = "replied"
    text: str
    schema_name: str = ""
    """What the text is JSON of; empty where it is free."""
    decision: Decision
    label: Label


class Noted(Event):
    """Something decided inside the house: a plan, a check, a replan."""

    content = frozenset({"facts"})

    kind: Literal["noted"] = "noted"
    what: str
    facts: dict[str, Any]


class Erased(Event):
    """Content was erased. The row is sealed at once; what is missing and stands in no such row was removed by hand."""

    content = frozenset({"digests", "runs", "threads"})

    kind: Literal["erased"] = "erased"
    erasure: str
    payloads: int
    digests: list[str]
    """Of the payloads that were erased."""
    runs: list[str]
    """Of which all was erased, in every table."""
    threads: list[str]
    """Of which the checkpoints were erased."""


class Unknown(Event):
    """An event of a later version; its fields are kept as they are."""

    kind: str
    fields: dict[str, Any] = {}


KINDS: dict[str, type[Event]] = {
    kind.model_fields["kind"].default: kind
    for kind in (
        RunStarted, RunResumed, RunEnded, Refused, ModelIntended, ModelDone, ModelFailed, ToolIntended, ToolDone,
        ToolFailed, ApprovalRequested, ApprovalAnswered, ApprovalReminded, MemoryRead, MemoryIntended, MemoryWritten,
        MemoryPruned, Replied, Noted, Erased,
    )
}  # fmt: skip


def read_event(kind: str, fields: dict[str, Any]) -> Event:
    """Make an event from its JSON form; a kind of a later version becomes `Unknown`, unknown fields are dropped."""
    model = KINDS.get(kind)
    return Unknown(kind=kind, fields=fields) if model is None else model.model_validate({**fields, "kind": kind})
