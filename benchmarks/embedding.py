"""What it costs to embed by torch and by ONNX Runtime: CPU of this thread, texts one by one and many at once.

Each way runs in turns with the other, so that what else the machine does falls on both.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import cast

from _report import arguments, finish, table
from interlock.runtime.models.embeddings import MiniLM, minilm
from interlock.runtime.models.onnx_minilm import farthest, write_onnx
from memory_speed import sentence

ROUNDS = 5


def main() -> None:
    options = arguments(__doc__, texts=200)
    torch = cast(MiniLM, minilm())
    with tempfile.TemporaryDirectory() as folder:
        ways: dict[str, MiniLM] = {"torch": torch, "onnx": write_onnx(Path(folder), torch)}
        figures = {name: {"one_ms": 0.0, "many_ms": 0.0} for name in ways}
        samples: dict[tuple[str, str], list[float]] = {(n, k): [] for n in ways for k in ("one_ms", "many_ms")}
        for turn in range(ROUNDS):
            texts = [f"{sentence(number)} {turn}" for number in range(options.texts)]
            for name, model in ways.items():
                samples[name, "many_ms"].append(cpu(lambda m=model, t=texts: m.embed(t)) / len(texts))
                ones = [f"{text} once more" for text in texts[:50]]
                samples[name, "one_ms"].append(cpu(lambda m=model, t=ones: [m.embed([x]) for x in t]) / len(ones))
        for (name, kind), found in samples.items():
            figures[name][kind] = round(1000 * median(found), 2)
        far = farthest(ways["onnx"], torch, [sentence(number) for number in range(options.texts)])
    rows = [(name, f"{found['one_ms']:.1f}", f"{found['many_ms']:.1f}") for name, found in figures.items()]
    table("MiniLM, CPU per text", ("", "one by one, ms", "many at once, ms"), rows, note=f"farthest number: {far:.1e}")
    finish({**figures, "farthest": far}, as_json=options.json)


def cpu(do: Callable[[], object]) -> float:
    began = time.thread_time()
    do()
    return time.thread_time() - began


if __name__ == "__main__":
    main()
