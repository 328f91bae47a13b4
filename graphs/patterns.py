"""The patterns: graphs wired from nodes. Each returns a compiled LangGraph graph."""

import hashlib
from functools import partial
from typing import Any

import orjson
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from interlock.graphs.agent import Agent
from interlock.graphs.assembly import Assembly
from interlock.graphs.governed import Node, governed
from interlock.graphs.state import PlanState, ThreadInput, ThreadState
from interlock.nodes.act import act
from interlock.nodes.begin import begin
from interlock.nodes.check import check
from interlock.nodes.finish import finish
from interlock.nodes.plan import plan
from interlock.nodes.recall import recall
from interlock.nodes.remember import remember
from interlock.nodes.respond import respond
from interlock.nodes.think import think
from interlock.runtime.records import Caller

Compiled = CompiledStateGraph[Any, Caller, Any, Any]


def tool_loop(agent: Agent, *, checkpointer: Any = None) -> Compiled:
    """Let the model call tools, round after round, until it answers.

    Takes `{"messages": [...]}`; `context=` says for whom (`Caller`, or a dict of its fields).

    Raises:
        PolicyBroken, PromptBroken: what the agent names cannot be used.
    """
    wiring = _Wiring(agent, "tool_loop", ThreadState)
    entry = wiring.opening()
    wiring.add("think", partial(think, then=wiring.closing), goes_to=("act", wiring.closing))
    wiring.add("act", act, then="think")
    wiring.link(entry, "think")
    return wiring.compiled(checkpointer)


def plan_execute(agent: Agent, *, checkpointer: Any = None) -> Compiled:
    """Plan first, then do the steps, each judged by its own criteria; replan, or stop with a reason.

    Takes `{"messages": [...]}`; `context=` says for whom (`Caller`, or a dict of its fields).

    Raises:
        PolicyBroken, PromptBroken: what the agent names cannot be used.
    """
    wiring = _Wiring(agent, "plan_execute", PlanState)
    entry = wiring.opening()
    wiring.add("plan", plan, then="check")
    wiring.add("check", partial(check, then=wiring.closing), goes_to=("act", "plan", "respond", wiring.closing))
    wiring.add("act", act, then="check")
    wiring.add("respond", respond, then=wiring.closing)
    wiring.link(entry, "plan")
    return wiring.compiled(checkpointer)


class _Wiring:
    """A graph in the making."""

    def __init__(self, agent: Agent, name: str, state: type[ThreadState]) -> None:
        self._assembly = Assembly(agent, graph=name)
        self._remembers = agent.memory is not None
        self.closing = "remember" if self._remembers else "finish"
        """The node that takes a drafted answer."""
        self._graph: Any = StateGraph(state, context_schema=Caller, input_schema=ThreadInput)

    def add(self, name: str, node: Node, *, then: str = "", goes_to: tuple[str, ...] = (), **options: Any) -> None:
        """Add a node, and where it leads."""
        self._graph.add_node(name, governed(self._assembly, node, name=name, **options), destinations=goes_to or None)
        if then:
            self._graph.add_edge(name, then)

    def link(self, before: str, after: str) -> None:
        """Let one node follow another."""
        self._graph.add_edge(before, after)

    def opening(self) -> str:
        """Add how every run begins and ends; gives the node that the pattern's own first node follows."""
        self.add("begin", begin, first=True)
        self._graph.add_edge(START, "begin")
        self.add("finish", finish, last=True)
        self._graph.add_edge("finish", END)
        if not self._remembers:
            return "begin"
        self.add("recall", recall)
        self.link("begin", "recall")
        self.add("remember", remember, then="finish")
        return "recall"

    def compiled(self, checkpointer: Any) -> Compiled:
        """Compile, and keep the assembly with the graph."""
        graph: Compiled = self._graph.compile(checkpointer=checkpointer, name=self._assembly.agent.name)
        self._assembly.topology = topology_of(graph)
        graph.builder.__dict__["assembly"] = self._assembly  # a copy of the graph keeps its builder
        return graph


def topology_of(graph: Any) -> str:
    """Hash a graph's nodes and edges: hexadecimal SHA-256."""
    drawn = graph.get_graph()
    edges = sorted((edge.source, edge.target, bool(edge.conditional)) for edge in drawn.edges)
    return hashlib.sha256(orjson.dumps([sorted(drawn.nodes), edges])).hexdigest()


def assembly_of(graph: Any) -> Assembly | None:
    """Give the assembly of a graph made here; None for any other graph."""
    found = getattr(getattr(graph, "builder", None), "assembly", None)
    return found if isinstance(found, Assembly) else None


__all__ = ["Compiled", "assembly_of", "plan_execute", "tool_loop"]
