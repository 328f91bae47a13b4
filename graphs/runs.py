"""The runs that are open in this process: begun, taken up, left."""

import secrets
import threading
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from langgraph.runtime import Runtime

from interlock.graphs.headers import check_person, leased, new_header, new_path
from interlock.graphs.manifests import hashed, kept_manifest
from interlock.graphs.positions import Spot, config_here
from interlock.graphs.state import new_messages, state_before
from interlock.runtime.erasures import require_none_pending
from interlock.runtime.gate.backstop import in_tool
from interlock.runtime.gate.clocks import JournalledClock
from interlock.runtime.gate.holders import holder_here
from interlock.runtime.gate.leases import giving_up, is_in_hand, keep, lasting, release, take
from interlock.runtime.gate.purse import Purse
from interlock.runtime.gate.run import OpenRun, RunHeader
from interlock.runtime.gate.shared import SharedPurse
from interlock.runtime.gate.stops import BudgetSpent, LeaseLost
from interlock.runtime.gate.tools import offered_in
from interlock.runtime.home import Home, current_home
from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Scope
from interlock.runtime.journal.prompts import PromptTail, message_kept
from interlock.runtime.journal.turns import turn_after
from interlock.runtime.openings import Openings
from interlock.runtime.ports import Deps
from interlock.runtime.records import Caller, Usage
from interlock.runtime.storage.database import Transaction

if TYPE_CHECKING:
    from interlock.graphs.assembly import Assembly


@dataclass(kw_only=True)
class Entered:
    """A run with its ports, and how it ends."""

    run: OpenRun
    deps: Deps
    home: Home
    ended: events.RunEnded | None = None
    spent: BudgetSpent | None = None
    """The limit that has stopped it."""
    step: str = ""
    """The checkpoint at which a task of the run began to wait."""
    waiting: set[str] = field(default_factory=set[str])
    """The tasks that wait."""
    visits: Counter[str] = field(default_factory=Counter[str])
    """How often each node was begun in this process."""

    def ports_of(self, node: str) -> Deps:
        """Give a visit of a node its ports, with a clock that puts on record what it tells."""
        self.visits[node] += 1
        at = f"{node}.clock.{self.visits[node]}"
        clock = JournalledClock(clock=self.home.clock, home=self.home, run=self.run, at=at)
        return replace(self.deps, clock=self.home.outside.node_clock(clock) if self.home.outside else clock)


@dataclass(frozen=True, kw_only=True)
class _AtWork:
    """What is called here is called by this task of a run."""

    entered: Entered
    spot: Spot


_running: ContextVar[_AtWork | None] = ContextVar("interlock_running", default=None)


@contextmanager
def running(entered: Entered) -> Generator[None]:
    """Mark what begins in this block, such as another graph, as part of a run: it uses that run's budget, too."""
    token = _running.set(_AtWork(entered=entered, spot=Spot(run=entered.run, config=config_here())))
    try:
        yield
    finally:
        _running.reset(token)


