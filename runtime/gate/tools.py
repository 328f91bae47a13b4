"""The tool port, with the gate before it: validated, decided, approved where asked, and done once."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import orjson

from interlock.runtime.contract import ToolContract
from interlock.runtime.database import Transaction
from interlock.runtime.errors import ArgumentsRefused, ToolFailed
from interlock.runtime.gate import effects
from interlock.runtime.gate.approvals import Approval, Question
from interlock.runtime.gate.gate import Call, Gate
from interlock.runtime.gate.leases import keep
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.journal import events
from interlock.runtime.ports import Tool, ToolOutcome
from interlock.runtime.records import Decision, Label, ToolCall, ToolContext, Usage


@dataclass(frozen=True, kw_only=True)
class GatedTools:
    """Calls an agent's tools through the gate (ports.Toolbox)."""

    gate: Gate
    run: OpenRun
    tools: Mapping[str, Tool]
    source: str = ""
    """Where the agent can be loaded from, so that another process can go on after an approval."""

    def catalogue(self) -> list[dict[str, Any]]:
        """Describe every tool the agent may use."""
        return [tool.contract.as_catalogue() for tool in self.tools.values()]

    async def call(self, call: ToolCall, *, at: str, label: Label) -> ToolOutcome:
        """Run one call through the gate."""
        tool = self.tools.get(call.tool)
        if tool is None:
            return self._refuse(call, at, "unknown-tool", _unknown(call.tool, list(self.tools)))
        try:
            arguments = tool.check(call.arguments)
        except ArgumentsRefused as error:
            return self._refuse(call, at, error.code, str(error))
        decision = self.gate.decide(self.run, call.tool, arguments, label)
        if decision.outcome == "deny":
            return self._refuse(call, at, "denied", _denied(call.tool, decision), decision)
        return await _Calling(self, tool, call, arguments, at, label, decision).go()

    def _refuse(self, call: ToolCall, at: str, code: str, told: str, decision: Decision | None = None) -> ToolOutcome:
        event = events.Refused(
            action=call.tool, call=call.id, decision=decision, code=code, request=call.arguments, told=told
        )
        self.gate.refuse(self.run, at, event)
        return ToolOutcome(call=call, ok=False, content=told)


