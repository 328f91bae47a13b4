"""Changes planted in prompts, tools, policies and nodes, each with the first step that it bears on."""

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

from interlock import Agent, Budget, tool
from interlock.graphs import plan_execute, tool_loop
from interlock.graphs.patterns import Compiled
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.prompts import BUILT_IN
from interlock.runtime.replay.recording import Recording, record
from interlock.serving.replaying import replay
from interlock.serving.session import Session

POLICY = """
@id("look") permit (principal, action == Action::"look", resource);
@id("pay") permit (principal, action == Action::"pay", resource)
when { context.args.amount.lessThanOrEqual(decimal("50.00")) };
"""
DENYING = POLICY.replace('"50.00"', '"5.00"')
LOOKING = POLICY.split('@id("pay")', maxsplit=1)[0]
OTHER_ID = POLICY.replace('@id("look")', '@id("looking")')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Planted:
    """A change, the step that it first bears on, and the step that a replay named."""

    what: str
    expected: str
    named: str

    @property
    def found(self) -> bool:
        return self.expected == self.named


def _any(options: dict[str, Any]) -> Any:
    return options


def look_tool(**options: Any) -> Any:
    @tool(**_any({"read_only": True, **options}))
    async def look(number: int) -> int:
        """Look something up."""
        return number * 2

    return look


def pay_tool(**options: Any) -> Any:
    @tool(**_any({"destructive": True, **options}))
    async def pay(amount: Decimal) -> str:
        """Pay an amount."""
        return f"paid {amount}"

    return pay


def described() -> Any:
    @tool(read_only=True)
    async def look(number: int) -> int:
        """Look up a number in the book."""
        return number * 2

    return look


def renamed() -> Any:
    @tool(read_only=True)
    async def look(count: int) -> int:
        """Look something up."""
        return count * 2

    return look


def widened() -> Any:
    @tool(read_only=True)
    async def look(number: int, deep: bool = False) -> int:
        """Look something up."""
        return number * 2

    return look


def narrowed() -> Any:
    @tool(read_only=True)
    async def look(number: str) -> int:
        """Look something up."""
        return 2

    return look


Make = Callable[..., Compiled]


class Bench:
    """Makes the same agent again and again, but for what is changed."""

    def __init__(self, place: Path, pattern: Callable[[Agent], Compiled], lines: list[AIMessage | str]) -> None:
        self._place, self._pattern, self._lines = place, pattern, lines

    def graph(self, **changed: Any) -> Compiled:
        """Make the graph, with fields of its agent changed; `policy` and `prompt` are texts."""
        policy = self._place / f"policy-{len(list(self._place.glob('policy-*')))}.cedar"
        policy.write_text(changed.pop("policy", POLICY))
        prompts = self._prompts(*changed.pop("prompt", ("", "")))
        tools = changed.pop("tools", [look_tool(), pay_tool()])
        pattern = changed.pop("pattern", self._pattern)
        agent = Agent(name="bench", model=ScriptedChatModel(self._lines), tools=tools, policy=policy, prompts=prompts)
        return pattern(dataclasses.replace(agent, **changed))

    def _prompts(self, name: str, more: str) -> Path:
        folder = self._place / f"prompts-{len(list(self._place.glob('prompts-*')))}"
        folder.mkdir()
        for file in BUILT_IN.glob("*.md"):
            text = file.read_text(encoding="utf-8")
            (folder / file.name).write_text(f"{text}{more}" if file.stem == name else text, encoding="utf-8")
        return folder

    async def recorded(self) -> Recording:
        """Let the unchanged run happen."""
        home = Home(self._place / f"home-{self._pattern.__name__}")
        async with Session(self.graph(), home=home) as session:
            reply = await session.send("Do it.")
        found = record(home.journal, reply.run)
        home.close()
        return found


def _calls(*asked: tuple[str, dict[str, Any]]) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": n, "args": a, "id": f"{n}-{i}"} for i, (n, a) in enumerate(asked)])


def _swapped(graph: Compiled, name: str, node: Any) -> Compiled:
    """Give the graph with the code of one node replaced, as an edit of its file would."""
    from interlock.graphs.governed import governed
    from interlock.graphs.patterns import assembly_of

    assembly = assembly_of(graph)
    assert assembly is not None
    spec = graph.builder.nodes[name]
    runnable = governed(assembly.runs, node, name=name, first=name == "begin", last=name == "finish")
    graph.builder.nodes[name] = dataclasses.replace(spec, runnable=runnable)
    return graph.builder.compile(name="bench")


