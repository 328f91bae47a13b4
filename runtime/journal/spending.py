"""The accounts and reservations of the ledger, held against the chain, which has every amount that was settled.

An account holds what the runs have used that name it. Where part of that is not on record (a run is open or was cut
off, rows were pruned or erased, a run went on past midnight), it may hold more than the chain tells; never less.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select

from interlock.runtime.errors import JournalBroken
from interlock.runtime.gate.ledger import NANO, UNITS, accounts, amounts_of, sound
from interlock.runtime.gate.reservations import reservations
from interlock.runtime.gate.shared import account_of
from interlock.runtime.journal.contents import Contents
from interlock.runtime.journal.findings import Finding
from interlock.runtime.records import Caller, Limit, Usage
from interlock.runtime.storage.database import Database, Statement

_KEPT: tuple[str, ...] = (*UNITS, "unpriced", "seconds")
_ACCOUNTS = Statement(select(accounts.c.scope, *(accounts.c[name] for name in _KEPT)))
_HELD = Statement(select(reservations.c.id, reservations.c.scope))
_OUTCOMES = frozenset({"model_done", "model_failed", "tool_done", "tool_failed"})
_LOST = "lease lost"
_SCOPES = {"thread", "user", "tenant"}
_NEAR_S = 0.01
"""By how much sums of seconds may differ that were added up in another order."""
Sums = dict[str, float]


def misspent(database: Database, contents: Contents, *, pruned: bool) -> Iterator[Finding]:
    """Name the accounts that do not hold what the chain tells, and reservations that no open run explains.

    Args:
        pruned: whether rows of the chain were removed by rule.
    """
    told = Spending(contents).told()
    if pruned:
        told.vague |= {*_SCOPES, "run"}
    present: set[str] = set()
    for scope, *row in database.read(_ACCOUNTS):
        present.add(scope)
        try:
            held = dict(zip(_KEPT, sound(scope, tuple(row)), strict=True))
        except JournalBroken as error:
            yield Finding(table="accounts", id=scope, problem=error.what)
            continue
        sums = told.accounts.get(scope, Account()).sums
        if different := _different(held, sums, exact=not told.may_hold_more(scope)):
            yield Finding(table="accounts", id=scope, problem=f"it was changed: {different}")
    for scope in told.accounts.keys() - present:
        if any(told.accounts[scope].sums.values()):
            yield Finding(
                table="accounts", id=scope, problem="it was removed: the journal tells what was spent from it"
            )
    for id, scope in database.read(_HELD):
        if not told.may_hold_more(scope):
            yield Finding(table="reservations", id=id, problem=f"no open run explains what it holds of {scope}")


def _different(held: dict[str, Any], told: Sums, *, exact: bool) -> str:
    """Tell the first amount that cannot be; empty where all can."""
    for name in _KEPT:
        amount, least = held[name], told[name]
        near = _NEAR_S if name == "seconds" else 0.0
        if amount < least - near or (exact and amount > least + near):
            only = "" if exact else "at least "
            unit = "usd" if name == "nanos" else name
            return f"it holds {_shown(name, amount)} {unit}, and the journal tells of {only}{_shown(name, least)}"
    return ""


def _shown(name: str, amount: float) -> str:
    if name == "nanos":
        return f"{(Decimal(int(amount)) / NANO).normalize() + 0:f}"
    return f"{amount:.3f}" if name == "seconds" else f"{int(amount)}"


@dataclass(kw_only=True)
class Account:
    """What the chain tells that was spent from an account."""

    sums: Sums = field(default_factory=lambda: dict.fromkeys(_KEPT, 0))
    exact: bool = True
    """Whether that is all."""


@dataclass(kw_only=True)
class Told:
    """What the chain tells of all accounts."""

    accounts: dict[str, Account] = field(default_factory=dict[str, Account])
    vague: set[str] = field(default_factory=set[str])
    """Scopes to whose accounts more was charged than is told, by somebody of whom nothing is left."""

    def add(self, name: str, sums: Sums, *, exact: bool) -> None:
        """Add what was charged to an account."""
        account = self.accounts.setdefault(name, Account())
        for unit, amount in sums.items():
            account.sums[unit] += amount
        account.exact = account.exact and exact

    def may_hold_more(self, name: str) -> bool:
        """Tell whether an account may hold more than what the rows tell of."""
        known = self.accounts.get(name)
        return (known is not None and not known.exact) or name.partition(" ")[0] in self.vague


@dataclass(kw_only=True)
class _Run:
    """A run, as far as the rows tell."""

    thread: str
    inside: "_Run | None" = None
    caller: Caller | None = None
    """None where it is erased."""
    limits: tuple[Limit, ...] | None = ()
    """None where nothing tells them."""
    began: str = ""
    """When it was begun or taken up, or last ended."""
    open: bool = True
    orderly: bool = True
    """Whether it never lost its process or its lease."""
    ended: Usage = field(default_factory=Usage)
    """What it had used when it last ended."""
    since: Sums = field(default_factory=lambda: dict.fromkeys(_KEPT, 0))
    """What was charged to it since then."""

    @property
    def line(self) -> "Iterator[_Run]":
        here: _Run | None = self
        while here is not None:
            yield here
            here = here.inside


class Spending:
    """Adds up what the rows tell, run by run, from one end of it to the next."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._runs: dict[str, _Run] = {}
        self._manifests: dict[str, str] = {}
        """Digests under which manifests are kept, by their hashes."""
        self._limits: dict[str, tuple[Limit, ...] | None] = {}
        self._told = Told()

    def told(self) -> Told:
        """Read the rows once."""
        for (_seq, run, thread, kind, _head, _hash), head in self._contents.rows:
            facts, at = head["facts"], str(head.get("at", ""))
            if kind == "run_started":
                self._runs[run] = self._started(head, thread, at)
            elif kind == "erased":
                self._erased(head)
            elif (found := self._runs.get(run)) is None:
                continue
            elif kind == "run_resumed":
                self._resumed(found, facts, at)
            elif kind in _OUTCOMES:
                _charge(found, _usage(facts))
            elif kind == "run_ended":
                self._end(run, found, facts, at)
            elif kind == "noted" and facts.get("what") == _LOST:
                found.orderly = False
        for run, found in self._runs.items():
            if found.open or any(found.since.values()):
                self._spread(run, found, found.began, exact=False)
        return self._told

    def _started(self, head: dict[str, Any], thread: str, at: str) -> _Run:
        facts = head["facts"]
        kept = str(facts.get("manifest_kept", ""))
        self._manifests[str(facts.get("manifest", ""))] = kept
        inside = self._runs.get(str(facts.get("inside", "")))
        caller = _caller((self._contents.content(head) or {}).get("caller"))
        return _Run(thread=thread, inside=inside, caller=caller, limits=self._limits_in(kept), began=at)

    def _resumed(self, run: _Run, facts: dict[str, Any], at: str) -> None:
        if run.open:
            run.orderly = False
        else:
            run.open, run.began = True, at
        if kept := facts.get("manifest_kept") or self._manifests.get(str(facts.get("manifest", ""))):
            run.limits = self._limits_in(str(kept))

    def _limits_in(self, kept: str) -> tuple[Limit, ...] | None:
        """Read from a manifest what the run shares with others."""
        if kept not in self._limits:
            manifest = self._contents.parsed(kept) if kept else None
            try:
                given = manifest["budget"]["limits"] if manifest else None
                self._limits[kept] = None if given is None else tuple(Limit.model_validate(one) for one in given)
            except (KeyError, TypeError, ValidationError):
                self._limits[kept] = None
        return self._limits[kept]

    def _end(self, id: str, run: _Run, facts: dict[str, Any], at: str) -> None:
        # What could not be written was settled all the same.
        run.orderly = run.orderly and facts.get("code") != JournalBroken.code
        if (used := _usage(facts)) is not None:
            run.since["steps"] += used.steps - run.ended.steps
            run.since["seconds"] += used.seconds - run.ended.seconds
            run.ended = used
        self._spread(id, run, at, exact=run.orderly and used is not None)
        run.since = dict.fromkeys(_KEPT, 0)
        run.open, run.began = False, at

    def _spread(self, id: str, run: _Run, upto: str, *, exact: bool) -> None:
        """Add what was charged since the run last ended to its own account, and to those that it shares."""
        # Steps and time that a worker had not settled when it died, or settles late, are in no row.
        self._told.add(f"run {id}", run.since, exact=exact)
        outer = {name for each in run.line if each is not run for name in self._names(each, run.began)}
        before, after = (self._names(run, at) - outer for at in (run.began, upto))
        for name in before & after:
            self._told.add(name, run.since, exact=exact)
        for name in before ^ after:  # which part of it was on which day, no row tells
            self._told.add(name, {}, exact=False)

    def _names(self, run: _Run, at: str) -> set[str]:
        if run.limits == ():
            return set()
        when = _time(at)
        if run.limits is None or run.caller is None or when is None:
            self._told.vague |= _SCOPES if run.limits is None else {limit.scope for limit in run.limits}
            return set()
        return {account_of(limit, run.caller, run.thread, when) for limit in run.limits}

    def _erased(self, head: dict[str, Any]) -> None:
        """Forget what was charged to the accounts that went with a person."""
        content: dict[str, list[object]] = self._contents.content(head) or {}
        threads = content.get("threads", ())
        gone = {account_of(Limit(scope="thread"), Caller(), str(thread), _EVER) for thread in threads}
        for name in [name for name in self._told.accounts if any(name.startswith(one) for one in gone)]:
            del self._told.accounts[name]
            self._told.add(name, {}, exact=False)


_EVER = datetime.min  # noqa: DTZ901  # of accounts without a period


def _charge(run: _Run, used: Usage | None) -> None:
    if used is None:
        return
    amounts = amounts_of(used)
    for each in run.line:
        for unit in UNITS:
            each.since[unit] += amounts[unit]
        each.since["unpriced"] += used.usd is None


def _usage(facts: dict[str, Any]) -> Usage | None:
    try:
        return Usage.model_validate(facts.get("usage"))
    except ValidationError:
        return None


def _caller(given: object) -> Caller | None:
    try:
        return Caller.model_validate(given)
    except ValidationError:
        return None


def _time(at: str) -> datetime | None:
    try:
        return datetime.fromisoformat(at)
    except ValueError:
        return None
