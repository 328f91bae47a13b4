"""A run that is open in this process: who it is for, what it holds, and where its events go."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TypedDict

from interlock.runtime.gate.leases import Lease
from interlock.runtime.gate.ledger import Purse
from interlock.runtime.journal.journal import Scope
from interlock.runtime.journal.prompts import PromptTail
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
    """Where the graph stands inside its parents, without ids; empty at the top."""


@dataclass(kw_only=True)
class OpenRun:
    """Process-local part of a run."""

    header: RunHeader
    caller: Caller
    lease: Lease
    opened_at: float
    """On the monotonic clock."""
    purse: Purse
    tail: PromptTail = field(default_factory=PromptTail)
    policy_version: str = ""
    """Of the last decision."""
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
