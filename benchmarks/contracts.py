"""Whether contracts let right calls through and stop wrong ones: BFCL's functions, their known answers, and mutations.

Each function becomes a contract as an MCP server's tool does. A gold call has of every argument the first value that
the benchmark takes for right, or lacks it where that is to leave it out. Java's and JavaScript's are counted apart, for
their values are source text (`myList` for a list). A gold call that is refused is put to its schema as it was written.

Of each gold call that is accepted one mutation of every kind is made, at a place drawn by a seed. A mutation is invalid
by what it is: a value of a type other than the one that the schema names there, a required name taken out, a name that
the schema does not have, a value that no enum holds. Where the schema says nothing of the kind none is made.

How to get the data: _bfcl.py.
"""

import copy
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

import _bfcl
from _report import arguments, finish, table
from interlock.runtime.contract import JsonSchema
from interlock.runtime.errors import ArgumentsRefused
from interlock.runtime.records import ToolContext
from interlock.tools.foreign import ForeignTool
from interlock.tools.places import Place

Steps = tuple[str | int, ...]
WRONG: Final[dict[str, tuple[Any, ...]]] = {
    "string": (7, True, None, ["a"], {"a": 1}),
    "integer": ("7", 7.5, True, None, [7]),
    "number": ("7.5", True, None, [7.5], float("nan"), float("inf")),
    "boolean": ("true", 1, None, [True]),
    "array": ("a, b", 7, None, {"a": 1}),
    "object": ("a", 7, None, [{"a": 1}]),
}
"""Values that are not of a type, for each type."""
SHOWN: Final = 12


@dataclass(frozen=True)
class Spot:
    """A place in the arguments, what stands there, and the schema for it."""

    path: Steps
    value: Any
    schema: JsonSchema


def main() -> int:
    options = arguments(__doc__, seed=1)
    data = _bfcl.found()
    if data is None:
        print(f"contracts: {_bfcl.MISSING}")
        return 0
    chance = random.Random(options.seed)  # noqa: S311
    counts = Counts()
    for gold in calls(data):
        if (wrong := problem(gold.tool, gold.arguments)) is None:
            counts.gold[gold.sourced][True] += 1
            counts.mutated(gold, chance)
        else:
            counts.gold[gold.sourced][False] += 1
            counts.reasons[_kind(wrong)] += 1
            counts.wronged += not _broken(gold)
    told(counts)
    finish(figures(counts), as_json=options.json)
    return 0


@dataclass(frozen=True, kw_only=True)
class Gold:
    """A call that is right, and the tool that it is for."""

    tool: ForeignTool
    arguments: dict[str, Any]
    written: JsonSchema
    """The tool's schema as the benchmark has it."""
    sourced: bool


@dataclass(kw_only=True)
class Counts:
    """What was found; `True` counts what went well."""

    gold: dict[bool, Counter[bool]] = field(default_factory=lambda: {False: Counter(), True: Counter()})
    """Of calls with values of JSON, and of those with source text: how many were accepted."""
    reasons: Counter[str] = field(default_factory=Counter[str])
    wronged: int = 0
    """Calls that were refused though their own schema takes them."""
    done: dict[str, Counter[bool]] = field(default_factory=lambda: {kind: Counter() for kind in KINDS})
    missed: list[str] = field(default_factory=list[str])

    def mutated(self, gold: Gold, chance: random.Random) -> None:
        """Make every kind of mutation of a call that applies to it."""
        for kind, mutate in KINDS.items():
            mutated = mutate(gold.arguments, gold.tool.contract.arguments, chance)
            if mutated is not None:
                refused = problem(gold.tool, mutated) is not None
                self.done[kind][refused] += 1
                if not refused:
                    self.missed.append(f"{kind}: {gold.tool.contract.name} {mutated}")


def calls(data: Path) -> Iterator[Gold]:
    """Give every gold call."""
    for asked in _bfcl.requests(data):
        for name, given in asked.answers:
            function = asked.functions[name]
            tool = ForeignTool(_bfcl.contract(function), _never, Place(name=name, where="BFCL"))
            written = _bfcl.schema(function["parameters"])
            yield Gold(tool=tool, arguments=_first(given), written=written, sourced=asked.sourced)


def _broken(gold: Gold) -> bool:
    """Tell whether a call breaks its own schema as it was written, unknown arguments being wrong."""
    return not Draft202012Validator({**gold.written, "additionalProperties": False}).is_valid(gold.arguments)


def problem(tool: ForeignTool, call: dict[str, Any]) -> str | None:
    """Say why a call is refused; None where it is accepted."""
    try:
        tool.check(call)
    except ArgumentsRefused as error:
        return error.problems[0]
    return None


def _first(given: Any) -> Any:
    """Take of each argument the first value that is right; one that may be left out and has no other is left out."""
    chosen: dict[str, Any] = {}
    for name, values in given.items():
        if values and values[0] != "":
            chosen[name] = _plain(values[0])
    return chosen


def _plain(value: Any) -> Any:
    """Choose inside of objects as well: there, too, each name has a list of right values."""
    if isinstance(value, dict) and all(isinstance(part, list) for part in cast(dict[str, Any], value).values()):
        return _first(value)
    return [_plain(part) for part in cast(list[Any], value)] if isinstance(value, list) else cast(Any, value)


def spots(value: Any, schema: JsonSchema, path: Steps = ()) -> Iterator[Spot]:
    """List every place in the arguments for which the schema says something."""
    yield Spot(path, value, schema)
    if isinstance(value, dict):
        for name, part in cast(dict[str, Any], value).items():
            if name in schema.get("properties", {}):
                yield from spots(part, schema["properties"][name], (*path, name))
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for place, part in enumerate(cast(list[Any], value)):
            yield from spots(part, schema["items"], (*path, place))


