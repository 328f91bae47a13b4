"""The nouns that every floor shares: who asks, what was decided, what it used, how far it may be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from interlock.runtime.errors import BadInput
from interlock.runtime.stated import Stated, field_error
from interlock.runtime.text import is_whole

Integrity = Literal["trusted", "untrusted"]
Confidentiality = Literal["public", "private"]
Choice = Literal["said", "known", "named", "untrusted"]
"""Who chose a value: the user or the plan; untrusted text, from among known values; a document that the user named, in
the place that the plan takes it from; untrusted text alone. From best to worst."""
Standing = Literal["none", "on", "off"]
"""How a call stands to the plan: no plan was fixed, it is foreseen, or it is not."""
Outcome = Literal["allow", "transform", "deny", "ask"]
Status = Literal["done", "waiting", "stopped", "failed"]


def _whole_text(text: str) -> str:
    if not is_whole(text):
        raise ValueError("holds half a character (a lone surrogate)")
    return text


Name = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_whole_text)]


class Caller(Stated, coerce_numbers_to_str=True):
    """For whom a run acts. Given as the graph's `context=`."""

    user: Name = "anonymous"
    tenant: Name = "default"
    roles: tuple[Name, ...] = ()

    @staticmethod
    def of(context: Any) -> "Caller":
        """Read for whom a run acts: from a caller, a dict of its fields, or any object that has some of them.

        Raises:
            BadInput: it is none of these, or a field cannot be used.
        """
        if context is None or isinstance(context, Caller):
            return context or Caller()
        if isinstance(context, str | int | float | list | tuple):
            raise BadInput(what=f"{context!r} is no caller", where="context=", fix='pass {"user": "7"} or a Caller')
        names = ("user", "tenant", "roles")
        found = {name: getattr(context, name) for name in names if hasattr(context, name)}
        given = cast(dict[str, Any], context) if isinstance(context, dict) else found
        try:
            return Caller.model_validate(given)
        except ValidationError as error:
            raise BadInput(
                what=field_error(error.errors()[0]),
                where="the caller",
                fix="user and tenant are names, roles a list of names",
            ) from error


class Label(BaseModel, frozen=True, extra="forbid"):
    """How far a value may be trusted, who may see it, and where it came from. Joins are monotone."""

    integrity: Integrity = "trusted"
    confidentiality: Confidentiality = "public"
    sources: tuple[str, ...] = ()

    def join(self, other: "Label") -> "Label":
        """Combine the labels of two values that something was derived from: the worse of each wins."""
        if other == self:
            return self
        return Label(
            integrity="untrusted" if "untrusted" in (self.integrity, other.integrity) else "trusted",
            confidentiality="private" if "private" in (self.confidentiality, other.confidentiality) else "public",
            sources=tuple(sorted({*self.sources, *other.sources})),
        )


class Origin(BaseModel, frozen=True, extra="forbid"):
    """What led to a call: whether a plan foresees it, who chose its arguments, and what they carry."""

    plan: Standing = "none"
    step: str = ""
    """The plan's step that foresees it."""
    choices: dict[str, Choice] = {}
    """By argument; those that chose nothing are left out."""
    carries: bool = False
    """Whether private data stands in its arguments."""
    why: str = ""
    """Why the plan does not foresee it."""

    @property
    def choice(self) -> Choice:
        """The least trustworthy of the choices."""
        if not self.choices:
            return "said"
        found = self.choices.values()
        return next((choice for choice in reversed(get_args(Choice)) if choice in found), "said")


UNTRACED = Origin()
"""Of a call by which nothing untrusted or private could go on."""


class Usage(BaseModel, frozen=True, extra="forbid"):
    """What was used up. `usd` is None where no price is known: unknown is not zero."""

    input_tokens: int = 0
    output_tokens: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    steps: int = 0
    usd: Decimal | None = Decimal(0)
    seconds: float = 0.0

    def plus(self, other: "Usage") -> "Usage":
        """Add two usages; a sum with an unknown price has an unknown price."""
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            model_calls=self.model_calls + other.model_calls,
            tool_calls=self.tool_calls + other.tool_calls,
            steps=self.steps + other.steps,
            usd=None if self.usd is None or other.usd is None else self.usd + other.usd,
            seconds=self.seconds + other.seconds,
        )


