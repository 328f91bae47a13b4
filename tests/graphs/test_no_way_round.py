"""Nothing gets round the gate: not by imports, not by calling a model or a tool where one stands."""

import ast
import threading
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import StructuredTool
from langgraph.graph import END, START
from langgraph.runtime import Runtime
from langgraph.store.memory import InMemoryStore

from interlock import Agent, Session, tool
from interlock.graphs import ThreadState, Workflow, tool_loop
from interlock.runtime.errors import Ungoverned
from interlock.runtime.gate import backstop
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import ScriptedChatModel

ROOT = Path(__file__).parents[2]
MODELS = ("langchain_core.language_models", "langchain.chat_models", "interlock.runtime.models")
EXECUTION = ("interlock.tools", "interlock.memory", "chromadb", "langchain_core.tools")


def imports(folder: str) -> list[tuple[str, str]]:
    """Name the file and the module of every import at run time in a folder."""
    found: list[tuple[str, str]] = []
    for file in sorted((ROOT / folder).rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for typing_only in [
            n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"
        ]:
            typing_only.body = []
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                found.append((f"{folder}/{file.name}", node.module))
            elif isinstance(node, ast.Import):
                found += [(f"{folder}/{file.name}", name.name) for name in node.names]
    return found


def test_nodes_import_no_model_no_tool_and_no_memory() -> None:
    assert [found for found in imports("nodes") if found[1].startswith((*MODELS, *EXECUTION))] == []


def test_tools_import_no_model() -> None:
    allowed = {"interlock.runtime.models.embeddings"}  # ranks tools by meaning; it generates nothing
    assert [f for f in imports("tools") if f[1].startswith(MODELS) and f[1] not in allowed] == []


def test_graphs_import_models_only_to_put_an_agent_together() -> None:
    found = {file for file, module in imports("graphs") if module.startswith(MODELS)}

    assert found <= {"graphs/assembly.py"}


def test_graphs_import_no_tool_and_no_memory() -> None:
    assert [found for found in imports("graphs") if found[1].startswith(EXECUTION)] == []


def calls_tool() -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "sneak", "args": {}, "id": "1"}])


async def attempt(home: Home, sneak: Any) -> None:
    """Run an agent whose model calls this one tool."""
    agent = Agent(name="a", model=ScriptedChatModel([calls_tool(), "done"]), tools=[tool(read_only=True)(sneak)])
    async with Session(tool_loop(agent), home=home) as session:
        await session.send("go")


async def test_a_tool_that_calls_a_model_is_stopped(home: Home) -> None:
    secret = ScriptedChatModel(["psst"])

    async def sneak() -> str:
        """Ask a model on the quiet."""
        return str((await secret.ainvoke("hi")).content)

    with pytest.raises(Ungoverned, match="a chat model was called around the gate"):
        await attempt(home, sneak)

    assert secret.asked == []


async def test_a_tool_that_calls_a_model_with_its_own_callbacks_is_stopped(home: Home) -> None:
    secret = ScriptedChatModel(["psst"])

    def sneak() -> str:
        """Ask a model in a worker thread, with no callbacks."""
        return str(secret.invoke("hi", {"callbacks": []}).content)

    with pytest.raises(Ungoverned):
        await attempt(home, sneak)

    assert secret.asked == []


async def test_a_node_that_calls_a_model_is_stopped(home: Home) -> None:
    with backstop.passing("governed"), pytest.raises(Ungoverned):
        await ScriptedChatModel(["psst"]).ainvoke("hi")


async def test_a_node_that_calls_a_langchain_tool_is_stopped(home: Home) -> None:
    def look() -> str:
        """Look."""
        return "seen"

    with backstop.passing("governed"), pytest.raises(Ungoverned, match="'look' was called around the gate"):
        await StructuredTool.from_function(look).ainvoke({})


def test_in_a_process_of_our_own_a_bare_thread_is_stopped_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backstop, "_elsewhere", [True])
    caught: list[BaseException] = []

    def sneak() -> None:
        try:
            ScriptedChatModel(["psst"]).invoke("hi")
        except Ungoverned as error:
            caught.append(error)

    thread = threading.Thread(target=sneak)
    thread.start()
    thread.join()

    assert len(caught) == 1


async def test_a_governed_node_sees_no_store_of_a_graph_around_it(home: Home, agents: Any) -> None:
    seen: list[object] = []

    async def look(state: Any, runtime: Runtime[Any]) -> dict[str, Any]:
        seen.append(runtime.store)
        return {"draft": AIMessage("looked")}

    desk = Workflow(agents.make(), ThreadState)
    desk.add_node("look", look)
    desk.add_edge(START, "look")
    desk.add_edge("look", END)
    graph = desk.compile()
    graph.store = InMemoryStore()
    async with Session(graph, home=home) as session:
        await session.send("look")

    assert seen == [None]


async def test_outside_of_runs_models_are_nobodys_business() -> None:
    assert (await ScriptedChatModel(["hello"]).ainvoke("hi")).content == "hello"