def wrong_type(call: dict[str, Any], schema: JsonSchema, chance: random.Random) -> dict[str, Any] | None:
    """Put a value of another type in a place."""
    places = [spot for spot in spots(call, schema) if spot.path and spot.schema.get("type") in WRONG]
    if not places:
        return None
    spot = chance.choice(places)
    return _put(call, spot.path, chance.choice(WRONG[spot.schema["type"]]))


def missing(call: dict[str, Any], schema: JsonSchema, chance: random.Random) -> dict[str, Any] | None:
    """Take a required argument away, of the call or of an object inside it."""
    places = [
        (*spot.path, name)
        for spot in spots(call, schema)
        if isinstance(spot.value, dict)
        for name in spot.schema.get("required", ())
        if name in spot.value
    ]
    return _put(call, chance.choice(places), _GONE) if places else None


def unknown(call: dict[str, Any], schema: JsonSchema, chance: random.Random) -> dict[str, Any] | None:
    """Add an argument with a name that is nearly one, or new where there is none."""
    names = sorted(schema.get("properties", {}))
    name = f"{chance.choice(names)}_" if names else "extra"
    while name in names:
        name += "_"
    return {**call, name: chance.choice(["x", 1, True])}


def out_of_enum(call: dict[str, Any], schema: JsonSchema, chance: random.Random) -> dict[str, Any] | None:
    """Put a value of the right type in a place that lists its values, and does not list this one."""
    places = [spot for spot in spots(call, schema) if spot.schema.get("enum") and isinstance(spot.value, str | int)]
    if not places:
        return None
    spot = chance.choice(places)
    other: Any = f"{spot.value}?" if isinstance(spot.value, str) else spot.value
    while other in spot.schema["enum"]:
        other = f"{other}?" if isinstance(other, str) else int(other) + 1
    return _put(call, spot.path, other)


def wrong_item(call: dict[str, Any], schema: JsonSchema, chance: random.Random) -> dict[str, Any] | None:
    """Append to a list an item of another type than its items are."""
    places = [
        spot
        for spot in spots(call, schema)
        if isinstance(spot.value, list) and spot.schema.get("items", {}).get("type") in WRONG
    ]
    if not places:
        return None
    spot = chance.choice(places)
    return _put(call, spot.path, [*spot.value, chance.choice(WRONG[spot.schema["items"]["type"]])])


def quoted(call: dict[str, Any], schema: JsonSchema, chance: random.Random) -> dict[str, Any] | None:
    """Write a number, a yes or a no as text, as models like to."""
    kinds = ("integer", "number", "boolean")
    places = [spot for spot in spots(call, schema) if spot.schema.get("type") in kinds]
    if not places:
        return None
    spot = chance.choice(places)
    return _put(call, spot.path, str(spot.value).lower())


KINDS: Final[dict[str, Callable[[dict[str, Any], JsonSchema, random.Random], dict[str, Any] | None]]] = {
    "wrong type": wrong_type, "required one missing": missing, "unknown argument": unknown, "out of enum": out_of_enum,
    "wrong item in a list": wrong_item, "number as text": quoted,
}  # fmt: skip
_GONE: Final = object()


def _put(call: dict[str, Any], path: Steps, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(call)
    *outer, last = path
    inside: Any = made
    for part in outer:
        inside = inside[part]
    if value is _GONE:
        del inside[last]
    else:
        inside[last] = value
    return made


def _kind(problem: str) -> str:
    """Tell a problem without its names and values."""
    return re.sub(r"(argument) '[^']*'", r"\1", problem).partition(", but ")[0].partition(" (")[0].partition(";")[0]


async def _never(_arguments: dict[str, Any], _context: ToolContext) -> Any:
    raise AssertionError("calls are checked here, and not made")


def told(counts: Counts) -> None:
    """Print what was found."""
    rows = [
        ("gold calls: accepted", *_row(counts.gold[False])),
        ("gold calls in Java and JavaScript: accepted", *_row(counts.gold[True])),
        *((f"{kind}: rejected", *_row(count)) for kind, count in counts.done.items()),
        ("all mutations: rejected", *_row(sum(counts.done.values(), Counter[bool]()))),
    ]
    note = f"refused though their own schema, as it was written, takes them: {counts.wronged} gold calls"
    table("Contracts of BFCL's functions", ("", "so many", "of", "share"), rows, note=note)
    for reason, count in counts.reasons.most_common(SHOWN):
        print(f"  gold refused {count} times: {reason}")
    for one in counts.missed[:SHOWN]:
        print(f"  accepted though invalid: {one}")


def figures(counts: Counts) -> dict[str, Any]:
    mutations, gold = sum(counts.done.values(), Counter[bool]()), sum(counts.gold.values(), Counter[bool]())
    return {
        "gold": counts.gold[False].total(), "gold_accepted": _share(counts.gold[False]), "gold_all_languages":
        gold.total(), "gold_all_languages_accepted": _share(gold), "gold_refused_without_cause": counts.wronged,
        "mutations": mutations.total(), "mutations_rejected": _share(mutations),
        "gold_refused": dict(counts.reasons.most_common()),
        "by_kind": {kind: {"done": c.total(), "rejected": c[True]} for kind, c in counts.done.items()},
    }  # fmt: skip


def _row(count: Counter[bool]) -> tuple[str, str, str]:
    return f"{count[True]:,}", f"{count.total():,}", f"{100 * _share(count):.2f} %"


def _share(count: Counter[bool]) -> float:
    return round(count[True] / max(count.total(), 1), 6)


if __name__ == "__main__":
    sys.exit(main())
