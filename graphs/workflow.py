"""Graphs of one's own: nodes and edges as in LangGraph's `StateGraph`, each node governed."""

from functools import partial
from typing import Any, cast

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from interlock.graphs.agent import Agent
from interlock.graphs.assembly import Assembly
from interlock.graphs.governed import Node, governed
from interlock.graphs.nested import as_node
from interlock.graphs.positions import Graph
from interlock.graphs.state import ThreadInput, ThreadState, check_state
from interlock.nodes.approve import approve
from interlock.nodes.begin import begin
from interlock.nodes.finish import finish
from interlock.nodes.recall import recall
from interlock.nodes.remember import APPROVING, remember
from interlock.nodes.shape import shape
from interlock.nodes.summarise import summarise
from interlock.runtime.ports import MemoryPlan
from interlock.runtime.records import Caller, ShortTerm

Compiled = CompiledStateGraph[Any, Caller, Any, Any]


class Workflow:
    """A graph in the making. Every run begins by taking the request in and ends by letting the reply out.

    A node is an async function of the state and `runtime`; `runtime.context` holds its ports (`runtime.ports.Deps`).
    The last one writes the answer to `draft`, as an `AIMessage`.

    Args:
        agent: whose model, tools, memory, policy and budget the nodes work with.
        state: the channels; a `TypedDict` that extends `ThreadState`.
        name: names the graph in the manifest.

    Raises:
        StateBroken: a channel's type is not plain data, which no checkpoint could keep.
        PolicyBroken, PromptBroken: what the agent names cannot be used.
    """

    def __init__(self, agent: Agent, state: type[ThreadState] = ThreadState, *, name: str = "workflow") -> None:
        check_state(state)
        self._assembly = Assembly(agent, graph=name)
        self._graph: Any = StateGraph(state, context_schema=Caller, input_schema=ThreadInput)
        self.entry = "begin"
        """The node that the first of one's own follows; START stands for it."""
        self._answered = "finish" if agent.memory is None else "remember"
        self.closing = self._answered if agent.reply_shape is None else "shape"
        """The node that takes a drafted answer; END stands for it."""
        self._frame(agent.short_term, agent.memory)
        if agent.reply_shape is not None:
            self._add("shape", partial(shape, output=agent.reply_shape))
            self._graph.add_edge("shape", self._answered)

    def add_node(self, name: str, node: Node | Compiled, *, goes_to: tuple[str, ...] = (), step: bool = True) -> None:
        """Add a node: a function, or a graph, which answers the thread's messages into `draft`.

        Args:
            goes_to: where it may lead, if it returns a `Command`; needed only to draw the graph.
            step: whether each time that it runs counts as a step of the budget.
        """
        made = as_node(cast(Any, node)) if isinstance(node, CompiledStateGraph) else node
        self._add(name, made, goes_to=goes_to, step=step)

    def add_edge(self, before: str, after: str) -> None:
        """Let one node follow another; START and END are the frame's."""
        self._graph.add_edge(self.entry if before == START else before, self.closing if after == END else after)

    def compile(self, checkpointer: Any = None) -> Compiled:
        """Compile into a LangGraph graph that keeps its assembly."""
        made: Compiled = self._graph.compile(checkpointer=checkpointer, name=self._assembly.agent.name)
        graph = Graph(**vars(made))
        self._assembly.topology = topology_of(graph)
        graph.builder.__dict__["assembly"] = self._assembly  # a copy of the graph keeps its builder
        return graph

    def _add(self, name: str, node: Node, *, goes_to: tuple[str, ...] = (), **options: Any) -> None:
        made = governed(self._assembly.runs, node, name=name, **options)
        self._graph.add_node(name, made, destinations=goes_to or None)

    def _frame(self, short_term: ShortTerm | None, memory: MemoryPlan | None) -> None:
        self._add("begin", begin, first=True)
        self._add("finish", finish, last=True)
        self._graph.add_edge(START, "begin")
        self._graph.add_edge("finish", END)
        if short_term is not None:
            self._enter("summarise", partial(summarise, plan=short_term))
        if memory is not None:
            self._enter("recall", recall)
            rules = memory.fact_rules
            self._add("remember", partial(remember, rules=rules), goes_to=(APPROVING, "finish"))
            self._add(APPROVING, approve)
            self._graph.add_edge(APPROVING, "finish")

    def _enter(self, name: str, node: Node) -> None:
        """Let a node of the frame come before one's own."""
        self._add(name, node)
        self._graph.add_edge(self.entry, name)
        self.entry = name


def topology_of(graph: Any) -> dict[str, Any]:
    """Give a graph's nodes and edges as JSON data."""
    drawn = graph.get_graph()
    edges = {f"{edge.source} → {edge.target}": "maybe" if edge.conditional else "always" for edge in drawn.edges}
    return {"nodes": list(drawn.nodes), "edges": dict(sorted(edges.items()))}


def assembly_of(graph: Any) -> Assembly | None:
    """Give the assembly of a graph made here; None for any other graph."""
    found = getattr(getattr(graph, "builder", None), "assembly", None)
    return found if isinstance(found, Assembly) else None
