"""Append-only channels, folded once: a thread that this process has read before is read on, not read again.

LangGraph rebuilds such a channel from all its updates each time a thread is loaded, which costs more the longer the
thread is. Here the value at the checkpoint last read is kept, and only what came after it is folded in.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple, DeltaChannelHistory

MOST_THREADS = 16
MOST_STEPS = 256
"""How many checkpoints are followed back to the one last read, before it is cheaper to read the thread anew."""

Histories = Mapping[str, DeltaChannelHistory]


@dataclass(frozen=True, kw_only=True)
class Folded:
    """The values of channels at a checkpoint. They are copied before they leave."""

    checkpoint: str
    values: dict[str, Any]


class Folds:
    """What is known of the threads read last.

    Args:
        channels: a graph's channels; those of its inner graphs are not known, and not folded.
    """

    def __init__(self, channels: Mapping[str, Any]) -> None:
        self._channels: dict[str, DeltaChannel[Any]] = {
            name: one for name, one in channels.items() if isinstance(one, DeltaChannel)
        }
        self._known: OrderedDict[str, Folded] = OrderedDict()

    def forget(self) -> None:
        """Know no thread any more."""
        self._known.clear()

    def covers(self, config: RunnableConfig, channels: Sequence[str]) -> bool:
        """Tell whether these channels can be folded."""
        return not _place(config).get("checkpoint_ns") and self._channels.keys() >= set(channels)

    def ahead(
        self, saver: BaseCheckpointSaver[Any], config: RunnableConfig, channels: Sequence[str]
    ) -> Histories | None:
        """Read on from the checkpoint last read; None where the thread must be read from its beginning."""
        known = self._known.get(_place(config)["thread_id"])
        if known is None or not known.values.keys() >= set(channels):
            return None
        if (steps := _steps_since(saver, config, known.checkpoint)) is None:
            return None
        return self.folded(config, {name: _since(known.values[name], steps, name) for name in channels})

    def folded(self, config: RunnableConfig, histories: Histories) -> Histories:
        """Fold what was read, and keep it."""
        values = {name: self._value(name, history) for name, history in histories.items()}
        thread = _place(config)["thread_id"]
        if checkpoint := _place(config).get("checkpoint_id"):
            self._known[thread] = Folded(checkpoint=checkpoint, values=values)
            self._known.move_to_end(thread)
            while len(self._known) > MOST_THREADS:
                self._known.popitem(last=False)
        return {name: {"seed": copy(value), "writes": []} for name, value in values.items()}

    def _value(self, name: str, history: DeltaChannelHistory) -> Any:
        channel: DeltaChannel[Any] = self._channels[name]
        begun = channel.from_checkpoint(copy(history["seed"]) if "seed" in history else channel.copy().value)
        begun.replay_writes(history["writes"])
        return begun.value


def _place(config: RunnableConfig) -> dict[str, Any]:
    """Give what names a checkpoint: its thread, the graph's place in its parents, its id."""
    return config.get("configurable", {})


def _steps_since(saver: BaseCheckpointSaver[Any], config: RunnableConfig, known: str) -> list[CheckpointTuple] | None:
    """Give the checkpoints from a known one to the parent of this one, oldest first; None where it is no ancestor."""
    found: list[CheckpointTuple] = []
    if _place(config).get("checkpoint_id") == known:
        return found
    here = saver.get_tuple(config)
    while here is not None and here.parent_config is not None and len(found) < MOST_STEPS:
        if (here := saver.get_tuple(here.parent_config)) is not None:
            found.append(here)
            if here.checkpoint["id"] == known:
                return found[::-1]
    return None


def _since(value: Any, steps: list[CheckpointTuple], name: str) -> DeltaChannelHistory:
    """Give what a channel is made of; a full copy among the checkpoints stands for all before it."""
    found: DeltaChannelHistory = {"seed": value, "writes": []}
    for step in steps:
        if name in step.checkpoint["channel_values"]:
            found = {"seed": step.checkpoint["channel_values"][name], "writes": []}
        found["writes"] += [write for write in step.pending_writes or () if write[1] == name]
    return found
