"""One admitted tool call on its way to being done once: looked up, approved where asked, claimed, done, committed."""

import hashlib
from decimal import Decimal
from typing import Any, Literal, cast

import orjson

from interlock.runtime.bills import Bill, billed
from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import ToolFailed
from interlock.runtime.gate import effects
from interlock.runtime.gate.approvals import Approval, Question
from interlock.runtime.gate.asking import Asking, not_approved
from interlock.runtime.gate.backstop import passing
from interlock.runtime.gate.gate import Call, Gate
from interlock.runtime.gate.leases import keep, lasting
from interlock.runtime.gate.led_here import led_here
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.journal import events
from interlock.runtime.labels import result_label
from interlock.runtime.ports import Tool, ToolOutcome, Tracked
from interlock.runtime.records import UNTRACED, Decision, Label, Origin, ToolCall, ToolContext, Usage
from interlock.runtime.stand_ins import Judge, judged
from interlock.runtime.storage.database import Transaction

Told = Literal["yes", "no", "unknown"]


class Calling:
    """One admitted call."""

    def __init__(
        self,
        *,
        gate: Gate,
        run: OpenRun,
        tool: Tool,
        call: ToolCall,
        arguments: dict[str, Any],
        at: str,
        label: Label,
        origin: Origin,
        decision: Decision,
        source: str,
        judge: Judge,
        edited: str = "",
    ) -> None:
        self.gate, self.run, self.tool, self.source = gate, run, tool, source
        self.call, self.arguments, self.at, self.decision = call, arguments, at, decision
        self.contract: ToolContract = tool.contract
        self.label, self.origin = label, origin
        self.judge = judge
        self.traced = None if origin == UNTRACED else origin
        self.digest = effects.request_digest(self.contract, arguments)
        self.key = effects.effect_key(self.run.scope.thread, self.run.place(at), self.digest)
        self.edited = edited
        """The approval by which a person put these arguments in place."""
        self.approval = ""
        self.again = False
        self.bill = Bill()
        self.stands: Approval | None = None
        """The answered approval that stands in the way."""

    async def go(self) -> ToolOutcome | None:
        """Do it, or tell what stands in the way; None where a person has put other arguments in place (`stands`)."""
        if not self.contract.read_only and (settled := await self._settled_before()) is not None:
            return settled
        if self.decision.outcome == "ask" and not self.again:
            stop = self._unless_approved("policy")
            if stop is not None or self.stands is not None:
                return stop
        return await self._do()

    async def _settled_before(self) -> ToolOutcome | None:
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
        return await self._out_of_doubt(found)

    async def _out_of_doubt(self, found: effects.Effect) -> ToolOutcome | None:
        """Ask the tool, or else a person, whether the effect took place; None means that it may be done again."""
        if self.contract.tracked:
            told, value = await self._asked_tool()
            if told == "yes":
                return self._settle({"value": value}, "the tool")
            if told == "no":
                return None
        with self.gate.home.database.transaction(durable=True) as tx:
            effects.doubt(tx, self.key)
        return self._unless_approved("in_doubt", attempt=found.attempts)

    async def _asked_tool(self) -> tuple[Told, Any]:
        told: Told = "unknown"
        value = None
        try:
            with passing("tool"):
                happened, value = await cast(Tracked, self.tool).status(self.arguments, self._context())
            told = "yes" if happened else "no"
        except ToolFailed:
            pass
        facts = {"tool": self.contract.name, "effect": self.key, "happened": told}
        self.gate.record(self.run, self.at, events.Noted(what="status", facts=facts))
        return told, value

    def _settle(self, outcome: dict[str, Any], by: str) -> ToolOutcome:
        """Put on record that the effect took place after all."""
        home, run = self.gate.home, self.run
        with home.database.transaction(durable=True) as tx:
            keep(tx, run.lease, home.clock)
            digest = home.journal.store(tx, run.scope.subject, orjson.dumps({**outcome, "settled_by": by}))
            effects.settle(tx, self.key, run.lease.fence, "done", digest)
            found = effects.find(tx, self.key)
        assert found is not None  # noqa: S101  # settled above
        return self._recorded(found)

    def _recorded(self, found: effects.Effect) -> ToolOutcome:
        outcome: dict[str, Any] = self.gate.home.journal.payload(found.outcome) or {}
        if found.state == "failed":
            return self._outcome(outcome.get("error", "it failed before"))
        value = outcome.get("value")
        event = events.ToolDone(
            call=self.call.id, tool=self.call.tool, value=value,
            label=result_label(self.contract, value, self.label), reused=True, usage=Usage(), ms=0,
        )  # fmt: skip
        self.gate.record(self.run, self.at, event)
        return self._outcome(outcome.get("told") or _json(value), value, ok=True)

    def _unless_approved(self, question: Question, attempt: int = 0) -> ToolOutcome | None:
        """Give the outcome that stands in the way; None where people have approved exactly this."""
        decision = self._question(question)
        bound = self._bound(question, attempt, decision)
        found = self._asking(bound, question, decision).approval()
        if found.digest != bound:
            raise ToolFailed(tool=self.contract.name, reason=f"approval {found.id} is about something else")
        if found.state == "approved" or (found.state == "used" and self.contract.read_only):
            self.approval = found.id
            return None
        if found.state == "pending":
            return ToolOutcome(
                call=self.call, ok=False, content="waiting for approval", waiting=found.shown(), label=self.label
            )
        if found.state == "happened":
            by = found.answered_by + (f": {found.note}" if found.note else "")
            return self._settle({"value": None, "told": f"{self.call.tool} took effect, as told by {by}"}, by)
        self.stands = found
        return None if found.question == "policy" and found.state == "edited" else self._not_approved(found)

    def _bound(self, question: Question, attempt: int, decision: Decision) -> str:
        """Digest what people answer: the request, its cost and label, and under which policies it is asked."""
        binds = [
            self.key, self.digest, question, attempt, str(self.contract.usd), decision.policies, decision.roles,
            decision.quorum, self.label.model_dump(mode="json"),
        ]  # fmt: skip
        return hashlib.sha256(orjson.dumps(binds)).hexdigest()

    def _question(self, question: Question) -> Decision:
        if question == "policy":
            return self.decision
        reason = f"{self.call.tool} was begun and never finished; it may have happened. Approve to do it again."
        return Decision(outcome="ask", reason=reason, roles=self.decision.roles, quorum=self.decision.quorum)

    def _not_approved(self, found: Approval) -> ToolOutcome:
        if found.question == "in_doubt":
            told = (
                f"It is not known whether {self.call.tool} took effect. It will not be repeated; a person must check."
            )
        else:
            told = not_approved(found)
        event = events.Refused(
            action=self.call.tool, call=self.call.id, decision=self.decision, code=found.state,
            request=self.arguments, told=told, label=self.label, origin=self.traced,
        )  # fmt: skip
        self.gate.refuse(self.run, self.at, event)
        return self._outcome(told)

    def _asking(self, bound: str, question: Question, decision: Decision) -> Asking:
        return Asking(
            gate=self.gate, run=self.run, at=self.at, source=self.source, tool=self.call.tool, call=self.call.id,
            effect=self.key, arguments=self.arguments, about=self._about, digest=bound, question=question,
            decision=decision, label=self.label, origin=self.traced,
        )  # fmt: skip

    def _about(self) -> dict[str, Any]:
        """Give what people must see beside the arguments."""
        contract = self.contract
        hints = ("read_only", "destructive", "idempotent", "open_world")
        return {
            "effect": {"what": contract.description, **{name: getattr(contract, name) for name in hints}},
            "usd": str(contract.usd),
            "label": self.label.model_dump(mode="json"),
            "origin": self.origin.model_dump(mode="json"),
            "policy_version": self.gate.policies.version,
            "edit_of": self.edited,
            "led_here": led_here(self.gate.home.journal, self.run.scope.run),
        }

    async def _do(self) -> ToolOutcome:
        try:
            value = await self.gate.pass_through(self.run, self._call())
        except TimeoutError:
            return await self._failed_to_deliver(self._too_late())
        except ToolFailed as error:
            return await self._failed_to_deliver(error)
        return self._outcome(_json(value), value, ok=True)

    async def _failed_to_deliver(self, error: ToolFailed) -> ToolOutcome:
        if error.happened == "no" or self.contract.repeatable:
            return self._outcome(str(error))
        self.approval = ""
        return await self._settled_before() or self._not_after_all(error)

    def _too_late(self) -> ToolFailed:
        """Make the error of a call that the gate has given up, because the tool itself did not."""
        reason = f"no answer within {self._limit_s:g} s, all attempts included"
        return ToolFailed(tool=self.contract.name, reason=reason, happened="no" if self.contract.read_only else "maybe")

    def _not_after_all(self, error: ToolFailed) -> ToolOutcome:
        """Put on record that a call which failed took no effect, as the tool itself has told."""
        home, run = self.gate.home, self.run
        told = f"{error} It took no effect."
        with home.database.transaction(durable=True) as tx:
            keep(tx, run.lease, home.clock)
            digest = home.journal.store(tx, run.scope.subject, orjson.dumps({"error": told}))
            effects.settle(tx, self.key, run.lease.fence, "failed", digest)
        return self._outcome(told)

    def _outcome(self, content: str, value: Any = None, *, ok: bool = False) -> ToolOutcome:
        return ToolOutcome(call=self.call, ok=ok, content=content, value=value, label=self.label)

    def _context(self) -> ToolContext:
        run = self.run
        return ToolContext(
            caller=run.caller, run=run.scope.run, thread=run.scope.thread, idempotency_key=self.key,
            fence=run.lease.fence,
        )  # fmt: skip

    def _call(self) -> Call[Any]:
        return Call(
            at=self.at,
            passage="tool",
            do=self._perform,
            intended=self._intended,
            wanted=self._usage,
            done=self._done,
            failed=self._failed,
            used=lambda _value: self._usage(),
            limit_s=self._limit_s,
            durable=not self.contract.read_only,
            foretold=not self.contract.read_only or self.contract.open_world,
        )

    def _usage(self) -> Usage:
        return Usage(tool_calls=1, usd=Decimal(0) if self.bill.waived else self.contract.usd)

    @property
    def _limit_s(self) -> float:
        return self.contract.whole_s

    async def _perform(self) -> Any:
        """Do it, unless this worker stood still since it claimed the effect, and has lost its lease."""
        run, home = self.run, self.gate.home
        if not self.contract.read_only and not lasting(run.lease, home.clock, 0.0):
            with home.database.transaction() as tx:
                keep(tx, run.lease, home.clock, self._limit_s)
        with billed(self.bill), judged(self.judge):
            return await self.tool.run(self.arguments, self._context())

    def _intended(self, tx: Transaction) -> events.ToolIntended:
        run, contract, approvals = self.run, self.contract, self.gate.home.approvals
        if self.approval and not approvals.use(tx, self.approval) and not contract.read_only:
            raise ToolFailed(tool=contract.name, reason="its approval was used, or has expired")
        if not contract.read_only:
            effects.claim(
                tx, self.key, thread=run.scope.thread, run=run.scope.run, place=run.place(self.at),
                tool=contract.name, digest=self.digest, fence=run.lease.fence, again=self.again,
            )  # fmt: skip
            approvals.supersede(tx, run.scope.thread, run.place(self.at), but=self.approval)
        return events.ToolIntended(
            call=self.call.id, tool=contract.name, version=contract.version, read_only=contract.read_only,
            arguments=self.arguments, digest=self.digest, effect="" if contract.read_only else self.key,
            decision=self.decision, approval=self.approval or self.edited, label=self.label, origin=self.traced,
        )  # fmt: skip

    def _done(self, tx: Transaction, value: Any, ms: float) -> events.ToolDone:
        self._end(tx, "done", {"value": value})
        return events.ToolDone(
            call=self.call.id, tool=self.call.tool, value=value,
            label=result_label(self.contract, value, self.label), cached=self.bill.waived,
            by=self.bill.by, usage=self._usage(), ms=round(ms, 3),
        )  # fmt: skip

    def _failed(self, tx: Transaction, error: BaseException, ms: float) -> events.ToolFailed:
        happened = error.happened if isinstance(error, ToolFailed) else ("no" if self.contract.read_only else "maybe")
        self._end(tx, "failed" if happened == "no" else "in_doubt", {"error": str(error)})
        return events.ToolFailed(
            call=self.call.id, tool=self.call.tool, error=f"{type(error).__name__}: {error}", happened=happened,
            usage=self._usage(), ms=round(ms, 3),
        )  # fmt: skip

    def _end(self, tx: Transaction, state: effects.State, outcome: dict[str, Any]) -> None:
        if self.contract.read_only:
            return
        keep(tx, self.run.lease, self.gate.home.clock)
        digest = self.gate.home.journal.store(tx, self.run.scope.subject, orjson.dumps(outcome))
        effects.end(tx, self.key, self.run.lease.fence, state, digest)


def _json(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
