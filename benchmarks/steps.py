"""What a tool round costs in CPU and in bytes written: our loop beside three others.

All loops have the same tools, a SQLite checkpointer on disk and a model that takes no time. They run in turn within one
process, each turn begun by another one. Ours writes its journal as well. Ratios are medians over the turns, each
against the bare loop of the same turn.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from _loopbench import Bench, benches
from _loops import BARE, LOOPS
from _report import arguments, finish, paired, table

LENGTHS = (10, 1_000)
NAMES = [loop.name for loop in LOOPS]


def main() -> None:
    options = arguments(__doc__, rounds=20, repeats=15, threads=3)
    with tempfile.TemporaryDirectory(prefix="interlock-steps-") as scratch:
        speeds = asyncio.run(measure_speed(Path(scratch) / "speed", options.rounds, options.repeats))
        growth = asyncio.run(measure_growth(Path(scratch) / "growth", options.rounds, options.threads))
    show_speed(speeds)
    show_growth(growth)
    figures = {
        "rounds": options.rounds,
        "repeats": options.repeats,
        "cpu_ms_per_round": {name: milliseconds(it.per_round) for name, it in speeds.items()},
        "cpu_ms_without_rounds": {name: milliseconds(it.answer) for name, it in speeds.items()},
        "ratio_per_round": {name: round(ratio, 3) for name, ratio in ratios(speeds).items()},
        "bytes_per_round": {name: {n: round(it.bytes) for n, it in by.items()} for name, by in growth.items()},
        "cpu_ms_at_length": {name: {n: milliseconds(it.cpu) for n, it in by.items()} for name, by in growth.items()},
    }
    finish(figures, as_json=options.json)


@dataclass(kw_only=True)
class Speed:
    """CPU seconds, one figure for each turn."""

    answer: list[float] = field(default_factory=list[float])
    """A run in which the model answers at once."""
    per_round: list[float] = field(default_factory=list[float])
    """What each tool round adds to that."""


@dataclass(kw_only=True)
class Growth:
    """What a round costs on a thread that holds some messages already."""

    cpu: list[float]
    """Seconds a round, the run's start and end included; one figure for each thread."""
    bytes: float
    """By which the files on disk grow."""


async def measure_speed(place: Path, rounds: int, repeats: int) -> dict[str, Speed]:
    """Run every loop on new threads, turn by turn."""
    speeds = {name: Speed() for name in NAMES}
    async with benches(place) as all_:
        for bench in all_:
            await bench.run(bench.new_thread(), rounds)  # warms up
        for turn in range(repeats):
            first = turn % len(all_)
            for bench in (*all_[first:], *all_[:first]):
                answer = await bench.run(bench.new_thread(), 0)
                whole = await bench.run(bench.new_thread(), rounds)
                speeds[bench.loop.name].answer.append(answer)
                speeds[bench.loop.name].per_round.append((whole - answer) / rounds)
    return speeds


async def measure_growth(place: Path, rounds: int, threads: int) -> dict[str, dict[int, Growth]]:
    """Run every loop on threads that are short, and on threads that are long."""
    async with benches(place) as all_:
        return {it.loop.name: {n: await growth_at(it, n, rounds, threads) for n in LENGTHS} for it in all_}


async def growth_at(bench: Bench, length: int, rounds: int, threads: int) -> Growth:
    names = [bench.new_thread() for _ in range(threads)]
    for name in names:
        await bench.run(name, 0, before=conversation(length))
    before = bench.size()
    cpu = [await bench.run(name, rounds) / rounds for name in names]
    return Growth(cpu=cpu, bytes=(bench.size() - before) / (rounds * threads))


def conversation(length: int) -> list[AnyMessage]:
    """Make up what was said before."""
    pair = (HumanMessage("And where is my other order? It should be here."), AIMessage("It left the warehouse today."))
    return [pair[turn % 2].model_copy() for turn in range(length)]


def ratios(speeds: dict[str, Speed]) -> dict[str, float]:
    return {name: paired(it.per_round, speeds[BARE].per_round) for name, it in speeds.items()}


def milliseconds(seconds: Sequence[float]) -> float:
    return round(1000 * median(seconds), 3)


def show_speed(speeds: dict[str, Speed]) -> None:
    ratio = ratios(speeds)
    rows = [
        (name, f"{milliseconds(it.per_round):.2f}", f"{ratio[name]:.2f}", f"{milliseconds(it.answer):.2f}")
        for name, it in speeds.items()
    ]
    header = ("loop", "CPU ms a tool round", "of bare", "CPU ms of a run without tools")
    table("A tool round on a new thread", header, rows)


def show_growth(growth: dict[str, dict[int, Growth]]) -> None:
    rows = [
        (name, *(f"{by[n].bytes / 1000:.1f}" for n in LENGTHS), *(f"{milliseconds(by[n].cpu):.2f}" for n in LENGTHS))
        for name, by in growth.items()
    ]
    header = ("loop", *(f"KB at {n:,}" for n in LENGTHS), *(f"CPU ms at {n:,}" for n in LENGTHS))
    table("A tool round on a thread of so many messages", header, rows)


if __name__ == "__main__":
    main()
