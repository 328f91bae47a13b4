"""The memory of an agent, for those who look into it from outside a run."""

from pathlib import Path
from typing import cast

from interlock.graphs.assembly import Assembly
from interlock.graphs.patterns import assembly_of
from interlock.memory import Memory
from interlock.runtime.clock import SystemClock
from interlock.runtime.errors import BadInput
from interlock.runtime.memories import Note, Owner, Written
from interlock.runtime.ports import Request
from interlock.runtime.records import Caller
from interlock.serving.loading import load_graph


def memory_of(agent: str | None) -> Memory:
    """Give the memory that an agent declares; without an agent, one with the usual policies.

    Raises:
        AgentNotFound: there is no such agent.
        BadInput: it has no memory.
    """
    return Memory() if agent is None else _memory(_assembly(agent), agent)


def explained(note: Note, *, home: Path, agent: str | None, caller: Caller) -> Written:
    """Tell what would become of a note, by the agent's own policies and then by its write policy.

    Raises:
        AgentNotFound: there is no such agent.
        BadInput: it has no memory.
    """
    memory = Memory()
    if agent is not None:
        assembly = _assembly(agent)
        memory = _memory(assembly, agent)
        if (refused := _refused(assembly, note, caller)) is not None:
            return refused
    store = memory.open(home, SystemClock())
    try:
        return store.explain(note, Owner(tenant=caller.tenant, user=caller.user))
    finally:
        store.close()


def _refused(assembly: Assembly, note: Note, caller: Caller) -> Written | None:
    decision = assembly.policies.decide(
        Request(
            user=caller.user,
            tenant=caller.tenant,
            roles=caller.roles,
            agent=assembly.agent.name,
            action="write_memory",
            arguments=note.facts(),
            label=note.label,
        )
    )
    if decision.outcome in ("allow", "transform"):
        return None
    code = "needs-approval" if decision.outcome == "ask" else "denied"
    return Written(kept=False, code=code, reason=decision.reason, policy=assembly.policies.version)


def _memory(assembly: Assembly, agent: str) -> Memory:
    if not isinstance(assembly.agent.memory, Memory):
        raise BadInput(what="it has no memory", where=agent, fix="give it one: Agent(..., memory=Memory())")
    return assembly.agent.memory


def _assembly(agent: str) -> Assembly:
    return cast(Assembly, assembly_of(load_graph(agent)))  # load_graph refuses graphs without one
