"""The same tool loop several times: by hand, by langchain's agent without and with its safety middleware, and ours.

Each takes messages and calls the tools that its model asks for until it answers. All tools are async and all routing is
done without a thread, so that no loop pays for a hop the others are spared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType]
from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    ModelCallLimitMiddleware,
    PIIMiddleware,
    ToolCallLimitMiddleware,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage
from langchain_core.tools import StructuredTool
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages

from interlock import Agent, Budget, tool
from interlock.graphs import tool_loop

PLENTY = 1_000_000


async def find_order(order_id: int) -> str:
    """Find an order by its number."""
    return f"Order {order_id}: one kettle, 39.00, shipped on 3 May."


async def track_shipment(tracking_number: str) -> str:
    """Tell where a shipment is."""
    return f"{tracking_number} is in transit."


async def search_help(question: str) -> str:
    """Search the help articles."""
    return f"Nothing is known about {question}."


async def refund(order_id: int, amount: str) -> str:
    """Pay back what an order cost."""
    return f"Paid back {amount} for order {order_id}."


FUNCTIONS: tuple[Callable[..., Any], ...] = (find_order, track_shipment, search_help, refund)


class Thread(TypedDict):
    """The state of the loop by hand."""

    messages: Annotated[list[AnyMessage], add_messages]


def bare(model: BaseChatModel, saver: Any) -> Any:
    """Two nodes and an edge, as a LangGraph user writes them."""
    tools = {function.__name__: StructuredTool.from_function(coroutine=function) for function in FUNCTIONS}
    bound = model.bind_tools(list(tools.values()))

    async def call_model(state: Thread) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    async def call_tools(state: Thread) -> dict[str, Any]:
        calls = getattr(state["messages"][-1], "tool_calls", [])
        return {"messages": [await tools[call["name"]].ainvoke(call) for call in calls]}

    async def route(state: Thread) -> Literal["tools", "__end__"]:
        return "tools" if getattr(state["messages"][-1], "tool_calls", None) else "__end__"

    graph: Any = StateGraph(Thread)
    graph.add_node("model", call_model)
    graph.add_node("tools", call_tools)
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", route)
    graph.add_edge("tools", "model")
    return graph.compile(checkpointer=saver)


def langchain_agent(model: BaseChatModel, saver: Any, middleware: Sequence[AgentMiddleware[Any, Any]] = ()) -> Any:
    """langchain's agent."""
    tools = [StructuredTool.from_function(coroutine=function) for function in FUNCTIONS]
    return create_agent(model, tools, checkpointer=saver, middleware=middleware)


def langchain_agent_with_middleware(model: BaseChatModel, saver: Any) -> Any:
    """langchain's agent with call limits, personal data redacted and an approval before refunds."""
    return langchain_agent(
        model,
        saver,
        [
            ModelCallLimitMiddleware(run_limit=PLENTY, exit_behavior="error"),
            ToolCallLimitMiddleware(run_limit=PLENTY, exit_behavior="error"),
            PIIMiddleware("email"),
            PIIMiddleware("credit_card"),
            HumanInTheLoopMiddleware(interrupt_on={"refund": True}),
        ],
    )


def interlock_loop(model: BaseChatModel, saver: Any) -> Any:
    """Ours, with everything that it does by default."""
    tools = [tool(read_only=function is not refund)(function) for function in FUNCTIONS]
    budget = Budget(steps=PLENTY, tokens=None, seconds=PLENTY)
    graph: Any = tool_loop(Agent(name="bench", model=model, tools=tools, budget=budget))
    graph.checkpointer = saver
    return graph


@dataclass(frozen=True, kw_only=True)
class Loop:
    """A loop on a checkpointer: LangGraph's `AsyncSqliteSaver`, or the one that our homes have."""

    name: str
    build: Callable[[BaseChatModel, Any], Any]
    home_saver: bool = False
    context: dict[str, Any] | None = None


CALLER = {"user": "bench"}
BARE = "bare loop"
LOOPS = (
    Loop(name=BARE, build=bare),
    Loop(name="bare loop, our checkpointer", build=bare, home_saver=True),
    Loop(name="create_agent", build=langchain_agent),
    Loop(name="create_agent + middleware", build=langchain_agent_with_middleware),
    Loop(name="interlock tool_loop", build=interlock_loop, home_saver=True, context=CALLER),
    Loop(name="interlock, LangGraph's checkpointer", build=interlock_loop, context=CALLER),
)