async def _shouting_finish(state: Any, runtime: Any) -> Any:
    from interlock.nodes.finish import finish

    node: Any = finish
    return await node({**state, "draft": AIMessage(str(state["draft"].content).upper())}, runtime)


async def _noting_act(state: Any, runtime: Any) -> Any:
    from interlock.nodes.act import act

    await runtime.context.notebook.note("about", state["at"], {"call": state["call"]["name"]})
    node: Any = act
    return await node(state, runtime)


async def _bare_think(state: Any, runtime: Any) -> Any:
    from interlock.nodes.think import think

    node: Any = think
    return await node({**state, "messages": state["messages"][-1:]}, runtime)


async def _terse_respond(state: Any, runtime: Any) -> Any:
    from interlock.nodes.respond import respond

    node: Any = respond
    return await node({**state, "progress": {}}, runtime)


async def planted(place: Path) -> list[Planted]:
    """Plant every change, and replay."""
    looped: list[AIMessage | str] = [
        _calls(("look", {"number": 4}), ("pay", {"amount": "20"})),
        _calls(("look", {"number": 5})),
        "All done.",
    ]
    loop = Bench(place, tool_loop, looped)
    plan = {"steps": [
        {"id": "a", "goal": "", "tool": "look", "arguments": {"number": {"value": 4}}},
        {"id": "b", "goal": "", "tool": "pay", "arguments": {"amount": {"value": "20"}},
         "when": [{"step": "a", "op": "not_null"}]},
    ]}  # fmt: skip
    planning = Bench(place, plan_execute, [_calls(("Plan", plan)), "All done."])
    return [
        *[await _tried(loop, what, at, make) for what, at, make in _loop_changes(loop)],
        *[await _tried(planning, what, at, make) for what, at, make in _plan_changes(planning)],
    ]


Change = tuple[str, str, Callable[[], Compiled]]


def _loop_changes(loop: Bench) -> list[Change]:
    pay, look = pay_tool(), look_tool()
    return [
        ("loop: a line more in prompt `system`", "1.think.1", lambda: loop.graph(prompt=("system", "\nBe brief."))),
        ("loop: another description of a tool", "1.think.1", lambda: loop.graph(tools=[described(), pay])),
        ("loop: an argument renamed", "1.think.1", lambda: loop.graph(tools=[renamed(), pay])),
        ("loop: an argument more", "1.think.1", lambda: loop.graph(tools=[widened(), pay])),
        ("loop: an argument of another type", "1.think.1", lambda: loop.graph(tools=[narrowed(), pay])),
        ("loop: a tool less", "1.think.1", lambda: loop.graph(tools=[look], policy=LOOKING)),
        ("loop: tools in another order", "1.think.1", lambda: loop.graph(tools=[pay, look])),
        ("loop: another version of a tool", "1.act.1.1", lambda: loop.graph(tools=[look, pay_tool(version="2")])),
        ("loop: results of a tool untrusted", "1.act.1.0", lambda: loop.graph(tools=[look_tool(open_world=True), pay])),
        ("loop: a policy that denies", "1.act.1.1", lambda: loop.graph(policy=DENYING)),
        ("loop: a policy of another name", "1.act.1.0", lambda: loop.graph(policy=OTHER_ID)),
        ("loop: fewer steps in the budget", "1.think.2", lambda: loop.graph(budget=Budget(steps=1))),
        ("loop: fewer tool calls in the budget", "1.act.2.0", lambda: loop.graph(budget=Budget(tool_calls=2))),
        ("loop: node `finish` shouts", "1.finish", lambda: _swapped(loop.graph(), "finish", _shouting_finish)),
        ("loop: node `act` takes a note", "1.act.1.0", lambda: _swapped(loop.graph(), "act", _noting_act)),
        ("loop: node `think` forgets", "1.think.2", lambda: _swapped(loop.graph(), "think", _bare_think)),
        ("loop: another pattern", "1.think.1", lambda: loop.graph(pattern=plan_execute)),
    ]


def _plan_changes(planning: Bench) -> list[Change]:
    return [
        ("plan: a line more in prompt `plan`", "1.plan.1", lambda: planning.graph(prompt=("plan", "\nBe brief."))),
        ("plan: a line more in `respond`", "1.respond.2", lambda: planning.graph(prompt=("respond", "\nBe brief."))),
        (
            "plan: node `respond` leaves out",
            "1.respond.2",
            lambda: _swapped(planning.graph(), "respond", _terse_respond),
        ),
    ]


async def _tried(bench: Bench, what: str, expected: str, make: Callable[[], Compiled]) -> Planted:
    recording = await bench.recorded()
    found = await replay(recording, make())
    return Planted(what=what, expected=expected, named=found.place)
