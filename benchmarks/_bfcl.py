"""The Berkeley Function-Calling Leaderboard's single-turn data: functions, requests, and the calls that answer them.

It comes with the package `bfcl-eval`, which is read without being imported: that would load the clients of many
providers, and its pins fit no other environment. Install it without them, or unpack it anywhere and say where:

    pip install --no-deps bfcl-eval==2026.3.23
    pip install --no-deps --target /tmp/bfcl bfcl-eval==2026.3.23 && export PYTHONPATH=/tmp/bfcl
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, cast

from interlock.runtime.contract import JsonSchema, ToolContract
from interlock.tools.adopting import adopted

MISSING: Final = (
    "not measured, for the data is not here: pip install --no-deps bfcl-eval==2026.3.23 (or with --target DIR, and "
    "DIR on PYTHONPATH)"
)
ANSWERED: Final = (
    "simple_python", "simple_java", "simple_javascript", "multiple", "parallel", "parallel_multiple",
    "live_simple", "live_multiple", "live_parallel", "live_parallel_multiple",
)  # fmt: skip
SOURCED: Final = {"simple_java": "Java", "simple_javascript": "JavaScript"}
"""Categories whose answers are in a language of their own; those of the others are JSON."""
JSON: Final = "JSON"
BYSTANDERS: Final = ("irrelevance", "live_irrelevance")
"""Categories whose functions are in the pool, and whose requests need none of them."""
_TYPES: Final = {
    "dict": "object", "hashmap": "object", "object": "object", "float": "number", "double": "number", "long": "integer",
    "int": "integer", "integer": "integer", "number": "number", "boolean": "boolean", "bool": "boolean",
    "array": "array", "tuple": "array", "list": "array", "arraylist": "array", "string": "string", "char": "string",
}  # fmt: skip
"""JSON Schema's names for types of Python, Java and JavaScript; `any` and what else there is says nothing."""
_STRAY: Final = ("optional",)
"""Words that stand beside a schema's keywords and are none."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request."""

    id: str
    text: str
    functions: dict[str, JsonSchema]
    """By name, the functions that come with it."""
    language: str
    answers: list[tuple[str, dict[str, list[Any]]]]
    """The calls that answer it; of each argument the values that are right, `""` where it may be left out."""


def found() -> Path | None:
    """Find the data, if it is here."""
    package = find_spec("bfcl_eval")
    places = package.submodule_search_locations if package else None
    return Path(next(iter(places))) / "data" if places else None


def lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as opened:
        yield from map(json.loads, opened)


def requests(data: Path) -> Iterator[Asked]:
    """List the requests with a known answer."""
    for category in ANSWERED:
        file = f"BFCL_v4_{category}.json"
        answers = {row["id"]: row["ground_truth"] for row in lines(data / "possible_answer" / file)}
        for row in lines(data / file):
            yield Asked(
                id=row["id"],
                text="\n".join(message["content"] for message in row["question"][0] if message["role"] == "user"),
                functions={function["name"]: function for function in row["function"]},
                language=SOURCED.get(category, JSON),
                answers=[(name, given) for call in answers[row["id"]] for name, given in call.items()],
            )


def pool(data: Path) -> list[ToolContract]:
    """Make a contract of every function; of several with one name the first."""
    made: dict[str, ToolContract] = {}
    for category in (*ANSWERED, *BYSTANDERS):
        for row in lines(data / f"BFCL_v4_{category}.json"):
            for function in row["function"]:
                if function["name"] not in made:
                    made[function["name"]] = contract(function)
    return list(made.values())


def contract(function: dict[str, Any]) -> ToolContract:
    """Make a contract as one is made of a tool that a server lists."""
    return ToolContract(
        name=function["name"], description=function["description"], result={}, read_only=True, destructive=False,
        arguments=adopted(schema(function["parameters"])), idempotent=True, open_world=True,
    )  # fmt: skip


def schema(part: JsonSchema) -> JsonSchema:
    """Write a schema with JSON Schema's names of types instead of a language's."""
    made = {key: value for key, value in part.items() if key not in (*_STRAY, "type")}
    if kind := _TYPES.get(str(part.get("type")).lower()):
        made["type"] = kind
    if isinstance(part.get("properties"), dict):
        properties = cast(dict[str, JsonSchema], part["properties"])
        made["properties"] = {name: schema(inner) for name, inner in properties.items()}
    if isinstance(part.get("items"), dict):
        made["items"] = schema(part["items"])
    return made
