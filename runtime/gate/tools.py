"""The tool port, with the gate before it: validated, decided, approved where asked, and done once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

import orjson

from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import ArgumentsRefused
from interlock.runtime.gate.calling import Calling
from interlock.runtime.gate.gate import Gate
from interlock.runtime.gate.origins import decided, declassified, taken
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Journal
from interlock.runtime.ports import Selection, Tool, ToolOutcome
from interlock.runtime.records import UNTRACED, Decision, Label, Origin, ToolCall, ToolContext

_BLANK = Label()
OFFERED = "offered"
"""The note that names the tools which were selected for a run."""


@dataclass(frozen=True, kw_only=True)
class GatedTools:
    """Calls an agent's tools through the gate (ports.Toolbox)."""

    gate: Gate
    run: OpenRun
    tools: Mapping[str, Tool]
    source: str = ""
    """Where the agent can be loaded from, so that another process can go on after an approval."""
    selection: Selection | None = None

    def catalogue(self) -> list[dict[str, Any]]:
        """Describe every tool the agent may use, of those that were offered."""
        return [self.tools[name].contract.as_catalogue() for name in self._offered]

    @property
    def _offered(self) -> Sequence[str]:
        return list(self.tools) if self.run.offered is None else self.run.offered

    async def offer(self, text: str, *, at: str, used: Sequence[str] = ()) -> None:
        """Select the tools that this run may see and call (ports.Toolbox)."""
        if self.selection is None:
            return
        chosen = set(await self.selection.select(text, used))
        offered = tuple(name for name in self.tools if name in chosen)
        facts = {"tools": list(offered), "of": len(self.tools)}
        self.gate.record(self.run, at, events.Noted(what=OFFERED, facts=facts))
        self.run.offered = offered

    def contract(self, name: str) -> ToolContract | None:
        """Give the contract of a tool that the agent may use."""
        tool = self.tools.get(name)
        return None if tool is None else tool.contract

    async def plan(self, tools: Sequence[str], *, at: str) -> None:
        """Let a plan pass (ports.Toolbox)."""
        known = [found for name in tools if (found := self.contract(name)) is not None]
        facts = {
            "tools": list(dict.fromkeys(tools)),
            "steps": len(tools),
            "effects": sum(not contract.read_only for contract in known),
        }
        self.gate.require(self.run, at, "make_plan", facts, _BLANK)

    async def call(self, call: ToolCall, *, at: str, label: Label, origin: Origin = UNTRACED) -> ToolOutcome:
        """Run one call through the gate."""
        tool = self.tools.get(call.tool)
        if tool is None:
            return self._refuse(call, at, "unknown-tool", _unknown(call.tool, self._offered))
        if self.run.offered is not None and call.tool not in self.run.offered:
            return self._refuse(call, at, "not-offered", _not_offered(call.tool, self.run.offered, len(self.tools)))
        try:
            arguments = _writable(call.tool, tool.check(call.arguments))
        except ArgumentsRefused as error:
            return self._refuse(call, at, error.code, str(error))
        outcome = await self._admitted(tool, call, arguments, at=at, label=label, traced=origin)
        return outcome if outcome.waiting else taken(self.gate, self.run, tool.contract, outcome, at=at, given=label)

    async def _admitted(
        self, tool: Tool, call: ToolCall, arguments: dict[str, Any], *, at: str, label: Label, traced: Origin
    ) -> ToolOutcome:
        """Decide and do; where a person put other arguments in place, decide on those."""
        edited = ""
        while True:
            origin = await self._traced(tool, arguments, traced, edited)
            decision, arguments = decided(self.gate, self.run, tool, arguments, label=label, origin=origin)
            if decision.outcome == "deny":
                self._end_questions(at)
                told = _denied(call.tool, decision)
                return self._refuse(call, at, "denied", told, decision=decision, label=label, origin=origin)
            calling = Calling(
                gate=self.gate, run=self.run, tool=tool, call=call, arguments=arguments, at=at,
                label=label, origin=origin, decision=decision, source=self.source, edited=edited,
                judge=partial(self._judged, label, origin),
            )  # fmt: skip
            if (outcome := await calling.go()) is not None:
                return outcome
            assert calling.stands is not None  # noqa: S101  # what `go` promises
            edited = calling.stands.id
            try:
                arguments = tool.check(self.gate.home.approvals.edited_arguments(calling.stands))
            except ArgumentsRefused as error:
                told = f"{calling.stands.answered_by} edited the arguments, and they do not fit. {error}"
                return self._refuse(call, at, error.code, told)

    def _judged(self, label: Label, origin: Origin, tool: Tool, arguments: dict[str, Any]) -> str:
        """Tell why a tool may not stand in for another; of one that is not the agent's no policy can speak."""
        if tool.contract.name not in self.tools:
            return ""
        decision = self.gate.decide(self.run, tool.contract.name, arguments, label, origin=origin)
        return "" if decision.outcome == "allow" else f"{tool.contract.name} may not stand in: {decision.reason}"

    def _end_questions(self, at: str) -> None:
        """What was asked about a call that is now denied is not to be answered any more."""
        with self.gate.home.database.transaction() as tx:
            self.gate.home.approvals.supersede(tx, self.run.scope.thread, self.run.place(at))

    async def _traced(self, tool: Tool, arguments: dict[str, Any], origin: Origin, edited: str) -> Origin:
        """Ask the registries about what untrusted text chose; what a person put in place is the person's choice."""
        if edited:
            return origin.model_copy(update={"choices": {}})
        if origin.choice != "untrusted" or not tool.contract.registries:
            return origin
        scope = self.run.scope
        context = ToolContext(caller=self.run.caller, run=scope.run, thread=scope.thread, idempotency_key="")
        return await declassified(tool, arguments, origin, context)

    def _refuse(
        self,
        call: ToolCall,
        at: str,
        code: str,
        told: str,
        *,
        decision: Decision | None = None,
        label: Label = _BLANK,
        origin: Origin | None = None,
    ) -> ToolOutcome:
        event = events.Refused(
            action=call.tool, call=call.id, decision=decision, code=code, request=call.arguments, told=told,
            label=label, origin=origin,
        )  # fmt: skip
        self.gate.refuse(self.run, at, event)
        return ToolOutcome(call=call, ok=False, content=told, code=code)


def offered_in(journal: Journal, run: str) -> tuple[str, ...] | None:
    """Find which tools a run was offered; None where nothing was selected."""
    for entry in journal.of_run(run):
        if isinstance(entry.event, events.Noted) and entry.event.what == OFFERED:
            return tuple(entry.event.facts["tools"])
    return None


def _writable(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Let arguments pass that can be put on record exactly as they are."""
    try:
        orjson.dumps(arguments)
    except TypeError as error:
        raise ArgumentsRefused(tool=tool, problems=(f"the arguments cannot be kept: {error}",)) from error
    return arguments


def _not_offered(name: str, offered: Sequence[str], count: int) -> str:
    return (
        f"The tool {name!r} exists, but is not offered for this request: of {count} tools, these fit it best: "
        f"{', '.join(offered)}. Use one of them, or tell the user to ask for {name!r} in so many words."
    )


def _unknown(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"There is no tool {name!r}.{hint} The tools are: {', '.join(known) or 'none'}."


def _denied(tool: str, decision: Decision) -> str:
    by = f" (policy {', '.join(decision.policies)})" if decision.policies else ""
    return f"{tool} is not allowed{by}: {decision.reason}. Do not try it again."
