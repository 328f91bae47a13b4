"""What stops a run: not retried, not shown to the model, resumable. LangGraph lets a GraphBubbleUp through."""

from dataclasses import dataclass
from decimal import Decimal

from langgraph.errors import GraphBubbleUp

from interlock.runtime.errors import InterlockError
from interlock.runtime.records import Decision


@dataclass(eq=False, kw_only=True)
class RunStopped(InterlockError, GraphBubbleUp):
    """A run may not go on."""

    code = "stopped"
    exit_status = 4

    run: str = ""
    """The run; empty until it has left its node."""


@dataclass(eq=False, kw_only=True)
class BudgetSpent(RunStopped):
    """The next step would pass a limit. Raised before the step, so nothing was spent on it."""

    code = "budget"

    scope: str
    unit: str
    limit: Decimal
    spent: Decimal
    needed: Decimal

    def __str__(self) -> str:
        stands = f"{self.spent} of {self.limit}"
        wants = f"the next step needs {self.needed} {self.unit}, {stands} are spent or reserved"
        whose = "Budget(" if self.scope.startswith("run ") else f"Limit(scope={self.scope.split()[0]!r}, "
        return (
            f"{self.scope} stopped: {wants if self.needed else f'{stands} {self.unit} are spent'}; "
            f"raise {whose}{self.unit}=...)"
        )


@dataclass(eq=False, kw_only=True)
class PriceUnknown(RunStopped):
    """A budget in money cannot be kept, because the model has no price."""

    code = "price"

    model: str

    def __str__(self) -> str:
        return (
            f"model {self.model!r} has no price, so a limit in usd cannot be kept; declare one with Agent(prices=...)"
        )


@dataclass(eq=False, kw_only=True)
class PolicyDenied(RunStopped):
    """A policy denies what the run needs to go on: an input, a model call, a memory access or a reply."""

    code = "denied"

    action: str
    decision: Decision

    def __str__(self) -> str:
        by = ", ".join(self.decision.policies) or "no policy permits it"
        return f"{self.action} was denied ({by}): {self.decision.reason}"


@dataclass(eq=False, kw_only=True)
class CannotWait(RunStopped):
    """A person must be asked, but nothing keeps the run until the answer comes. Nothing was asked, and nothing done."""

    code = "cannot-wait"
    acts = "caller"
    exit_status = 2

    tool: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.tool} needs a person's approval ({self.reason}), and this graph has no checkpointer to wait with; "
            "make the graph with checkpointer=..., or use a Session"
        )


@dataclass(eq=False, kw_only=True)
class LeaseLost(RunStopped):
    """Another worker has taken the thread over; what this one did since is not recorded as done."""

    code = "lease-lost"
    exit_status = 1

    thread: str

    def __str__(self) -> str:
        return f"this worker lost the lease on thread {self.thread!r}; another one goes on with it"
