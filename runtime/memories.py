"""What a long-term memory takes and gives, as nodes, the gate and the memory's own floor see it."""

import re
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from interlock.runtime.records import Label
from interlock.runtime.stated import Stated


def compiles(pattern: str) -> str:
    """Refuse what is no regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    return pattern


Kind = Literal["fact", "preference", "episode", "procedure"]
Speaker = Literal["user", "agent", "tool", "operator"]
Sensitivity = Literal["normal", "personal", "secret"]


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whose memory it is. Nothing crosses tenants or users."""

    tenant: str
    user: str
    agent: str = ""
    """Empty: shared by all agents that serve this user."""


class Slot(Stated):
    """A named place that holds one value at a time (or many), such as the user's preferred channel."""

    subject: str
    attribute: str
    many: bool = False


class Note(Stated):
    """Something offered to memory. The write policy decides whether it is kept."""

    text: str
    kind: Kind = "fact"
    slot: Slot | None = None
    said_by: Speaker = "user"
    run: str = ""
    event: str = ""
    """The place in the run where it was learned."""
    confidence: float = Field(default=1.0, ge=0, le=1)
    importance: float = Field(default=0.5, ge=0, le=1)
    """How much it would be missed; what matters least is pruned first."""
    pinned: bool = False
    """Whether pruning must leave it alone."""
    sensitivity: Sensitivity = "normal"
    purposes: tuple[str, ...] = ()
    """What it may be used for; empty: anything."""
    label: Label = Label()
    valid_from: datetime | None = None
    """When it became true in the world; None: when it is learned."""
    valid_to: datetime | None = None
    """When it ceases to be true; None: not before something supersedes it."""
    expires_at: datetime | None = None
    """When it is not to be kept any longer, true or not."""

    def facts(self) -> dict[str, str]:
        """Give what policies may look at."""
        return {"text": self.text, "kind": self.kind, "said_by": self.said_by, "sensitivity": self.sensitivity}


class Written(BaseModel, frozen=True, extra="forbid"):
    """What the write policy decided about one note."""

    kept: bool
    code: str
    """Stable reason code, such as `kept`, `duplicate`, `superseded-other`, `untrusted-source`, `too-long`."""
    reason: str
    id: str = ""
    replaced: tuple[str, ...] = ()
    """Ids of memories that this one closed."""
    conflicts: tuple[str, ...] = ()
    """Ids of memories that say otherwise, and hold beside it."""
    policy: str = ""
    """Version of the write policy that decided."""
    waiting: dict[str, Any] | None = None
    """The approval that it waits for, as shown to a person; None unless it waits."""


class FactRule(Stated):
    """Reads a fact from what the user says, or from a tool's result, without any model."""

    said_by: Literal["user", "tool"] = "user"
    tool: str = ""
    """Which tool's results it reads; needed where a tool speaks."""
    field: str = ""
    """Dotted path into the result; empty: the result as a whole."""
    pattern: Annotated[str, AfterValidator(compiles)] = "(?s)(?P<value>.+)"
    """A regular expression; its named groups fill `text`."""
    text: str = "{value}"
    kind: Kind = "fact"
    slot: Slot | None = None
    sensitivity: Sensitivity = "normal"
    importance: float = Field(default=0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        groups = set(re.compile(self.pattern).groupindex)
        if missing := {name for _, name, _, _ in Formatter().parse(self.text) if name is not None} - groups:
            raise ValueError(f"`text` names {sorted(missing)}, which `pattern` does not find")
        if (self.said_by == "tool") != bool(self.tool):
            raise ValueError("`tool` is given where a tool speaks, and only there")
        return self


class Recalled(BaseModel, frozen=True, extra="forbid"):
    """One memory that answers a query."""

    id: str
    text: str
    kind: Kind
    score: float
    label: Label
    learned_at: datetime
    why: str
    """Which evidence ranked it, in words."""


class Withheld(BaseModel, frozen=True, extra="forbid"):
    """A memory that would have answered, and the rule that kept it back."""

    id: str
    rule: str


class Recall(BaseModel, frozen=True, extra="forbid"):
    """What a query brought back, best first, and what was withheld."""

    items: tuple[Recalled, ...] = ()
    withheld: tuple[Withheld, ...] = ()


class Removed(BaseModel, frozen=True, extra="forbid"):
    """One memory that was erased, or would be, and why."""

    id: str
    code: str
    """Stable reason code: `expired`, `closed` or `capacity`."""
    reason: str


class Joined(BaseModel, frozen=True, extra="forbid"):
    """Memories that another one stands for now, or would."""

    ids: tuple[str, ...]
    into: str
    """The one that stands for them; empty for a summary that was not made yet."""
    code: str
    """Stable reason code: `alike` or `summarised`."""
    reason: str


class Pruned(BaseModel, frozen=True, extra="forbid"):
    """What pruning did, or would do."""

    removed: tuple[Removed, ...] = ()
    joined: tuple[Joined, ...] = ()
    dry_run: bool = False
