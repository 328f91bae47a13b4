"""Put a request to people: the question is found again after a restart, and bound to exactly what will happen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from interlock.runtime.gate.approvals import ID, Approval, Question
from interlock.runtime.gate.gate import Gate
from interlock.runtime.gate.leases import keep
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.gate.stops import CannotWait
from interlock.runtime.journal import events
from interlock.runtime.records import Decision, Label, Origin


@dataclass(frozen=True, kw_only=True)
class Asking:
    """One question about one request."""

    gate: Gate
    run: OpenRun
    at: str
    source: str
    """Where the agent can be loaded from, so that another process can go on."""
    tool: str
    """What is to be done: a tool's name, or another passage of the gate."""
    call: str = ""
    effect: str = ""
    arguments: dict[str, Any]
    about: Callable[[], dict[str, Any]]
    """Gives what people must see beside the arguments."""
    digest: str
    """Of all that the answer is bound to."""
    question: Question = "policy"
    decision: Decision
    label: Label
    origin: Origin | None = None

    def approval(self) -> Approval:
        """Find the question with its answers, or put it.

        Raises:
            CannotWait: nothing keeps the run until they have answered.
        """
        found = self.gate.home.approvals.find(self.digest[:ID])
        if found is not None:
            return found
        self._require_patience()
        return self._put()

    def _require_patience(self) -> None:
        if self.run.can_wait:
            return
        event = events.Refused(
            action=self.tool, call=self.call, decision=self.decision, code=CannotWait.code, request=self.arguments,
            label=self.label, origin=self.origin,
        )  # fmt: skip
        self.gate.refuse(self.run, self.at, event)
        raise CannotWait(tool=self.tool, reason=self.decision.reason)

    def _put(self) -> Approval:
        home, run, id = self.gate.home, self.run, self.digest[:ID]
        with home.database.transaction(durable=True) as tx:
            keep(tx, run.lease, home.clock)  # who took the thread over may have asked it meanwhile
            home.approvals.ask(
                tx, scope=run.scope, arguments=self.arguments, about=self.about(), decision=self.decision, id=id,
                effect=self.effect, question=self.question, digest=self.digest, place=run.place(self.at),
                tenant=run.caller.tenant, user=run.caller.user, agent=run.header["agent"], source=self.source,
                tool=self.tool,
            )  # fmt: skip
            found = home.approvals.get(id)
            event = events.ApprovalRequested(
                approval=id, call=self.call, tool=self.tool, arguments=self.arguments, digest=self.digest,
                decision=self.decision, expires_at=found.expires_at.isoformat(),
            )  # fmt: skip
            home.journal.append(tx, run.scope, run.place(self.at), event)
        return found


def not_approved(found: Approval) -> str:
    """Say why what was asked is not done."""
    if found.state == "denied":
        return f"{found.answered_by} denied {found.tool}" + (f": {found.note}" if found.note else ".")
    return f"Nobody approved {found.tool} in time, so it was not done."
