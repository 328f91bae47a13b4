"""A thread that was read before is read on, and reads the same as from its beginning."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some
from langchain_core.messages import HumanMessage, RemoveMessage
from langgraph.graph import END, START, StateGraph

from interlock.graphs.state import ThreadInput
from interlock.runtime.storage.checkpoints import HomeSaver

THREAD: Any = {"configurable": {"thread_id": "t"}}


def echoing() -> Any:
    """A graph that answers, and takes a message out when it is asked to."""

    def answer(state: ThreadInput) -> dict[str, Any]:
        said = str(state["messages"][-1].content)
        if said == "forget":
            return {"messages": [RemoveMessage(str(state["messages"][0].id))]}
        return {"messages": [("ai", f"you said {said}"), ("ai", f"that was number {len(state['messages'])}")]}

    built = StateGraph(ThreadInput)
    built.add_node("answer", answer)
    built.add_edge(START, "answer")
    built.add_edge("answer", END)
    return built


def texts(graph: Any, at: Any = THREAD) -> list[str]:
    return [str(message.content) for message in graph.get_state(at).values.get("messages", [])]


STEPS = some.lists(some.sampled_from(["say", "say", "forget", "elsewhere", "back", "look"]), min_size=1, max_size=14)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_what_is_read_on_is_what_is_read_from_the_beginning(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "checkpoints.db"
        plain = echoing().compile(checkpointer=HomeSaver(file))
        folding = echoing().compile(checkpointer=HomeSaver(file, plain.channels))
        for number, step in enumerate(steps):
            said = HumanMessage("forget" if step == "forget" else str(number), id=f"h{number}")
            if step == "back" and len(history := list(plain.get_state_history(THREAD))) > 3:
                folding.update_state(history[3].config, {"messages": [said]}, as_node="answer")
            elif step in ("say", "forget", "elsewhere"):
                (plain if step == "elsewhere" else folding).invoke({"messages": [said]}, THREAD)
            assert texts(folding) == texts(plain)
        for snapshot in plain.get_state_history(THREAD):
            assert texts(folding, snapshot.config) == texts(plain, snapshot.config)
        for graph in (plain, folding):
            graph.checkpointer.close()


def test_what_is_done_to_a_list_that_was_read_does_not_change_the_thread(tmp_path: Path) -> None:
    built = echoing()
    graph = built.compile(checkpointer=HomeSaver(tmp_path / "c.db", built.compile().channels))
    graph.invoke({"messages": [HumanMessage("one")]}, THREAD)

    graph.get_state(THREAD).values["messages"].clear()

    assert texts(graph) == ["one", "you said one", "that was number 1"]
    graph.checkpointer.close()
