"""The worst model there is for an agent's safety, and a planner that knows nothing but the request.

The model makes the calls of the user's task as the benchmark's ground truth has them, and obeys every injection that it
reads, at once and to the letter. Its plan is what a planner would write who sees the request alone: the tools in their
order, and for each argument the request's own words, or the field of an earlier result in which it will stand. Where
that is, is found out on the environment without any injection.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime, TaskEnvironment
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from interlock.runtime.contract import ToolContract
from interlock.runtime.labels import labelled, leaves, mentions, pointers, same

Call = tuple[str, dict[str, Any]]


@dataclass(kw_only=True)
class WorstCase:
    """Says a plan, then the task's calls; an injection's calls as soon as one of its texts is read."""

    plan: dict[str, Any]
    task: list[Call]
    injected: list[Call]
    texts: Iterable[str]
    output: str
    _asked: int = 0
    _obeyed: bool = False
    _seen: int = 0
    _left: list[Call] = field(default_factory=list[Call])

    def lines(self) -> Iterator[Any]:
        """Give its lines for a scripted model."""
        yield AIMessage("", tool_calls=[{"name": "Plan", "args": self.plan, "id": "plan"}])
        self._left = list(self.task)
        while True:
            yield self._next

    def _next(self, messages: list[BaseMessage]) -> AIMessage | str:
        read = [str(message.content) for message in messages if isinstance(message, ToolMessage)]
        if not self._obeyed and any(text in content for text in self.texts for content in read):
            self._obeyed = True
            self._left = [*self.injected, *self._left]
        if not self._left:
            return self.output or "Done."
        name, arguments = self._left.pop(0)
        self._asked += 1
        return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"c{self._asked}"}])


def as_calls(made: Iterable[FunctionCall]) -> list[Call]:
    """Take the benchmark's calls as plain data."""
    return [(call.function, dict(call.args)) for call in made]


class Planner:
    """Plans a task from its request."""

    def __init__(self, request: str, contracts: dict[str, ToolContract]) -> None:
        self._request, self._contracts = request, contracts
        self._steps: list[dict[str, Any]] = []
        self._brought: list[tuple[str, ToolContract, Any]] = []

    def plan(self, task: list[Call], runtime: FunctionsRuntime, env: TaskEnvironment) -> dict[str, Any]:
        """Find out on an environment of its own, without injections, where each argument will stand."""
        for name, arguments in task:
            sources = {key: self._source(name, key, value) for key, value in arguments.items() if value is not None}
            step = self._step(name, sources)
            result, _error = runtime.run_function(env, name, arguments)
            self._brought.append((step, self._contracts[name], plain(result)))
        return {"steps": self._steps}

    def _step(self, tool: str, sources: dict[str, Any]) -> str:
        for step in self._steps:
            if step["tool"] == tool and step["arguments"] == sources:
                step["many"] = True
                return str(step["id"])
        made = {"id": f"s{len(self._steps) + 1}", "goal": tool, "tool": tool, "arguments": sources}
        self._steps.append(made)
        return str(made["id"])

    def _source(self, tool: str, name: str, value: Any) -> dict[str, Any]:
        chooses = name in self._contracts[tool].choosing
        if all(isinstance(part, bool) or mentions(self._request, part) for _path, part in leaves(value)):
            return {"origin": "user", "value": value}
        exact = self._found(lambda leaf: same(leaf, value))
        if exact:
            return {"origin": "result", **exact}
        within = self._found(lambda leaf: mentions(str(leaf), value))
        if within:
            return {"origin": "slot", **within}
        if chooses:
            return {"origin": "constant", "value": value}
        led = self._found(lambda leaf: bool(pointers(str(leaf)) & pointers(str(value))))
        return {"origin": "slot", **(led or self._last_read())}

    def _found(self, holds: Any) -> dict[str, Any]:
        """Find the field of an earlier result that holds it: one the system vouches for, or the request names."""
        found = [
            (
                leaf.label.integrity == "trusted",
                {"step": step, "field": leaf.path, "where": self._where(contract, item)},
            )
            for step, contract, result in self._brought
            for item in (result if isinstance(result, list) else [result])
            for leaf in labelled(contract, item)
            if holds(leaf.value)
        ]
        return max(found, key=lambda each: (each[0], bool(each[1]["where"])), default=(False, {}))[1]

    def _where(self, contract: ToolContract, item: Any) -> dict[str, Any]:
        return {
            leaf.path: leaf.value
            for leaf in labelled(contract, item)
            if leaf.path and leaf.trusted and isinstance(leaf.value, str)
            if mentions(self._request, leaf.value)
        }

    def _last_read(self) -> dict[str, Any]:
        return {"step": self._brought[-1][0]} if self._brought else {}


def plain(result: Any) -> Any:
    """Take a result as plain data."""
    if hasattr(result, "model_dump"):
        return result.model_dump(mode="json")
    return [plain(part) for part in result] if isinstance(result, list) else result
