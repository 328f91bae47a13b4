"""What the annotations of a policy say: its id, whether it asks, whom, why, and for how long."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal

from interlock.runtime.policies.text import Statement, line_and_column
from interlock.runtime.records import Change

OWN: Final = "interlock."
"""Ids that start so belong to the policies that come with Interlock."""
_CHANGING: Final = ("mask", "drop", "cap")
_KNOWN: Final = ("id", "decision", "reason", "roles", "quorum", "expires", "description", *_CHANGING)
_ASKING: Final = ("roles", "quorum", "expires")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_ALIKE: Final = 0.75
_QUORUM: Final = re.compile(r"[1-9]\d?")
_DURATION: Final = re.compile(r"([1-9]\d*)([smhd])")
_CAP: Final = re.compile(r"\s*([\w.]+)\s*:\s*(\d+(?:\.\d+)?)\s*")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something wrong, or odd, in a policy text."""

    severity: Literal["error", "warning"]
    what: str
    where: str
    """`file:line:column`."""
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.severity}: {self.what}; {self.fix}"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A policy text and what it is called in messages."""

    name: str
    text: str
    own: bool = False
    """Whether it comes with Interlock."""

    def where(self, offset: int) -> str:
        line, column = line_and_column(self.text, offset)
        return f"{self.name}:{line}:{column}"

    def place(self, offset: int) -> str:
        """Name a policy that has no id by its line, and by its column too where another stands before it."""
        line, column = line_and_column(self.text, offset)
        before = self.text[:offset].rpartition("\n")[2]
        return f"{Path(self.name).name}:{line}" + (f":{column}" if before.strip() else "")

    def error(self, what: str, offset: int, fix: str) -> Finding:
        return Finding(severity="error", what=what, where=self.where(offset), fix=fix)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One policy, as far as a decision is explained by it."""

    id: str
    effect: Literal["permit", "forbid"]
    asks: bool
    reason: str
    roles: frozenset[str] | None
    """Who may answer; None: anyone."""
    expires_s: float
    where: str
    quorum: int = 1
    """How many different people must approve."""
    changes: tuple[Change, ...] = ()
    """What it does to a request or a result before letting it go on."""

    @property
    def narrows(self) -> bool:
        """Whether it only narrows what others permit: a forbid unless a person agrees, or unless it was changed."""
        return self.effect == "forbid" and (self.asks or bool(self.changes))


def meant(word: str, known: Collection[str]) -> str:
    """Suggest what to write instead of a word that is not known."""
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"use one of: {', '.join(sorted(known)) or '(there are none)'}"


def rule_of(source: Source, statement: Statement, policy: Mapping[str, Any]) -> Rule:
    """Read a policy's annotations. Call `findings_in` first: what is wrong is passed over here."""
    notes: Mapping[str, str | None] = policy.get("annotations", {})
    roles = _names(notes.get("roles"))
    duration = _DURATION.fullmatch(notes.get("expires") or "24h")
    return Rule(
        id=notes.get("id") or source.place(statement.start),
        effect=policy["effect"],
        asks=notes.get("decision") == "ask",
        reason=notes.get("reason") or "",
        roles=frozenset(roles) if roles else None,
        expires_s=float(int(duration[1]) * _SECONDS[duration[2]]) if duration else 86_400.0,
        where=source.where(statement.start),
        quorum=int(quorum[0]) if (quorum := _QUORUM.fullmatch(notes.get("quorum") or "1")) else 1,
        changes=_changes(notes),
    )


def _changes(notes: Mapping[str, str | None]) -> tuple[Change, ...]:
    masked = [Change(do="mask", field=name) for name in _names(notes.get("mask"))]
    dropped = [Change(do="drop", field=name) for name in _names(notes.get("drop"))]
    caps = filter(None, (_CAP.fullmatch(part) for part in (notes.get("cap") or "").split(",")))
    capped = [Change(do="cap", field=cap[1], limit=Decimal(cap[2])) for cap in caps]
    return (*masked, *dropped, *capped)


def findings_in(
    source: Source, statement: Statement, policy: Mapping[str, Any], roles: Collection[str] | None
) -> Iterator[Finding]:
    """Name every annotation that is unknown, cannot be read, or has no meaning on this policy."""
    notes: Mapping[str, str | None] = policy.get("annotations", {})
    for name, value in notes.items():
        at = statement.find(name)
        if name not in _KNOWN:
            yield source.error(f"there is no annotation @{name}", at, meant(name, _KNOWN))
        elif not value:
            yield source.error(f"@{name} says nothing", at, f'write @{name}("...")')
        elif complaint := _complaint(name, value, policy, source, roles):
            yield source.error(complaint[0], at, complaint[1])


def _complaint(
    name: str, value: str, policy: Mapping[str, Any], source: Source, roles: Collection[str] | None
) -> tuple[str, str] | None:
    asks = policy["annotations"].get("decision") == "ask"
    if name in _ASKING and not asks:
        return f'@{name} has a meaning only beside @decision("ask")', f"drop @{name}, or add the decision"
    if name == "id" and value.startswith(OWN) and not source.own:
        return f"the id {value!r} starts with {OWN!r}, which is reserved", "choose another id"
    if name == "decision":
        return _complaint_on_decision(value, policy["effect"])
    if name == "expires" and not _DURATION.fullmatch(value):
        return f"@expires({value!r}) is no duration", 'write one as in @expires("30m"), with s, m, h or d'
    if name == "quorum" and not _QUORUM.fullmatch(value):
        return f"@quorum({value!r}) is no number of people", 'write one from 1 to 99, as in @quorum("2")'
    if name == "cap" and not all(_CAP.fullmatch(part) for part in value.split(",")):
        return f"@cap({value!r}) names no field and limit", 'write them as in @cap("amount: 50.00")'
    return _complaint_on_roles(value, roles) if name == "roles" else None


def _complaint_on_decision(value: str, effect: str) -> tuple[str, str] | None:
    if effect == "forbid" and value == "allow":
        return "a forbid cannot allow", "drop the decision, or write a permit"
    if value not in ("ask", "allow"):
        return f"there is no decision {value!r}", 'write @decision("ask"), or a forbid to deny'
    return None


def _complaint_on_roles(value: str, roles: Collection[str] | None) -> tuple[str, str] | None:
    names = _names(value)
    if not names:
        return f"@roles({value!r}) names no role", 'write them as in @roles("lead,finance")'
    for name in names:
        if roles is not None and name not in roles:
            return f"there is no role {name!r}", meant(name, roles)
    return None


def lookalikes(found: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """Warn of each role that is written nearly like another one of the policy: one of them may be misspelt.

    Args:
        found: the roles that a policy names, with where; in order.
    """
    often = Counter(name for name, _where in found)
    for name, where in dict(reversed(found)).items():
        others = [other for other in often if other != name and often[other] >= often[name]]
        if close := get_close_matches(name, others, n=1, cutoff=_ALIKE):
            what = f"the role {name!r} is written nearly like {close[0]!r}"
            fix = "mend one of them, or name the roles there are in Agent(roles=)"
            yield Finding(severity="warning", what=what, where=where, fix=fix)


def named_roles(source: Source, statement: Statement, policy: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """List the roles that a policy lets answer, and where."""
    for name in _names(policy.get("annotations", {}).get("roles")):
        yield name, source.where(statement.find("roles"))


def _names(value: str | None) -> list[str]:
    return [name.strip() for name in (value or "").split(",") if name.strip()]
