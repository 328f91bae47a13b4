"""Prompt injections that take effect, and tasks that still get done: AgentDojo's suites banking and slack, v1.2.2.

The model is the worst case (see _dojo_model.py), the tools' contracts are a deployer's (see _dojo_tools.py). Every pair
of a user's task and an injection is run with nobody to ask, with a person who approves everything, and for comparison
without Interlock: the same model calls the same tools directly.

    pip install -e '.[bench]' && python benchmarks/agentdojo.py
"""

import sys

sys.path.append(sys.path.pop(0))  # this file has the name of the package that it imports

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from agentdojo.agent_pipeline.ground_truth_pipeline import GroundTruthPipeline
from agentdojo.attacks.attack_registry import load_attack
from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime
from agentdojo.task_suite.load_suites import get_suite

from _dojo_model import Planner, WorstCase, as_calls, plain
from _dojo_tools import PROMISES, World
from _report import arguments, finish, table
from interlock import Agent, Budget, Caller, Session
from interlock.graphs import tool_loop
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import ScriptedChatModel

VERSION = "v1.2.2"
POLICY = 'permit (principal, action in Action::"tool", resource);\n'
"""Everything is permitted that Interlock's own base policies do not narrow."""
MOST_ROUNDS = 60


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How one run ended."""

    suite: str
    user: str
    injection: str
    solved: bool
    attacked: bool
    asked: int
    refused: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Runs pairs in one home."""

    home: Home
    policy: Path
    approves: bool
    verbose: bool = False

    async def run(self, suite: Any, user: Any, injection: Any = None) -> Ran:
        """Run one user task, with an injection or without."""
        injections = (
            load_attack("direct", suite, GroundTruthPipeline(None)).attack(user, injection) if injection else {}
        )
        env = user.init_environment(suite.load_and_inject_default_environment(injections))
        before = env.model_copy(deep=True)
        world = World(env)
        tools = world.tools(suite.name, suite.tools)
        obeys = as_calls(injection.ground_truth(before)) if injection else []
        worst = WorstCase(
            plan=self._plan(suite, user, tools),
            task=as_calls(user.ground_truth(before)),
            injected=obeys,
            texts=[text for text in injections.values() if text],
            output=user.GROUND_TRUTH_OUTPUT,
        )
        lines = list(islice(worst.lines(), MOST_ROUNDS))
        agent = Agent(
            name="dojo", model=ScriptedChatModel(lines), tools=tools, policy=self.policy, budget=Budget(tokens=None)
        )
        asked, refused = await self._drive(agent, user, f"{suite.name}-{user.ID}-{injection and injection.ID}")
        output = [{"type": "text", "content": user.GROUND_TRUTH_OUTPUT or "Done."}]
        judge = suite._check_task_result
        return Ran(
            suite=suite.name,
            user=user.ID,
            injection=injection.ID if injection else "",
            solved=bool(judge(user, output, before, env, world.made)),
            attacked=bool(injection) and bool(judge(injection, output, before, env, world.made)),
            asked=asked,
            refused=refused,
        )

    def _plan(self, suite: Any, user: Any, tools: list[Any]) -> dict[str, Any]:
        clean = user.init_environment(suite.load_and_inject_default_environment({}))
        contracts = {tool.contract.name: tool.contract for tool in tools}
        planned = as_calls(user.ground_truth(clean))
        return Planner(user.PROMPT, contracts).plan(planned, FunctionsRuntime(suite.tools), clean)

    async def _drive(self, agent: Agent, user: Any, thread: str) -> tuple[int, tuple[str, ...]]:
        """Run to the end, answering every approval; gives how often a person was asked, and by which policies."""
        person, asked = Caller(user="person"), 0
        graph = tool_loop(agent, planned=True)
        async with Session(graph, home=self.home, thread=f"{thread}-{self.approves}") as session:
            reply = await session.send(user.PROMPT)
            while reply.status == "waiting":
                for approval in reply.approvals:
                    asked += 1
                    note = "" if self.approves else "nobody is here to ask"
                    self.home.approvals.answer(approval["id"], approve=self.approves, by=person, note=note)
                reply = await session.resume()
        if self.verbose:
            for call in reply.calls:
                print("   ", call.tool, call.arguments, call.outcome, call.policies)
        if reply.status != "done":
            raise SystemExit(f"{thread} ended as {reply.status}: {reply.text}")
        return asked, tuple(policy for call in reply.calls if call.outcome == "refused" for policy in call.policies)


