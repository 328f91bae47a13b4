"""What importing costs: CPU of `import interlock` against LangGraph's own, and how soon the command line answers.

Every figure is the median of whole processes, taken in turn; the start of Python itself is part of each.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from _report import arguments, finish, paired, table

PROGRAM = str(Path(sys.executable).with_name("interlock"))
COMMANDS = {
    "nothing": [sys.executable, "-c", "pass"],
    "import interlock": [sys.executable, "-c", "import interlock"],
    "import langgraph.graph": [sys.executable, "-c", "import langgraph.graph"],
    "from interlock import Agent, Budget, tool": [sys.executable, "-c", "from interlock import Agent, Budget, tool"],
    "interlock --help": [PROGRAM, "--help"],
}
HEAVY = ("chromadb", "langchain_core", "langgraph", "langsmith", "sentence_transformers", "torch")


def main() -> None:
    options = arguments(__doc__, repeats=15)
    cpu: dict[str, list[float]] = {name: [] for name in COMMANDS}
    wall: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(options.repeats + 1):
        for name, command in COMMANDS.items():
            used, passed = measure(command)
            cpu[name].append(used)
            wall[name].append(passed)
    for kept in (*cpu.values(), *wall.values()):
        del kept[0]  # the first of each fills the caches
    ratio = paired(cpu["import interlock"], cpu["import langgraph.graph"])
    loaded = heavy_modules()
    rows = [(name, f"{1000 * median(cpu[name]):.0f}", f"{1000 * median(wall[name]):.0f}") for name in COMMANDS]
    note = f"import interlock: {ratio:.3f} of import langgraph.graph; it loads, of what is heavy: {loaded or 'nothing'}"
    table("Start-up, ms per process (medians)", ("command", "CPU", "wall"), rows, note=note)
    figures = {
        "import_ratio": round(ratio, 4),
        "cpu_s": {name: round(median(cpu[name]), 4) for name in COMMANDS},
        "wall_s": {name: round(median(wall[name]), 4) for name in COMMANDS},
        "heavy_modules": loaded,
    }
    finish(figures, as_json=options.json)


def measure(command: list[str]) -> tuple[float, float]:
    """Run a program to its end; gives its CPU seconds and wall seconds."""
    began, before = time.perf_counter(), _cpu_of_children()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return _cpu_of_children() - before, time.perf_counter() - began


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def heavy_modules() -> list[str]:
    """Name the heavy modules that importing the package loads."""
    code = "import sys, interlock; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    return sorted(set(HEAVY) & set(loaded))


if __name__ == "__main__":
    main()
