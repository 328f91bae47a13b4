"""What a killed process had done but not yet kept in its checkpoints, so that it was done again.

A process may be killed after the journal took an outcome and before the checkpoint did. What came after tells: a task
whose places come again was not kept. A replay loses the same, and goes on from the same checkpoint.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.config import get_config

from interlock.runtime.replay.clocks import is_draw
from interlock.runtime.replay.recording import Recording, Step
from interlock.runtime.storage.checkpoints import HomeSaver
from interlock.runtime.storage.sqlite import MEMORY

BOUNDS = frozenset({"run_started", "run_resumed", "run_ended"})
"""Steps that belong to a run as a whole, not to one of its tasks."""


def was_cut(recording: Recording) -> bool:
    """Tell whether a process was killed while it was at work on the recorded run."""
    last = [step for step in recording.steps if recording.is_own(step) and step.kind in BOUNDS][-1]
    return last.kind != "run_ended" or any(cut for _, cut in _takings_up(recording))


def keeps_on_the_way(recording: Recording) -> bool:
    """Tell whether checkpoints on the way serve the recorded run: one that was killed, or graphs inside that waited."""
    waited = any(step.kind == "run_resumed" and not recording.is_own(step) for step in recording.steps)
    return waited or was_cut(recording)


def ending(step: Step) -> str:
    """Tell how a run ended at a step; empty where it did not."""
    return str(step.facts["status"]) if step.kind == "run_ended" else ""


def is_cut(ended: str) -> bool:
    """Tell whether a run that is taken up again was left by a killed process.

    Args:
        ended: how it ended. One that was done is taken up again where its last checkpoint was not written.
    """
    return ended in ("", "done")


def _takings_up(recording: Recording) -> Iterator[tuple[int, bool]]:
    """Give where the run was taken up again, and whether a killed process had left it."""
    ended = ""
    for at, step in enumerate(recording.steps):
        if recording.is_own(step) and step.kind in BOUNDS:
            if step.kind == "run_resumed":
                yield at, is_cut(ended)
            ended = ending(step)


class Losses:
    """Which tasks of a killed process were done again."""

    def __init__(self, recording: Recording) -> None:
        self._again = [
            (at, frozenset(map(_place, filter(_of_a_task, recording.steps[at:]))) if cut else frozenset[str]())
            for at, cut in _takings_up(recording)
        ]
        self._places: defaultdict[str, set[str]] = defaultdict(set)
        self.losing = False
        """Whether a task was lost: then no later checkpoint was written."""

    def note(self, place: str) -> None:
        """Note that the tasks in which this is called have come to a place."""
        if self._again:
            for task in _tasks_here():
                self._places[task].add(place)

    def loses(self, task: str, played: int) -> bool:
        """Tell whether what a task wrote was lost.

        Args:
            played: how many steps have come.
        """
        again = next((places for at, places in self._again if at >= played), frozenset[str]())
        lost = not again.isdisjoint(self._places.get(task, ()))
        self.losing = self.losing or lost
        return lost

    def forget(self) -> None:
        """Begin anew, as the process did that went on."""
        self._places.clear()
        self.losing = False


def _place(step: Step) -> str:
    return step.place


def _of_a_task(step: Step) -> bool:
    return step.kind not in BOUNDS and not is_draw(step)


def _tasks_here() -> list[str]:
    """List the tasks, of this graph and those around it, in which this is called."""
    try:
        namespace = get_config().get("configurable", {}).get("checkpoint_ns", "")
    except RuntimeError:  # outside of any graph
        return []
    return [part.rpartition(":")[2] for part in namespace.split("|")]


class LosingSaver(HomeSaver):
    """Checkpoints that are thrown away, and that lose what those of the recorded run had lost."""

    def __init__(self, channels: Mapping[str, Any] | None, losses: Losses, played: Callable[[], int]) -> None:
        super().__init__(MEMORY, channels)
        self._losses, self._played = losses, played

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        if not self._losses.losing:
            return super().put(config, checkpoint, metadata, new_versions)
        return {"configurable": {**config.get("configurable", {}), "checkpoint_id": checkpoint["id"]}}

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        if not self._losses.loses(task_id, self._played()):
            super().put_writes(config, writes, task_id, task_path)
