"""Where a graph stands in the graphs around it: the same after a crash, another each time that it is asked anew.

What happens once happens once at its place, so a place must not come again for another request. LangGraph's task ids
change where a checkpoint was lost; a node's name and the number of its step do not, and the steps of a kept thread are
numbered through. `1.till.3/` stands for the graph in node `till`, three steps into the first run on the thread.
"""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, patch_config
from langgraph._internal._constants import CONFIG_KEY_CHECKPOINT_MAP, CONFIG_KEY_TASK_ID, PULL, PUSH
from langgraph.config import get_config
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel._algo import _xxhash_str  # pyright: ignore[reportPrivateUsage]  # names tasks

from interlock.graphs.calls import CALL, GraphCall, calling
from interlock.runtime.records import Caller

if TYPE_CHECKING:
    from interlock.runtime.gate.run import OpenRun

_CALLER = "__interlock_called_from"
"""The task of the graph around that calls this one, in a config."""
_STEPS = 1 << 14
"""How far the ids of checkpoints count the steps."""


class Graph(CompiledStateGraph[Any, Caller, Any, Any]):
    """A compiled graph that notes which task of another graph calls it, and leaves no run open behind."""

    def stream(self, input: Any, config: RunnableConfig | None = None, **options: Any) -> Iterator[Any]:
        """Run it (`Pregel.stream`)."""
        with calling() as call:
            yield from super().stream(input, _noted(config, call), **options)

    async def astream(self, input: Any, config: RunnableConfig | None = None, **options: Any) -> AsyncIterator[Any]:
        """Run it (`Pregel.astream`)."""
        with calling() as call:
            stream = cast(AsyncGenerator[Any], super().astream(input, _noted(config, call), **options))
            async with aclosing(stream):
                async for item in stream:
                    yield item


def _noted(config: RunnableConfig | None, call: GraphCall) -> RunnableConfig:
    found = ensure_config(config)
    noted: dict[str, Any] = {CALL: call}
    if CONFIG_KEY_TASK_ID in found.get("configurable", {}):
        noted[_CALLER] = _task(found.get("metadata", {}), since=0)
    return patch_config(found, configurable=noted)


@dataclass(frozen=True, kw_only=True)
class Spot:
    """The task of a run that is at work."""

    run: "OpenRun"
    config: Mapping[str, Any]
    """The task's config."""

    @property
    def levels(self) -> list[str]:
        """The tasks around what is called from here, this one included."""
        return _levels(self.config)

    @property
    def place(self) -> str:
        """Where it stands in its thread."""
        return self.run.place(_task(self.config["metadata"], since=self.run.header.get("step", 0)))


def step_here() -> int:
    """Tell the number of the step in which this is called; 0 outside of any graph."""
    return int(config_here().get("metadata", {}).get("langgraph_step", 0))


def config_here() -> Mapping[str, Any]:
    """Give the config of the task in which this is called; empty outside of any graph."""
    try:
        return get_config()
    except RuntimeError:
        return {}


def path_here(around: Spot | None, thread: str) -> str:
    """Name the place of the graph in which this is called; empty at the top.

    Args:
        around: the task, of a run of ours, in which the graph was called.
        thread: the graph's own.
    """
    config = config_here()
    levels, path, known = _levels(config)[:-1], "", 0
    if around is not None:
        known = len(around.levels) if levels[: len(around.levels)] == around.levels else 0
        levels = levels[known:]
        elsewhere = around.run.scope.thread != thread
        path = (f"~{_short(around.run.scope.thread)}/" if elsewhere else "") + f"{around.place}/"
    last = max((at for at, level in enumerate(levels) if ":" in level), default=-1)
    for at, level in enumerate(levels):
        node = level.partition(":")[0]
        inner = config["configurable"].get(_CALLER, node) if at == last else _named(levels, at, known, config)
        path += f"{inner}/"
    return path


def _named(levels: list[str], at: int, known: int, config: Mapping[str, Any]) -> str:
    """Name a task of a graph that notes nothing: by its step, where the checkpoint's id tells it, else by its own id.

    Args:
        known: how many levels stand before these.
    """
    node, _, task = levels[at].partition(":")
    if not task:
        return node
    around = _levels(config)[: known + at]
    known_by = config["configurable"].get(CONFIG_KEY_CHECKPOINT_MAP, {})
    if id := bytes.fromhex(known_by.get("|".join(around), "").replace("-", "")):
        step = (int.from_bytes(id[8:10]) + 1) % _STEPS
        drawn = ("|".join([*around, node]), str(step), node, PULL, f"branch:to:{node}")
        if task == _xxhash_str(id, *drawn):
            return f"{node}.{step}"
    return f"{node}~{_short(task)}"


def nodes_of(path: str) -> str:
    """Name the nodes of a place's path: those of `1.till.3/` are `till/`."""
    return "".join(f"{node}/" for part in path.split("/") if (node := _node(part)))


def _node(part: str) -> str:
    words = part.partition("~")[0].split(".")
    while words and words[-1].isdigit():
        words.pop()
    return ".".join(words[1:] if words and words[0].isdigit() else words)


def _levels(config: Mapping[str, Any]) -> list[str]:
    namespace = config.get("configurable", {}).get("checkpoint_ns", "")
    return namespace.split("|") if namespace else []


def _task(metadata: Mapping[str, Any], *, since: int) -> str:
    """Name a task by its node, its step, and its number among those that were sent at once."""
    kind, *numbers = metadata.get("langgraph_path") or ("",)
    sent = [str(number) for number in numbers if type(number) is int] if kind == PUSH else []
    return ".".join([metadata["langgraph_node"], str(metadata["langgraph_step"] - since), *sent])


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
