"""Where the time goes from `interlock run` to its answer: seconds of wall time in new processes, medians.

Each process imports the command line, loads the support agent and MiniLM's weights, and asks twice, on two threads; the
second answer is what a run takes once everything is loaded.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from _report import arguments, finish, table

AGENT = Path(__file__).resolve().parents[1] / "examples" / "support"
PHASES = {
    "python and the command line": "import interlock.serving.cli.main",
    "LangGraph": "import langgraph.graph",
    "the agent": "from interlock.serving.loading import load_graph; graph = load_graph(sys.argv[1])",
    "torch, and MiniLM's weights": "from interlock.runtime.models.embeddings import minilm; minilm().embed(['a text'])",
    "first answer": "from interlock import Session; Session(graph, user='7').say('Where is order 1042?')",
    "second answer": "Session(graph, user='7').say('Where is order 1042?')",
}
CHILD = "\n".join(
    [
        "import sys, time, json",
        "began, found = float(sys.argv[2]), []",
        *(f"{code}\nfound.append(time.clock_gettime(time.CLOCK_MONOTONIC))" for code in PHASES.values()),
        "print(json.dumps([b - a for a, b in zip([began, *found], found)]))",
    ]
)


def main() -> None:
    options = arguments(__doc__, repeats=5)
    runs = [phases() for _ in range(options.repeats + 1)][1:]  # the first fills the caches
    seconds = {name: median(run[index] for run in runs) for index, name in enumerate(PHASES)}
    whole = median(sum(run[:-1]) for run in runs)
    rows = [(name, f"{value:.2f}") for name, value in seconds.items()]
    note = f"From start to the first answer: {whole:.2f} s"
    table("interlock run, phase by phase", ("phase", "seconds"), rows, note=note)
    figures = {"seconds": {name: round(value, 4) for name, value in seconds.items()}, "first_answer_s": round(whole, 4)}
    finish(figures, as_json=options.json)


def phases() -> list[float]:
    """Ask in a new process with a new home, and give the seconds that each phase took."""
    with tempfile.TemporaryDirectory(prefix="interlock-start-") as home:
        environment = {**os.environ, "INTERLOCK_HOME": home, "SUPPORT_DB": f"{home}/support.db"}
        command = [sys.executable, "-c", CHILD, str(AGENT), str(time.clock_gettime(time.CLOCK_MONOTONIC))]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