class _Calling:
    """One admitted call, on its way to being done once."""

    def __init__(
        self,
        port: GatedTools,
        tool: Tool,
        call: ToolCall,
        arguments: dict[str, Any],
        at: str,
        label: Label,
        decision: Decision,
    ) -> None:
        self.port, self.gate, self.run, self.tool = port, port.gate, port.run, tool
        self.call, self.arguments, self.at, self.decision = call, arguments, at, decision
        self.contract: ToolContract = tool.contract
        self.label = (
            label.join(Label(integrity="untrusted", sources=(call.tool,))) if self.contract.open_world else label
        )
        self.digest = effects.request_digest(self.contract, arguments)
        self.key = effects.effect_key(self.run.scope.thread, self.run.place(at), self.digest)
        self.approval = ""
        self.again = False

    async def go(self) -> ToolOutcome:
        if not self.contract.read_only and (settled := self._settled_before()) is not None:
            return settled
        if self.decision.outcome == "ask" and not self.again and (stop := self._unless_approved("policy")) is not None:
            return stop
        return await self._do()

    def _settled_before(self) -> ToolOutcome | None:
        """Look in the effects ledger; None means that the effect may go ahead."""
        with self.gate.home.database.transaction() as tx:
            found = effects.find(tx, self.key)
        if found is None:
            return None
        if found.state in ("done", "failed"):
            return self._recorded(found)
        self.again = True
        if self.contract.idempotent:
            return None
        with self.gate.home.database.transaction(durable=True) as tx:
            effects.doubt(tx, self.key)
        return self._unless_approved("in_doubt", attempt=found.attempts)

    def _recorded(self, found: effects.Effect) -> ToolOutcome:
        outcome = self.gate.home.journal.payload(found.outcome) or {}
        if found.state == "failed":
            return ToolOutcome(
                call=self.call, ok=False, content=outcome.get("error", "it failed before"), label=self.label
            )
        value = outcome.get("value")
        event = events.ToolDone(
            call=self.call.id, tool=self.call.tool, value=value, label=self.label, reused=True, usage=Usage(), ms=0
        )
        self.gate.record(self.run, self.at, event)
        return ToolOutcome(call=self.call, ok=True, content=_json(value), value=value, label=self.label)

    def _unless_approved(self, question: Question, attempt: int = 0) -> ToolOutcome | None:
        """Give the outcome that stands in the way; None where a person has approved exactly this."""
        id = hashlib.sha256(f"{self.key}/{question}/{attempt}".encode()).hexdigest()[:10]
        found = self.gate.home.approvals.find(id)
        if found is None:
            found = self._ask(id, question)
        if found.state == "approved" or (found.state == "used" and self.contract.read_only):
            self.approval = id
            return None
        if found.state == "pending":
            return ToolOutcome(call=self.call, ok=False, content="waiting for approval", waiting=found.shown())
        return self._not_approved(found)

    def _not_approved(self, found: Approval) -> ToolOutcome:
        if found.question == "in_doubt":
            told = (
                f"It is not known whether {self.call.tool} took effect. It will not be repeated; a person must check."
            )
        elif found.state == "denied":
            told = f"{found.answered_by} denied {self.call.tool}" + (f": {found.note}" if found.note else ".")
        else:
            told = f"Nobody approved {self.call.tool} in time, so it was not done."
        return self.port._refuse(self.call, self.at, found.state, told, self.decision)  # pyright: ignore[reportPrivateUsage]

    def _ask(self, id: str, question: Question) -> Approval:
        decision = self.decision
        if question == "in_doubt":
            reason = f"{self.call.tool} was begun and never finished; it may have happened. Approve to do it again."
            decision = Decision(outcome="ask", reason=reason, roles=self.decision.roles)
        home, run = self.gate.home, self.run
        with home.database.transaction(durable=True) as tx:
            home.approvals.ask(
                tx, scope=run.scope, arguments=self.arguments, decision=decision, id=id, effect=self.key,
                question=question, digest=self.digest, place=run.place(self.at), tenant=run.caller.tenant,
                user=run.caller.user, agent=run.header["agent"], source=self.port.source, tool=self.call.tool,
            )  # fmt: skip
            found = home.approvals.find(id)
            assert found is not None  # noqa: S101  # written above
            event = events.ApprovalRequested(
                approval=id, call=self.call.id, tool=self.call.tool, arguments=self.arguments, digest=self.digest,
                decision=decision, expires_at=found.expires_at.isoformat(),
            )  # fmt: skip
            home.journal.append(tx, run.scope, run.place(self.at), event)
        return found

    async def _do(self) -> ToolOutcome:
        try:
            value = await self.gate.pass_through(self.run, self._call())
        except ToolFailed as error:
            if error.happened == "maybe" and not self.contract.read_only:
                self.approval = ""
                return self._settled_before() or await self._do()
            return ToolOutcome(call=self.call, ok=False, content=str(error), label=self.label)
        return ToolOutcome(call=self.call, ok=True, content=_json(value), value=value, label=self.label)

    def _call(self) -> Call[Any]:
        context = ToolContext(
            caller=self.run.caller, run=self.run.scope.run, thread=self.run.scope.thread, idempotency_key=self.key
        )
        usage = Usage(tool_calls=1, usd=self.contract.usd)
        return Call(
            at=self.at,
            passage="tool",
            do=lambda: self.tool.run(self.arguments, context),
            intended=self._intended,
            wanted=lambda: usage,
            done=self._done,
            failed=self._failed,
            used=lambda _value: usage,
            limit_s=self.contract.timeout_s * (self.contract.retries + 1),
            durable=not self.contract.read_only,
            foretold=not self.contract.read_only or self.contract.open_world,
        )

    def _intended(self, tx: Transaction) -> events.ToolIntended:
        run, contract = self.run, self.contract
        if self.approval and not self.gate.home.approvals.use(tx, self.approval) and not contract.read_only:
            raise ToolFailed(tool=contract.name, reason="its approval was used already")
        if not contract.read_only:
            effects.claim(
                tx, self.key, thread=run.scope.thread, run=run.scope.run, place=run.place(self.at),
                tool=contract.name, digest=self.digest, fence=run.lease.fence, again=self.again,
            )  # fmt: skip
        return events.ToolIntended(
            call=self.call.id, tool=contract.name, version=contract.version, read_only=contract.read_only,
            arguments=self.arguments, digest=self.digest, effect="" if contract.read_only else self.key,
            decision=self.decision, approval=self.approval, label=self.label,
        )  # fmt: skip

    def _done(self, tx: Transaction, value: Any, ms: float) -> events.ToolDone:
        self._end(tx, "done", {"value": value})
        return events.ToolDone(
            call=self.call.id, tool=self.call.tool, value=value, label=self.label,
            usage=Usage(tool_calls=1, usd=self.contract.usd), ms=round(ms, 3),
        )  # fmt: skip

    def _failed(self, tx: Transaction, error: BaseException, ms: float) -> events.ToolFailed:
        happened = error.happened if isinstance(error, ToolFailed) else ("no" if self.contract.read_only else "maybe")
        self._end(tx, "failed" if happened == "no" else "in_doubt", {"error": str(error)})
        return events.ToolFailed(
            call=self.call.id, tool=self.call.tool, error=f"{type(error).__name__}: {error}", happened=happened,
            usage=Usage(tool_calls=1, usd=self.contract.usd), ms=round(ms, 3),
        )  # fmt: skip

    def _end(self, tx: Transaction, state: effects.State, outcome: dict[str, Any]) -> None:
        if self.contract.read_only:
            return
        keep(tx, self.run.lease, self.gate.home.clock.now())
        digest = self.gate.home.journal.store(tx, self.run.scope.subject, orjson.dumps(outcome))
        effects.end(tx, self.key, self.run.lease.fence, state, digest)


def _json(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _unknown(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"There is no tool {name!r}.{hint} The tools are: {', '.join(known) or 'none'}."


def _denied(tool: str, decision: Decision) -> str:
    by = f" (policy {', '.join(decision.policies)})" if decision.policies else ""
    return f"{tool} is not allowed{by}: {decision.reason}. Do not try it again."
