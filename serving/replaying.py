"""Run a recording again through a graph, offline, and say whether it is still the same."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from langchain_core.messages import AnyMessage
from langgraph.graph import END
from langgraph.types import Command, Durability

from interlock.graphs.patterns import Compiled, assembly_of
from interlock.runtime.clock import SystemClock
from interlock.runtime.errors import RecordingBroken
from interlock.runtime.home import Home, using
from interlock.runtime.journal.manifests import changes
from interlock.runtime.journal.prompts import message_made
from interlock.runtime.records import Caller
from interlock.runtime.replay.causes import dated
from interlock.runtime.replay.differences import readable
from interlock.runtime.replay.home import ReplayHome
from interlock.runtime.replay.losses import keeps_on_the_way
from interlock.runtime.replay.player import CutOff, Diverged, Divergence, Player
from interlock.runtime.replay.recording import Recording, Step

RECURSION_LIMIT = 10_000


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """How a replay ended."""

    run: str
    steps: int
    same: int
    """How many of the steps came again, in order, byte for byte."""
    place: str = ""
    """Where the replay first differs; empty where it does not."""
    step: int = 0
    diff: tuple[str, ...] = ()
    manifest: tuple[str, ...] = ()
    """What of the manifest has changed since the recording, even if nothing came of it."""

    @property
    def identical(self) -> bool:
        """Whether the replay brought the same events."""
        return self.same == self.steps and not self.place


async def replay(recording: Recording, graph: Compiled) -> Replayed:
    """Run a recording again in a home that is thrown away. Nothing outside is asked, and nothing happens there.

    Where it differs, it is run once more: a graph that differs from itself takes time, chance or ids from elsewhere
    than its ports.
    """
    player, error = await _played(recording, graph)
    found = _told(player, graph, error)
    if player.divergence is None or player.divergence.found is None:
        return found
    again, _ = await _played(recording, graph)
    if again.divergence is not None and _is_as(again.divergence, player.divergence):
        return found
    return replace(found, diff=(*found.diff, UNSTEADY))


UNSTEADY = (
    "a second replay came out otherwise: something in this node is drawn anew each time; take time, chance and ids "
    "from runtime.context.clock, and the world from tools"
)


async def _played(recording: Recording, graph: Compiled) -> tuple[Player, BaseException | None]:
    player = Player(recording)
    with TemporaryDirectory(prefix="interlock-replay-") as folder:
        home = ReplayHome(Path(folder), player)
        try:
            with opened(graph, home) as running:
                error = await _play(player, home, running)
        finally:
            if (assembly := assembly_of(graph)) is not None:
                assembly.close(home)
            home.close()
    return player, error


def _is_as(one: Divergence, other: Divergence) -> bool:
    if one.found is None or other.found is None:
        return False
    return (one.place, one.found.facts) == (other.place, other.found.facts)


@contextmanager
def opened(graph: Compiled, home: Home) -> Generator[Compiled]:
    """Give the graph with the home's checkpoints."""
    saver = home.saver(cast(dict[str, Any], graph.channels))
    try:
        yield graph.copy({"checkpointer": saver})
    finally:
        saver.close()


async def _play(player: Player, home: ReplayHome, graph: Compiled) -> BaseException | None:
    recording = player.recording
    config: Any = {"configurable": {"thread_id": recording.thread}, "recursion_limit": RECURSION_LIMIT}
    caller = Caller.model_validate(recording.started["caller"])
    await seed(recording, graph, config, recording.thread)
    durability: Durability = "sync" if keeps_on_the_way(recording) else "exit"
    last: BaseException | None = None
    while (step := player.next) is not None:
        before = player.played
        player.let_people_act()
        if player.cut:
            _die(home, graph)
        try:
            if step.kind in ("run_started", "run_resumed"):
                given = await _given(recording, step, graph, config)
                with using(home):
                    await graph.ainvoke(given, config, context=caller, durability=durability)
        except (CutOff, Diverged):
            pass
        except Exception as error:  # how the run ended stands in its events; this is for a house that fell
            last = error
        if player.divergence is not None or player.played == before:
            player.diverge(None, {})
            break
    player.end()
    return last


def _die(home: ReplayHome, graph: Compiled) -> None:
    """Lose what a process that was killed here had lost."""
    home.die()
    if (assembly := assembly_of(graph)) is not None:
        assembly.runs.forget(home)


async def _given(recording: Recording, step: Step, graph: Compiled, config: Any) -> Any:
    """Make what sets the graph going at this step: the request, or what wakes it."""
    if step.kind == "run_started":
        return {"messages": messages_of(step.facts["messages"])}
    return wake(await graph.aget_state(config))


def wake(snapshot: Any) -> Any:
    """Make what sets a paused graph going: an answer to exactly the interrupts that stand, or nothing after a crash."""
    waiting = {item.id: True for item in snapshot.interrupts}
    return Command(resume=waiting) if waiting else None


async def seed(recording: Recording, graph: Compiled, config: Any, thread: str) -> None:
    """Put the thread into the state in which the recorded run found it."""
    started = recording.started
    history = messages_of(recording.messages(started["history"]))
    if not history and not started["before"] and started["turn"] == 1:
        return
    caller = started["caller"]
    header = {
        "v": 1, "id": "", "thread": thread, "turn": started["turn"] - 1, "user": caller["user"],
        "tenant": caller["tenant"], "roles": caller["roles"], "agent": started["agent"], "manifest": "", "path": "",
        "step": 0,
    }  # fmt: skip
    values = {"messages": history, "run": header, **started["before"]}
    await graph.aupdate_state(config, values, as_node=_last_node(graph))


def _last_node(graph: Compiled) -> str:
    found = next((before for before, after in graph.builder.edges if after == END), None)
    if found is None:
        raise RecordingBroken(
            what="the graph has no node that leads to its end", where="graph", fix="add an edge from a node to END"
        )
    return found


def messages_of(kept: list[dict[str, Any]]) -> list[AnyMessage | tuple[str, Any]]:
    """Make messages again from what was kept of them.

    One that was given as a pair of role and content has no id, and LangGraph would give it one as a message.
    """
    return [
        (facts["type"], facts["content"]) if facts.keys() == {"type", "content"} else message_made(facts)
        for facts in kept
    ]


def _told(player: Player, graph: Compiled, error: BaseException | None) -> Replayed:
    recording, found = player.recording, player.divergence
    assembly = assembly_of(graph)
    changed = readable_manifest(recording, graph) if assembly else ()
    diff = (*readable(found, recording), *dated(found, recording, SystemClock().now())) if found else ()
    if found and found.found is None and error is not None:
        diff = (*diff, f"the replay failed: {type(error).__name__}: {error}")
    return Replayed(
        run=recording.run,
        steps=len(recording.steps),
        same=player.played,
        place=found.place if found else "",
        step=player.played + 1 if found else 0,
        diff=diff,
        manifest=changed,
    )


def readable_manifest(recording: Recording, graph: Compiled) -> tuple[str, ...]:
    """Name what of the manifest is not as it was recorded."""
    assembly = assembly_of(graph)
    if assembly is None or not recording.manifest:
        return ()
    now = assembly.manifest_with(recording.manifest.get("model", ""), recording.manifest.get("model_settings", {}))
    return tuple(changes(recording.manifest, now))
