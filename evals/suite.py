"""Suites and cases, as a YAML file states them."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from interlock.evals.target import CallOutcome
from interlock.runtime.records import Outcome, Status
from interlock.runtime.stated import Stated


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return text


Text = Annotated[str, Field(min_length=1)]
Pattern = Annotated[str, Field(min_length=1), AfterValidator(_pattern)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed)]


class ReplyExpected(Stated):
    """What the reply says. Case, quotes' shape and white space do not count."""

    contains: Texts = ()
    contains_any: Texts = ()
    not_contains: Texts = ()
    matches: Annotated[tuple[Pattern, ...], BeforeValidator(_listed)] = Field(
        default=(), description="regular expressions, each found somewhere"
    )


class CallExpected(Stated):
    """One tool call: arguments not named may be anything."""

    tool: Text
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any])
    outcome: CallOutcome | None = None


def _call(value: Any) -> Any:
    return {"tool": value} if isinstance(value, str) else value


Call = Annotated[CallExpected, BeforeValidator(_call)]


class CallsExpected(Stated):
    """Which tools were called. A bare name stands for any call of that tool."""

    include: tuple[Call, ...] = ()
    in_order: bool = Field(default=False, description="those of include came in this order, others between them or not")
    never_done: tuple[Call, ...] = Field(default=(), description="may have been asked for, but did not end well")
    never_asked: tuple[Call, ...] = ()
    at_most: Annotated[int, Field(ge=0)] | None = None


class DecisionExpected(Stated):
    """A decision that the policies took."""

    action: Text
    outcome: Outcome
    policy: str = Field(default="", description="id of a policy that determined it")


class WaitingExpected(Stated):
    """An approval that waits in the end."""

    tool: Text
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any])
    roles: Texts = Field(default=(), description="who may answer")


class RowsExpected(Stated):
    """What a query on the case's SQLite database gives."""

    sql: Text
    rows: tuple[tuple[Any, ...], ...]


class UsageExpected(Stated):
    """What the case may use up. Seconds are reported, never asserted."""

    tokens_at_most: Annotated[int, Field(ge=0)] | None = None
    usd_at_most: Annotated[Decimal, Field(ge=0)] | None = None
    model_calls_at_most: Annotated[int, Field(ge=0)] | None = None
    tool_calls_at_most: Annotated[int, Field(ge=0)] | None = None


class MemoryExpected(Stated):
    """What long-term memory holds for the user in the end, as parts of its texts."""

    holds: Texts = ()
    lacks: Texts = ()


class Expect(Stated):
    """What must be seen. What is not named may be anything, but a run that fails must be foretold by `status`."""

    status: Status | None = None
    reply: ReplyExpected | None = None
    calls: CallsExpected | None = None
    decisions: tuple[DecisionExpected, ...] = ()
    waiting: tuple[WaitingExpected, ...] | None = Field(default=None, description="exactly these; [] for none")
    database: tuple[RowsExpected, ...] = ()
    usage: UsageExpected | None = None
    memory: MemoryExpected | None = None


class Exchange(Stated):
    """One turn of a case: something is said, or an approval is answered."""

    say: str | None = None
    approve: str | None = Field(default=None, description="tool whose approval waits; * for whichever does")
    deny: str | None = None
    reason: str = Field(default="", description="why it is denied")
    by: str = Field(default="", description="who answers")
    roles: Texts = Field(default=(), description="roles of who answers")
    user: str = Field(default="", description="who speaks, if not the case's user")
    thread: Text = "main"
    expect: Expect = Expect()

    @model_validator(mode="after")
    def _does_one_thing(self) -> "Exchange":
        given = [name for name in ("say", "approve", "deny") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("a turn needs exactly one of say, approve and deny")
        if given != ["say"] and not self.by:
            raise ValueError(f"{given[0]} needs `by`: the person who answers")
        return self


class Case(Stated):
    """One thing the target must get right."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    about: str = ""
    tags: Texts = ()
    recording: str = Field(default="", description="file beside the suite with a run that answers; see eval record")
    user: str = ""
    roles: Texts = ()
    say: str | None = Field(default=None, description="short for one turn")
    turns: tuple[Exchange, ...] = ()
    expect: Expect = Expect()

    @model_validator(mode="after")
    def _says_something(self) -> "Case":
        if (self.say is None) == (not self.turns):
            raise ValueError("a case needs either say or turns")
        return self

    def exchanges(self) -> tuple[Exchange, ...]:
        """List the turns, the short form spelt out."""
        return self.turns if self.say is None else (Exchange(say=self.say),)


class Suite(Stated):
    """Cases that belong together."""

    suite: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    version: Literal[1] = Field(default=1, description="version of this format")
    about: str = ""
    user: str = Field(default="anonymous", description="who speaks, unless a case says otherwise")
    tenant: str = "default"
    setup: str = Field(default="", description="file:function beside the suite, or module:function")
    database: str = Field(default="", description="path of the project's database in the case's folder")
    repeats: int = Field(default=1, ge=1)
    cases: tuple[Case, ...]
    path: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _names_each_case_once(self) -> "Suite":
        if not self.cases:
            raise ValueError("a suite needs at least one case")
        ids = [case.id for case in self.cases]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"case id stands twice: {', '.join(twice)}")
        return self