class Runs:
    """The runs of one assembly."""

    def __init__(self, assembly: "Assembly") -> None:
        self._assembly = assembly
        self._holder = holder_here(secrets.token_hex(4))
        self._entered: dict[tuple[str, str], Entered] = {}
        self._paused: dict[tuple[str, str], Entered] = {}
        self._lock = threading.RLock()

    @property
    def winds_down(self) -> bool:
        """Whether a run that a limit stops tells what it has done."""
        return self._assembly.agent.budget.wind_down is not None

    def forget(self, home: Home) -> None:
        """Lose what is open in a home, as a process that is killed does."""
        with self._lock:
            for runs in (self._entered, self._paused):
                for key in [key for key in runs if key[0] == str(home.path)]:
                    del runs[key]

    async def turn(self, header: RunHeader | None, runtime: Runtime[Any]) -> None:
        """Wait for one's turn in a replay, before a run begins (None) or is taken up."""
        home = current_home()
        if home.outside is None or (header is not None and (str(home.path), header["id"]) in self._entered):
            return
        around = _around(home)
        path = header["path"] if header is not None else new_path(home, runtime, around.spot if around else None)
        await home.outside.entering(path)

    def begin(
        self, state: Mapping[str, Any], runtime: Runtime[Any], *, can_wait: bool = True
    ) -> tuple[Entered, RunHeader]:
        """Start a run on the thread: take its lease, open its account, and put the start on record.

        Args:
            can_wait: whether it can be gone on with once a person has answered.

        Raises:
            ThreadBusy: another run holds the thread.
        """
        home = current_home()
        caller = Caller.of(runtime.context)
        manifest = self._assembly.manifest_in(home)
        around = _around(home)
        header = new_header(
            home, caller, state, runtime, agent=self._assembly.agent.name, manifest=hashed(manifest),
            around=around.spot if around else None,
        )  # fmt: skip
        entered = self._open(home, header, caller)
        entered.run.can_wait = can_wait
        scope = entered.run.scope
        history = home.tails.history(scope.thread + header["path"], scope.subject)
        try:
            with home.database.transaction() as tx:
                started = self._started(tx, entered, manifest, state, history)
                home.journal.append(tx, scope, entered.run.place("begin"), started)
        except BaseException:
            history.forget()
            self._entered.pop((str(home.path), header["id"]), None)
            raise
        return entered, header

    def _started(
        self,
        tx: Transaction,
        entered: Entered,
        manifest: dict[str, Any],
        state: Mapping[str, Any],
        history: PromptTail,
    ) -> events.RunStarted:
        """Say what begins, and number its turn."""
        home, run, agent = entered.home, entered.run, self._assembly.agent
        header = run.header
        new = new_messages(state["messages"])
        old = state["messages"][: len(state["messages"]) - len(new)]
        said = [message_kept(message) for message in new]
        # What is around it may go back to an earlier checkpoint. Sessions keep every step: to them a thread that has
        # forgotten a run is an old copy, such as a worker may have read who then stood still.
        again = header["path"] != "" or is_in_hand(header["thread"])
        header["turn"] = turn_after(
            tx, home.journal, header["thread"], header["path"], turn=header["turn"], said=said,
            again=run.can_wait and again,
        )  # fmt: skip
        return events.RunStarted(
            agent=agent.name, caller=run.caller, turn=header["turn"], manifest=header["manifest"],
            manifest_kept=kept_manifest(tx, home, manifest), policy=self._assembly.policies.version,
            source=self._assembly.source, parent=home.outside.parent if home.outside else "",
            inside=run.parent.scope.run if run.parent else "", in_tool=in_tool(),
            history=history.write(tx, home.journal, run.scope.subject, old), messages=said, before=state_before(state),
        )  # fmt: skip

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
            check_person(caller, runtime.context)
            manifest = self._assembly.checked_manifest(home, header)
            paused = self._paused.pop(key, None)
            entered = self._open(home, header, caller)
            if self._assembly.agent.select is not None:
                entered.run.offered = offered_in(home.journal, header["id"])
        if paused is not None and _beside(paused, runtime):
            entered.ended, entered.step, entered.waiting = paused.ended, paused.step, paused.waiting
            return entered
        with home.database.transaction() as tx:
            other = manifest if hashed(manifest) != header["manifest"] else None
            resumed = events.RunResumed(
                by=caller, manifest=hashed(manifest), policy=self._assembly.policies.version,
                manifest_kept=kept_manifest(tx, home, other) if other else "",
            )  # fmt: skip
            home.journal.append(tx, entered.run.scope, entered.run.place("resume"), resumed)
        return entered

    def _open(self, home: Home, header: RunHeader, caller: Caller) -> Entered:
        with home.database.transaction() as tx:
            holder = f"{self._holder}-{header['id']}"
            require_none_pending(tx, caller.tenant, caller.user)
            lease = take(tx, leased(header), header["id"], holder, home.clock)
            home.ledger.open(tx, f"run {header['id']}")
        around = _around(home)
        parent = around.entered.run if around else None
        run = OpenRun(
            header=header,
            caller=caller,
            lease=lease,
            opened_at=home.clock.monotonic(),
            tail=home.tails.prompts(header["thread"] + header["path"], Scope.subject_of(caller.tenant, caller.user)),
            purse=self._purse(home, header, caller, parent.purse if parent else None),
            openings=Openings(clock=home.clock, outer=parent.openings if parent else None),
            parent=parent,
        )
        entered = Entered(run=run, deps=self._assembly.ports(home, run), home=home)
        run.opened_at = home.clock.monotonic()  # its ports are open
        with self._lock:
            self._entered[str(home.path), header["id"]] = entered
        return entered

    def _purse(self, home: Home, header: RunHeader, caller: Caller, outer: Purse | None) -> Purse:
        """Open the purse of a run; what it uses inside another run, that one uses too."""
        account, budget = f"run {header['id']}", self._assembly.agent.budget
        around = outer.shared if outer else None
        shared: SharedPurse | None = None
        if budget.limits or around is not None:
            shared = SharedPurse(
                database=home.database, ledger=home.ledger, clock=home.clock, holder=self._holder, caller=caller,
                thread=header["thread"], limits=budget.limits, outer=around,
            )  # fmt: skip
        return Purse(scope=account, budget=budget, before=home.ledger.usage(account), shared=shared, parent=outer)

    def abandon(self, entered: Entered, ended: events.RunEnded) -> None:
        """End a run that is open here and that no node has ended."""
        with self._lock:
            if self._entered.get((str(entered.home.path), entered.run.scope.run)) is not entered:
                return
            entered.ended = entered.ended or ended
        self.leave(entered)

    def leave(self, entered: Entered) -> None:
        """Close the run in this process once it has ended and no node is at work."""
        with self._lock:
            if entered.run.inside > 0 or entered.ended is None:
                return
            key = (str(entered.home.path), entered.run.scope.run)
            self._entered.pop(key, None)
            if entered.waiting:
                self._paused[key] = entered
        home, run = entered.home, entered.run
        seconds = run.worked_s(home.clock.monotonic())
        with giving_up(run.lease), home.database.transaction() as tx:
            run.purse.charge(tx, home.ledger, Usage())
            home.ledger.charge(tx, run.account, Usage(seconds=seconds))
            if run.purse.shared is not None:
                run.purse.shared.worked(seconds)
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
        if not lasting(lease, home.clock, 0.0):
            with home.database.transaction() as tx:
                keep(tx, lease, home.clock)


def _around(home: Home) -> _AtWork | None:
    """Give the task, of a run in this home, in which this is called."""
    found = _running.get()
    return found if found is not None and found.entered.home.path == home.path else None


def _beside(paused: Entered, runtime: Runtime[Any]) -> bool:
    """Tell whether a task belongs to the same step as those that wait, and was only slower to begin."""
    info = runtime.execution_info
    return info is not None and info.checkpoint_id == paused.step and info.task_id not in paused.waiting
