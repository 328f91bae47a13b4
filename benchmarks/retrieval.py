"""How often the tools that a request needs are among the first ones selected, of some 1,850 tools (BFCL).

The data comes with the package `bfcl-eval`, which is no dependency of ours; `pip install --no-deps bfcl-eval` will do.
The pool holds every function of its single-turn categories, one for each name; the requests are those with a known
answer. R@k is the share of the functions of an answer that are among the first k, averaged over requests. The weights
of the selection were set on this data (docs/decisions/0008-selection.md).
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, median
from typing import Any, cast

from _report import arguments, finish, table
from interlock.runtime.contract import ToolContract
from interlock.runtime.models.embeddings import minilm
from interlock.tools.selection import Selector

ANSWERED = (
    "simple_python", "simple_java", "simple_javascript", "multiple", "parallel", "parallel_multiple",
    "live_simple", "live_multiple", "live_parallel", "live_parallel_multiple",
)  # fmt: skip
BYSTANDERS = ("irrelevance", "live_irrelevance")
"""Categories whose functions are in the pool, and whose requests need none of them."""
TYPES = {
    "dict": "object", "hashmap": "object", "object": "object", "float": "number", "double": "number", "long": "integer",
    "int": "integer", "integer": "integer", "number": "number", "boolean": "boolean", "bool": "boolean",
    "array": "array", "tuple": "array", "list": "array", "arraylist": "array",
}  # fmt: skip
CUTS = (1, 5, 10, 20)


def main() -> int:
    options = arguments(__doc__, requests=0, seed=1)
    data = found()
    if data is None:
        print("retrieval: not measured, for the package bfcl-eval is not installed: pip install --no-deps bfcl-eval")
        return 0
    pool, asked = pool_of(data), list(requests_of(data))
    if options.requests:
        asked = random.Random(options.seed).sample(asked, min(options.requests, len(asked)))  # noqa: S311
    selector = Selector(pool, minilm())
    selector.ranked("hello")
    recalls, ms = measured(selector, asked)
    rows = [(f"R@{cut}", f"{100 * recall:.1f} %") for cut, recall in recalls.items()]
    title = f"{len(asked):,} requests, {len(pool):,} tools"
    table(title, ("tools that are needed", "found"), [*rows, ("median time", f"{ms:.1f} ms")])
    figures = {f"recall_at_{cut}": round(100 * recall, 2) for cut, recall in recalls.items()}
    finish({"requests": len(asked), "tools": len(pool), **figures, "ms": round(ms, 2)}, as_json=options.json)
    return 0


def measured(selector: Selector, asked: list[tuple[str, set[str]]]) -> tuple[dict[int, float], float]:
    """Rank all tools for each request; gives the recall at each cut, and the median of milliseconds."""
    shares: dict[int, list[float]] = {cut: [] for cut in CUTS}
    ms: list[float] = []
    for text, wanted in asked:
        began = time.perf_counter()
        ranked = [each.name for each in selector.ranked(text)[: max(CUTS)]]
        ms.append((time.perf_counter() - began) * 1000)
        for cut in CUTS:
            shares[cut].append(len(wanted & set(ranked[:cut])) / len(wanted))
    return {cut: mean(of) for cut, of in shares.items()}, median(ms)


def found() -> Path | None:
    """Find the data without importing the package, which would load the clients of many providers."""
    package = find_spec("bfcl_eval")
    places = package.submodule_search_locations if package else None
    return Path(next(iter(places))) / "data" if places else None


def lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as opened:
        yield from map(json.loads, opened)


def pool_of(data: Path) -> list[ToolContract]:
    """Make a contract of every function; of several with one name the first."""
    made: dict[str, ToolContract] = {}
    for category in (*ANSWERED, *BYSTANDERS):
        for row in lines(data / f"BFCL_v4_{category}.json"):
            for function in row["function"]:
                if function["name"] not in made:
                    made[function["name"]] = contract_of(function)
    return list(made.values())


def requests_of(data: Path) -> Iterator[tuple[str, set[str]]]:
    """Give what is asked, and the names of the functions that answer it."""
    for category in ANSWERED:
        file = f"BFCL_v4_{category}.json"
        answers = {row["id"]: row["ground_truth"] for row in lines(data / "possible_answer" / file)}
        for row in lines(data / file):
            text = "\n".join(message["content"] for message in row["question"][0] if message["role"] == "user")
            yield text, {name for call in answers[row["id"]] for name in call}


def contract_of(function: dict[str, Any]) -> ToolContract:
    return ToolContract(
        name=function["name"], description=function["description"], arguments=schema_of(function["parameters"]),
        result={}, read_only=True, destructive=False, idempotent=True, open_world=True,
    )  # fmt: skip


def schema_of(part: Any) -> Any:
    """Write a schema with JSON Schema's names of types instead of a language's."""
    if isinstance(part, list):
        return [schema_of(each) for each in cast(list[Any], part)]
    if not isinstance(part, dict):
        return part
    made = {name: schema_of(each) for name, each in cast(dict[str, Any], part).items()}
    if isinstance(made.get("type"), str):
        made["type"] = TYPES.get(made["type"].lower(), "string")
    return made


if __name__ == "__main__":
    sys.exit(main())
