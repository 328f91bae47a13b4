"""The patterns: graphs wired from nodes. Each returns a compiled LangGraph graph."""

from functools import partial
from typing import Any

from langgraph.graph import START

from interlock.graphs.agent import Agent
from interlock.graphs.state import PlanState, ThreadState
from interlock.graphs.workflow import Compiled, Workflow, assembly_of
from interlock.nodes.act import act
from interlock.nodes.check import check
from interlock.nodes.plan import plan
from interlock.nodes.respond import respond
from interlock.nodes.think import think


def tool_loop(agent: Agent, *, planned: bool = False, checkpointer: Any = None) -> Compiled:
    """Let the model call tools, round after round, until it answers.

    Takes `{"messages": [...]}`; `context=` says for whom (`Caller`, or a dict of its fields).

    Args:
        planned: first let the model plan, from trusted text alone, which effects there may be, in which order, and
            where their arguments come from. What it does later is held against that: it may fill slots, and a new
            effect needs a person.

    Raises:
        PolicyBroken, PromptBroken: what the agent names cannot be used.
    """
    name, state = ("planned_tool_loop", PlanState) if planned else ("tool_loop", ThreadState)
    wired = Workflow(agent, state, name=name)
    wired.add_node("think", partial(think, then=wired.closing), goes_to=("act", wired.closing))
    wired.add_node("act", act, step=False)
    if planned:
        wired.add_node("plan", plan)
        wired.add_edge("plan", "think")
    wired.add_edge(START, "plan" if planned else "think")
    wired.add_edge("act", "think")
    return wired.compile(checkpointer)


def plan_execute(agent: Agent, *, checkpointer: Any = None) -> Compiled:
    """Plan first, then do the steps, each judged by its own criteria; replan, or stop with a reason.

    Takes `{"messages": [...]}`; `context=` says for whom (`Caller`, or a dict of its fields).

    Raises:
        PolicyBroken, PromptBroken: what the agent names cannot be used.
    """
    wired = Workflow(agent, PlanState, name="plan_execute")
    wired.add_node("plan", plan)
    goes_to = ("act", "plan", "respond", wired.closing)
    wired.add_node("check", partial(check, then=wired.closing), goes_to=goes_to, step=False)
    wired.add_node("act", act, step=False)
    wired.add_node("respond", partial(respond, then=wired.closing), goes_to=("act", wired.closing))
    for before, after in ((START, "plan"), ("plan", "check"), ("act", "check")):
        wired.add_edge(before, after)
    return wired.compile(checkpointer)


__all__ = ["Compiled", "assembly_of", "plan_execute", "tool_loop"]
