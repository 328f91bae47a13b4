"""A run that is open in this process: who it is for, what it holds, and where its events go."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TypedDict

from interlock.runtime.gate.leases import Lease
from interlock.runtime.gate.purse import Purse
from interlock.runtime.gate.stops import BudgetSpent
from interlock.runtime.journal.journal import Scope
from interlock.runtime.journal.prompts import PromptTail
from interlock.runtime.openings import Openings
from interlock.runtime.records import Budget, Caller


class RunHeader(TypedDict):
    """What a checkpoint keeps of a run, so that any process can go on with it. JSON data."""

    v: int
    id: str
    thread: str
    turn: int
    """1 for the first run on the thread."""
    user: str
    tenant: str
    roles: list[str]
    agent: str
    manifest: str
    path: str
    """Where the graph stands inside its parents (graphs/positions.py); empty at the top."""
    step: int
    """The number of the graph's step in which it began."""


@dataclass(kw_only=True)
class OpenRun:
    """Process-local part of a run."""

    header: RunHeader
    caller: Caller
    lease: Lease
    opened_at: float
    """On the monotonic clock."""
    purse: Purse
    openings: Openings
    """How long it waited for things to be opened, which counts towards no limit."""
    tail: PromptTail = field(default_factory=PromptTail)
    parent: "OpenRun | None" = None
    """The run inside which this one goes on."""
    policy_version: str = ""
    """Of the last decision."""
    winding_down: bool = False
    """Whether it nears a limit, and is to come to an end."""
    can_wait: bool = True
    """Whether it can be gone on with once a person has answered."""
    offered: tuple[str, ...] | None = None
    """The tools that were selected for it; None: all of them."""
    inside: int = 0
    """How many of its nodes are at work."""

    @property
    def budget(self) -> Budget:
        """What it may use up."""
        return self.purse.budget

    @property
    def line(self) -> "Iterator[OpenRun]":
        """Give this run, and those that it is part of."""
        here: OpenRun | None = self
        while here is not None:
            yield here
            here = here.parent

    def worked_s(self, now: float) -> float:
        """Tell the seconds since it was opened here, but for those in which it waited for something to be opened.

        Args:
            now: on the monotonic clock.
        """
        return now - self.opened_at - self.openings.seconds(now)

    def seconds_left(self, now: float) -> float:
        """Tell the seconds that it, and those that it is part of, may still take.

        Raises:
            BudgetSpent: none.
        """
        left = self._left_s(now) if self.parent is None else min(run._left_s(now) for run in self.line)
        if left <= 0:
            raise self.out_of_time(now)
        return left

    def time_for(self, wanted_s: float, now: float) -> float:
        """Reserve the seconds that work may take: no more than this run, and what it shares with others, have left.

        Raises:
            BudgetSpent: there are none.
        """
        limit_s = min(wanted_s, self.seconds_left(now))
        for each in self.line:
            if each.purse.shared is not None:
                limit_s = each.purse.shared.cover(each.worked_s(now), limit_s)
        return limit_s

    def out_of_time(self, now: float) -> BudgetSpent:
        """Make the error that names whose time is up."""
        return min(self.line, key=lambda run: run._left_s(now))._out_of_time(now)

    def share(self, now: float) -> float:
        """Tell which share of its scarcest limit is spent or reserved."""
        time = (1 - run._left_s(now) / run.budget.seconds for run in self.line)
        return max(self.purse.share(), *time)

    def _left_s(self, now: float) -> float:
        return self.budget.seconds - self.purse.before.seconds - self.worked_s(now)

    def _out_of_time(self, now: float) -> BudgetSpent:
        most = Decimal(str(self.budget.seconds))
        spent = Decimal(f"{self.purse.before.seconds + self.worked_s(now):.3f}")
        return BudgetSpent(scope=self.account, unit="seconds", limit=most, spent=spent, needed=Decimal(0))

    @cached_property
    def scope(self) -> Scope:
        """Where its events belong."""
        return Scope(
            run=self.header["id"],
            thread=self.header["thread"],
            subject=Scope.subject_of(self.caller.tenant, self.caller.user),
        )

    @cached_property
    def account(self) -> str:
        """Its scope in the ledger."""
        return f"run {self.header['id']}"

    def place(self, at: str) -> str:
        """Name a place in the thread: the same after a crash, another for every other request."""
        return f"{self.header['path']}{self.header['turn']}.{at}"
