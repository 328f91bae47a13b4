"""Put an agent together: its ports behind the gate, and the runs that are open in this process."""

import hashlib
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import orjson
from langgraph.runtime import Runtime

from interlock.graphs.agent import Agent
from interlock.graphs.manifests import check_manifest
from interlock.graphs.state import new_messages, state_before
from interlock.runtime.errors import BadInput
from interlock.runtime.gate.gate import Gate
from interlock.runtime.gate.leases import holder_here, keep, lasting, release, take
from interlock.runtime.gate.ledger import Purse, Shared
from interlock.runtime.gate.models import GatedModel
from interlock.runtime.gate.others import GatedDoor, GatedMemory, JournalNotebook
from interlock.runtime.gate.run import OpenRun, RunHeader
from interlock.runtime.gate.shared import SharedPurse
from interlock.runtime.gate.stops import BudgetSpent, LeaseLost
from interlock.runtime.gate.tools import GatedTools, offered_in
from interlock.runtime.home import Home, current_home
from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Scope
from interlock.runtime.journal.prompts import message_kept
from interlock.runtime.memories import Owner
from interlock.runtime.models.chat import ChatModel
from interlock.runtime.models.resolve import resolve
from interlock.runtime.policies import CedarPolicies
from interlock.runtime.ports import Deps, MemoryStore, Selection
from interlock.runtime.prompts import PromptFolder
from interlock.runtime.records import Caller, Usage

HEADER = 1
"""Version of the run header in checkpoints."""


@dataclass(kw_only=True)
class Entered:
    """A run with its ports, and how many of its nodes are at work."""

    run: OpenRun
    deps: Deps
    home: Home
    inside: int = 0
    ended: events.RunEnded | None = None
    step: str = ""
    """The checkpoint at which a task of the run began to wait."""
    waiting: set[str] = field(default_factory=set[str])
    """The tasks that wait."""