class Limit(Stated):
    """What all runs of one thread, user or tenant may use up together. Hard, across agents and processes."""

    scope: Literal["thread", "user", "tenant"]
    per: Literal["ever", "day", "month"] = "ever"
    """Days and months begin at midnight UTC."""
    usd: Decimal | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    input_tokens: int | None = Field(default=None, ge=0)
    output_tokens: int | None = Field(default=None, ge=0)
    model_calls: int | None = Field(default=None, ge=0)
    tool_calls: int | None = Field(default=None, ge=0)
    steps: int | None = Field(default=None, ge=0)
    seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Of runs at work; those that wait for people use none."""


class WindDown(Stated):
    """How a run comes to an end that nears a limit: on a smaller model, and with an account of what was done."""

    at: float = Field(default=0.8, gt=0, lt=1)
    """Share of any limit of the run from which on the smaller model is asked."""
    model: str = ""
    """`"embedded"` or `"provider:name"`; empty: the agent's own to the end."""


class ShortTerm(Stated):
    """How much of a thread models are shown. What is older is summed up; the thread itself keeps every message."""

    tokens: int = Field(default=8_000, ge=400)
    """Tokens, by estimate, of messages and summary above which older turns are summed up."""
    keep: int = Field(default=4, ge=1)
    """How many of the newest turns stay word for word, however long they are; the present one is one of them."""

    @property
    def summary_tokens(self) -> int:
        """How long a summary gets."""
        return self.tokens // 4


class Budget(Stated):
    """What one run may use up. Every limit is hard: it stops the run before the step that would pass it."""

    usd: Decimal | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=200_000, ge=0)
    input_tokens: int | None = Field(default=None, ge=0)
    output_tokens: int | None = Field(default=None, ge=0)
    steps: int = Field(default=50, ge=1)
    model_calls: int | None = Field(default=None, ge=0)
    tool_calls: int | None = Field(default=None, ge=0)
    seconds: float = Field(default=600.0, gt=0, allow_inf_nan=False)
    limits: tuple[Limit, ...] = ()
    """What it may use up together with other runs of its thread, user or tenant."""
    wind_down: WindDown | None = None
    """How it ends near a limit; None: with the error that names the limit."""

    @property
    def limits_money(self) -> bool:
        """Whether it can only be kept with models whose price is known."""
        return self.usd is not None or any(limit.usd is not None for limit in self.limits)

    if TYPE_CHECKING:  # money may be written as text, which the field's own type does not say

        def __init__(
            self,
            *,
            usd: Decimal | str | int | None = None,
            tokens: int | None = 200_000,
            input_tokens: int | None = None,
            output_tokens: int | None = None,
            steps: int = 50,
            model_calls: int | None = None,
            tool_calls: int | None = None,
            seconds: float = 600.0,
            limits: Sequence[Limit] = (),
            wind_down: WindDown | None = None,
        ) -> None: ...


class Change(BaseModel, frozen=True, extra="forbid"):
    """One thing that a policy does to a request or a result before it may go on."""

    do: Literal["mask", "drop", "cap"]
    field: str
    """Argument or dotted path; `"*"` for all of it."""
    limit: Decimal | None = None
    """The highest value that a capped field may have."""


class Decision(BaseModel, frozen=True, extra="forbid"):
    """What the policies said about one request."""

    outcome: Outcome
    policies: tuple[str, ...] = ()
    """Ids of the policies that determined the outcome; empty where no policy permitted it."""
    reason: str = ""
    changes: tuple[Change, ...] = ()
    """What must be done to the request before it may go on, where the outcome is `transform` or `ask`."""
    roles: tuple[str, ...] = ()
    """Who may answer, where the outcome is `ask`."""
    quorum: int = 1
    """How many different people must approve."""
    expires_s: float = 86_400.0


@dataclass(frozen=True, kw_only=True)
class ToolContext:
    """What a tool may know beside its arguments. A parameter of this type is filled in, and hidden from the model."""

    caller: Caller
    run: str
    thread: str
    idempotency_key: str
    """The same for every attempt at one call; another for any other call."""
    fence: int = 0
    """Grows each time another worker takes the thread over. A resource that refuses a smaller one than it has seen is
    safe from workers that were given up and live on."""


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """One call that a model or a plan asks for. `arguments` are as written, not yet validated."""

    id: str
    tool: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