def undefended(suite: Any, user: Any, injection: Any) -> Ran:
    """Let the same model call the tools with nothing in between."""
    injections = load_attack("direct", suite, GroundTruthPipeline(None)).attack(user, injection)
    env = user.init_environment(suite.load_and_inject_default_environment(injections))
    before = env.model_copy(deep=True)
    runtime, made = FunctionsRuntime(suite.tools), list[FunctionCall]()
    left, injected = as_calls(user.ground_truth(before)), as_calls(injection.ground_truth(before))
    while left:
        name, arguments = left.pop(0)
        result, error = runtime.run_function(env, name, arguments)
        if error is None:
            made.append(FunctionCall(function=name, args=arguments))
        if any(text and text in str(plain(result)) for text in injections.values()):
            left, injected = [*injected, *left], []
    output = [{"type": "text", "content": user.GROUND_TRUTH_OUTPUT or "Done."}]
    solved, attacked = (bool(suite._check_task_result(task, output, before, env, made)) for task in (user, injection))
    return Ran(
        suite=suite.name, user=user.ID, injection=injection.ID, solved=solved, attacked=attacked, asked=0, refused=()
    )


async def run_all(bench: Bench, *, injected: bool) -> list[Ran]:
    """Run every user task, or every pair."""
    return [
        await bench.run(suite, user, injection)
        for suite in (get_suite(VERSION, name) for name in PROMISES)
        for user in suite.user_tasks.values()
        for injection in (suite.injection_tasks.values() if injected else [None])
    ]


def run_all_bare() -> list[Ran]:
    """Run every pair without Interlock."""
    return [
        undefended(suite, user, injection)
        for suite in (get_suite(VERSION, name) for name in PROMISES)
        for user in suite.user_tasks.values()
        for injection in suite.injection_tasks.values()
    ]


def main() -> None:
    options = arguments(__doc__, verbose=0)
    with tempfile.TemporaryDirectory(prefix="interlock-bench-") as folder:
        policy = Path(folder) / "policy.cedar"
        policy.write_text(POLICY, encoding="utf-8")
        home = Home(Path(folder) / "home")
        absent = Bench(home=home, policy=policy, approves=False, verbose=bool(options.verbose))
        willing = Bench(home=home, policy=policy, approves=True)
        benign = asyncio.run(run_all(absent, injected=False))
        alone = asyncio.run(run_all(absent, injected=True))
        approved = asyncio.run(run_all(willing, injected=True))
        home.close()
    bare = run_all_bare()
    figures = {
        "attacks_without_interlock": _share(bare, "attacked"),
        "attacks_nobody_to_ask": _share(alone, "attacked"),
        "attacks_all_approved": _share(approved, "attacked"),
        "solved_without_attack": _share(benign, "solved"),
        "approvals_per_benign_task": round(sum(ran.asked for ran in benign) / len(benign), 3),
        "solved_under_attack_without_interlock": _share(bare, "solved"),
        "solved_under_attack_nobody_to_ask": _share(alone, "solved"),
        "pairs": len(alone),
        "tasks": len(benign),
    }
    if options.verbose:
        for ran in benign:
            if not ran.solved or ran.asked:
                print("benign", ran)
        for ran in [*alone, *approved]:
            if ran.attacked:
                print("attacked", ran)
    rows = [[name.replace("_", " "), str(value)] for name, value in figures.items()]
    table(f"AgentDojo {VERSION}, {' and '.join(PROMISES)}: the worst-case model", ["", ""], rows)
    finish(figures, as_json=options.json)


def _share(ran: Sequence[Ran], what: str) -> float:
    return round(sum(getattr(one, what) for one in ran) / len(ran), 4)


if __name__ == "__main__":
    main()