class Assembly:
    """One agent in one graph, ready to run in any home."""

    def __init__(self, agent: Agent, *, graph: str) -> None:
        self.agent = agent
        self.graph = graph
        self.source = ""
        self.topology: dict[str, Any] = {}
        """The graph's nodes and edges."""
        self.tools = {tool.contract.name: tool for tool in agent.tools}
        self.contracts = [tool.contract for tool in agent.tools]
        self.policies = CedarPolicies(agent.policy, self.contracts)
        self.prompts = PromptFolder(None if agent.prompts is None else Path(agent.prompts))
        self._holder = holder_here(secrets.token_hex(4))
        self._entered: dict[tuple[str, str], Entered] = {}
        self._paused: dict[tuple[str, str], Entered] = {}
        self._memories: dict[str, MemoryStore] = {}
        self._selections: dict[str, Selection] = {}
        self._lock = threading.RLock()

    @cached_property
    def model(self) -> ChatModel:
        """The agent's chat model; made when first needed."""
        return resolve(self.agent.model, contracts=self.contracts, prices=self.agent.prices)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Content hashes of all that decides how the agent behaves."""
        return self._manifest(self.model)

    def manifest_with(self, model: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Give the manifest as it is but for the model, which is not made for it."""
        return {**self._manifest(None), "model": model, "model_settings": settings}

    def _manifest(self, model: ChatModel | None) -> dict[str, Any]:
        select = self.agent.select
        return {
            **({"select": [select.most, sorted(select.pinned)]} if select else {}),
            "graph": self.graph,
            "topology": self.topology,
            "agent": self.agent.name,
            "model": model.name if model else "",
            "model_settings": model.settings() if model else {},
            "policy": self.policies.version,
            "prompts": {prompt.name: [prompt.version, prompt.hash] for prompt in self.prompts.all()},
            "tools": {
                c.name: [c.version, _hash([c.as_catalogue(), c.idempotent, c.open_world])] for c in self.contracts
            },
            "budget": self.agent.budget.model_dump(mode="json"),
        }

    @cached_property
    def manifest_hash(self) -> str:
        """SHA-256 of the manifest, hexadecimal."""
        return _hash(self.manifest)

    def memory(self, home: Home) -> MemoryStore | None:
        """Open the agent's memory in a home."""
        plan = self.agent.memory
        if plan is None:
            return None
        with self._lock:
            key = str(home.path)
            if key not in self._memories:
                self._memories[key] = (
                    home.outside.memory(lambda: plan.open(home.path, home.clock))
                    if home.outside
                    else plan.open(home.path, home.clock)
                )
            return self._memories[key]

    def _selection(self, home: Home) -> Selection | None:
        plan = self.agent.select
        if plan is None or len(self.contracts) <= plan.most:
            return None
        with self._lock:
            if (found := self._selections.get(str(home.path))) is None:
                opened = partial(plan.open, self.contracts, home.path)
                found = home.outside.selection(opened) if home.outside else opened()
                self._selections[str(home.path)] = found
            return found

    def _model(self, home: Home) -> ChatModel:
        if home.outside is None:
            return self.model
        return home.outside.model(self.agent.model, self.contracts, self.agent.prices)

    def use_model(self, name: str) -> None:
        """Use another model than the agent names, from the next run on."""
        self.agent = replace(self.agent, model=name)
        for made in ("model", "manifest", "manifest_hash"):
            self.__dict__.pop(made, None)

    def use_prompt(self, file: Path) -> None:
        """Use a prompt file instead of the prompt of its name, from the next run on."""
        self.prompts = self.prompts.with_file(file)
        for made in ("manifest", "manifest_hash"):
            self.__dict__.pop(made, None)

    def remembered(self, home: Home, caller: Caller) -> tuple[str, ...]:
        """List what the memory holds for a user, for those who judge it. Not for nodes."""
        store = self.memory(home)
        return () if store is None else store.texts(Owner(tenant=caller.tenant, user=caller.user))

    def close(self, home: Home) -> None:
        """Let go of what was opened in a home."""
        with self._lock:
            if (store := self._memories.pop(str(home.path), None)) is not None:
                store.close()

    def forget(self, home: Home) -> None:
        """Lose what is open in a home, as a process that is killed does."""
        with self._lock:
            for runs in (self._entered, self._paused):
                for key in [key for key in runs if key[0] == str(home.path)]:
                    del runs[key]

    def begin(self, state: Mapping[str, Any], runtime: Runtime[Any]) -> tuple[Entered, RunHeader]:
        """Start a run on the thread: take its lease, open its account, and put the start on record.

        Raises:
            ThreadBusy: another run holds the thread.
        """
        home = current_home()
        caller = Caller.of(runtime.context)
        manifest = self._manifest(self._model(home))
        header = self._header(home, caller, state, runtime, _hash(manifest))
        entered = self._open(home, header, caller)
        new = new_messages(state["messages"])
        old = state["messages"][: len(state["messages"]) - len(new)]
        scope = entered.run.scope
        history = home.tails.history(scope.thread + header["path"], scope.subject)
        try:
            with home.database.transaction() as tx:
                kept = home.journal.store(tx, "", orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS))
                started = events.RunStarted(
                    agent=self.agent.name, caller=caller, turn=header["turn"], manifest=header["manifest"],
                    manifest_kept=kept, policy=self.policies.version, source=self.source,
                    parent=home.outside.parent if home.outside else "",
                    history=history.write(tx, home.journal, scope.subject, old),
                    messages=[message_kept(message) for message in new], before=state_before(state),
                )  # fmt: skip
                home.journal.append(tx, scope, entered.run.place("begin"), started)
        except BaseException:
            history.forget()
            self._entered.pop((str(home.path), header["id"]), None)
            raise
        return entered, header

    def resume(self, header: RunHeader, runtime: Runtime[Any]) -> Entered:
        """Give a run that is open here, or go on with one that another process left.

        Raises:
            ThreadBusy: another run holds the thread.
            BadInput: it is resumed for another user than it was started for.
            ManifestChanged: the graph, its prompts or its tools are not those that it was begun with.
        """
        home = current_home()
        with self._lock:
            key = (str(home.path), header["id"])
            if (found := self._entered.get(key)) is not None:
                return found
            caller = Caller(user=header["user"], tenant=header["tenant"], roles=tuple(header["roles"]))
            _same_person(caller, runtime.context)
            manifest = self._checked_manifest(home, header)
            paused = self._paused.pop(key, None)
            entered = self._open(home, header, caller)
            if self.agent.select is not None:
                entered.run.offered = offered_in(home.journal, header["id"])
        if paused is not None and _beside(paused, runtime):
            entered.ended, entered.step, entered.waiting = paused.ended, paused.step, paused.waiting
            return entered
        with home.database.transaction() as tx:
            resumed = events.RunResumed(by=caller, manifest=manifest, policy=self.policies.version)
            home.journal.append(tx, entered.run.scope, entered.run.place("resume"), resumed)
        return entered

    def _checked_manifest(self, home: Home, header: RunHeader) -> str:
        """Give the hash of today's manifest, if it may go on with the run.

        Raises:
            ManifestChanged: it may not.
        """
        manifest = self._manifest(self._model(home))
        if _hash(manifest) != header["manifest"] and home.outside is None:
            check_manifest(home, header["id"], manifest, self.agent.takes_over)
        return _hash(manifest)

    def _header(
        self, home: Home, caller: Caller, state: Mapping[str, Any], runtime: Runtime[Any], manifest: str
    ) -> RunHeader:
        info = runtime.execution_info
        thread = (info.thread_id if info else None) or f"lone-{home.clock.new_id()}"
        before: Mapping[str, Any] = state.get("run") or {}
        return RunHeader(
            v=HEADER,
            id=home.clock.new_id(),
            thread=thread,
            turn=int(before.get("turn", 0)) + 1,
            user=caller.user,
            tenant=caller.tenant,
            roles=list(caller.roles),
            agent=self.agent.name,
            manifest=manifest,
            path=_path_in_parents(info.checkpoint_ns if info else ""),
        )

    def _open(self, home: Home, header: RunHeader, caller: Caller) -> Entered:
        now = home.clock.now()
        with home.database.transaction() as tx:
            holder = f"{self._holder}-{header['id']}"
            lease = take(tx, header["thread"] + _inner(header), header["id"], holder, now)
            home.ledger.open(tx, f"run {header['id']}")
        before = home.ledger.usage(f"run {header['id']}")
        run = OpenRun(
            header=header,
            caller=caller,
            lease=lease,
            opened_at=home.clock.monotonic(),
            tail=home.tails.prompts(header["thread"] + header["path"], Scope.subject_of(caller.tenant, caller.user)),
            purse=Purse(
                scope=f"run {header['id']}",
                budget=self.agent.budget,
                before=before,
                shared=self._shared(home, caller, header["thread"]),
            ),
        )
        entered = Entered(run=run, deps=self._deps(home, run), home=home)
        with self._lock:
            self._entered[str(home.path), header["id"]] = entered
        return entered

    def _shared(self, home: Home, caller: Caller, thread: str) -> Shared | None:
        if not (limits := self.agent.budget.limits):
            return None
        return SharedPurse(
            database=home.database, ledger=home.ledger, clock=home.clock, holder=self._holder,
            caller=caller, thread=thread, limits=limits,
        )  # fmt: skip

    def _deps(self, home: Home, run: OpenRun) -> Deps:
        gate = Gate(home=home, policies=self.policies)
        store, outside = self.memory(home), home.outside
        tools = {name: outside.tool(tool) for name, tool in self.tools.items()} if outside else self.tools
        deps = Deps(
            model=GatedModel(gate=gate, run=run, model=self._model(home)),
            tools=GatedTools(gate=gate, run=run, tools=tools, source=self.source, selection=self._selection(home)),
            memory=None if store is None else GatedMemory(gate=gate, run=run, store=store),
            door=GatedDoor(gate=gate, run=run),
            notebook=JournalNotebook(gate=gate, run=run),
            clock=home.clock,
            prompts=self.prompts,
        )
        return outside.ports(deps, run) if outside else deps

    def check_steps(self, entered: Entered, steps: int) -> None:
        """Stop a run that has taken all its steps.

        Raises:
            BudgetSpent: the next step would be one too many.
        """
        limit = entered.run.budget.steps
        if steps >= limit:
            raise BudgetSpent(
                scope=entered.run.account, unit="steps", limit=Decimal(limit), spent=Decimal(steps), needed=Decimal(1)
            )

    def leave(self, entered: Entered) -> None:
        """Close the run in this process once it has ended and no node is at work."""
        with self._lock:
            if entered.inside > 0 or entered.ended is None:
                return
            key = (str(entered.home.path), entered.run.scope.run)
            self._entered.pop(key, None)
            if entered.waiting:
                self._paused[key] = entered
        home, run = entered.home, entered.run
        seconds = home.clock.monotonic() - run.opened_at
        with home.database.transaction() as tx:
            home.ledger.charge(tx, run.account, Usage(seconds=seconds))
            release(tx, run.lease)
            ended: events.Event = entered.ended.model_copy(update={"usage": home.ledger.usage(run.account)})
            if entered.ended.code == LeaseLost.code:  # the run goes on elsewhere
                ended = events.Noted(what="lease lost", facts={"fence": run.lease.fence})
            home.journal.append(tx, run.scope, run.place("end"), ended)

    def require_lease(self, entered: Entered) -> None:
        """Stop a worker that stood still while another took its thread, before what it did is kept.

        Raises:
            LeaseLost: another worker goes on.
        """
        home, lease = entered.home, entered.run.lease
        if not lasting(lease, home.clock.now(), 0.0):
            with home.database.transaction() as tx:
                keep(tx, lease, home.clock.now())


def _beside(paused: Entered, runtime: Runtime[Any]) -> bool:
    """Tell whether a task belongs to the same step as those that wait, and was only slower to begin."""
    info = runtime.execution_info
    return info is not None and info.checkpoint_id == paused.step and info.task_id not in paused.waiting


def _same_person(caller: Caller, context: Any) -> None:
    given = Caller.of(context)
    if context is not None and (given.user, given.tenant) != (caller.user, caller.tenant):
        raise BadInput(
            what=f"the run acts for user {caller.user!r} of {caller.tenant!r}, not {given.user!r} of {given.tenant!r}",
            where="context=",
            fix="resume it for the same user, or start a new thread",
        )


def _path_in_parents(namespace: str) -> str:
    """Name the graph's place inside its parents: the node names of the namespace, without task ids, without our own."""
    parts = [part.split(":")[0] for part in namespace.split("|")[:-1]]
    return "".join(f"{part}/" for part in parts)


def _inner(header: RunHeader) -> str:
    return f"#{header['path']}" if header["path"] else ""


def _hash(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
