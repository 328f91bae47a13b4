"""Record random runs, replay them in other processes, and plant changes that a replay must find.

`--runs` random runs: rounds of parallel calls or plans with dependencies, tools that fail, approvals. Each is exported,
and replayed by other processes from the file alone. Then changes are planted in prompts, tool schemas, policies and
nodes, and the replay must name the first step that they bear on. A run of `--steps` tells what both cost.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from _long_run import long_run
from _planted import planted
from _random_runs import graph_of, take_place
from _report import arguments, finish, table
from interlock.runtime.home import Home
from interlock.runtime.replay.recording import exported, imported, record
from interlock.serving.replaying import replay

PROCESSES = 2


def main() -> None:
    if sys.argv[1:2] == ["play"]:
        asyncio.run(play([Path(name) for name in sys.argv[2:]]))
        return
    options = arguments(__doc__, runs=200, steps=200)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        kinds, recording_s = asyncio.run(recorded(place, options.runs))
        found = played(sorted(place.glob("*.json")))
        changes = asyncio.run(planted(place))
        long_recording_ms, long_replay_ms = long_run(place, options.steps)
    figures = {
        "runs": options.runs,
        "identical": sum(one["identical"] for one in found),
        "events": sum(one["steps"] for one in found),
        "recording_cpu_ms_per_run": round(1000 * recording_s / options.runs, 2),
        "replay_cpu_ms_per_run": round(1000 * sum(one["cpu_s"] for one in found) / len(found), 2),
        f"recording_cpu_ms_of_{options.steps}_steps": round(long_recording_ms, 1),
        f"replay_cpu_ms_of_{options.steps}_steps": round(long_replay_ms, 1),
        "planted": len(changes),
        "found": sum(change.found for change in changes),
        "kinds": dict(kinds),
    }
    rows = [(name, str(value)) for name, value in figures.items() if name != "kinds"]
    table("Random runs, replayed in other processes", ("", "value"), rows, note=f"events by kind: {dict(kinds)}")
    shown = [(one.what, one.expected, one.named, "found" if one.found else "MISSED") for one in changes]
    table("Planted changes", ("change", "bears on", "replay names", ""), shown)
    for one in found:
        if not one["identical"]:
            print(one["run"], one["place"], *one["diff"], sep="\n  ")
    finish(figures, as_json=options.json)


async def recorded(place: Path, runs: int) -> tuple[Counter[str], float]:
    """Let runs happen, and export each; gives the events by kind and the CPU seconds it took."""
    kinds, seconds = Counter[str](), 0.0
    home = Home(place / "home")
    for seed in range(runs):
        began = time.process_time()
        reply = await take_place(graph_of(seed, place), home, seed)
        seconds += time.process_time() - began
        recording = record(home.journal, reply.run)
        kinds.update(step.kind for step in recording.steps)
        (place / f"{seed}.json").write_bytes(exported(recording))
    home.close()
    return kinds, seconds


def played(files: list[Path]) -> list[dict[str, Any]]:
    """Replay recordings in other processes."""
    parts = [files[n::PROCESSES] for n in range(PROCESSES)]
    command = [sys.executable, __file__, "play"]
    at_work = [subprocess.Popen([*command, *map(str, part)], stdout=subprocess.PIPE, text=True) for part in parts]
    lines = [line for one in at_work for line in one.communicate()[0].splitlines()]
    return [json.loads(line) for line in lines]


async def play(files: list[Path]) -> None:
    """Replay each file with the graph of its seed, and print how it ended."""
    for file in files:
        recording, graph = imported(file.read_bytes(), str(file)), graph_of(int(file.stem), file.parent)
        began = time.process_time()
        found = await replay(recording, graph)
        print(json.dumps({**vars(found), "identical": found.identical, "cpu_s": time.process_time() - began}))


if __name__ == "__main__":
    main()
