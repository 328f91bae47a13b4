"""Whether contracts let right calls through and stop wrong ones: BFCL's functions, their known answers, and mutations.

Each function becomes a contract as an MCP server's tool does. A gold call has of every argument the first value that
the benchmark takes for right, or lacks it where that is to leave it out (_bfcl_gold.py). Languages are counted apart,
and so are calls that name a variable where a value belongs. A refused gold call is put to its schema as it was written.

Of each gold call that is accepted one mutation of every kind is made, at a place drawn by a seed. A mutation is invalid
by what it is: a value of a type other than the one that the schema names there, a required name taken out, a name that
the schema does not have, a value that no enum holds. Where the schema says nothing of the kind none is made.

How to get the data: _bfcl.py.
"""

import copy
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

import _bfcl
from _bfcl_gold import Gold, calls
from _report import arguments, finish, table
from interlock.runtime.contract import JsonSchema
from interlock.runtime.errors import ArgumentsRefused
from interlock.tools.foreign import ForeignTool

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
LANGUAGES: Final = (_bfcl.JSON, *_bfcl.SOURCED.values())
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
        counts.checked(gold)
        if problem(gold.tool, gold.arguments) is None:
            counts.mutated(gold, chance)
    told(counts)
    finish(figures(counts), as_json=options.json)
    return 0


@dataclass(kw_only=True)
class Counts:
    """What was found; `True` counts what went well."""

    gold: dict[str, Counter[bool]] = field(default_factory=lambda: {language: Counter() for language in LANGUAGES})
    variables: Counter[bool] = field(default_factory=Counter[bool])
    """Calls that name a variable where a value belongs; they are among the others as well."""
    refused: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    """Language, tool and reason of each gold call that was not accepted."""
    wronged: int = 0
    """Calls that were refused though their own schema takes them."""
    done: dict[str, Counter[bool]] = field(default_factory=lambda: {kind: Counter() for kind in KINDS})
    missed: list[str] = field(default_factory=list[str])

    def checked(self, gold: Gold) -> None:
        """Put a gold call to its contract."""
        wrong = problem(gold.tool, gold.arguments)
        self.gold[gold.language][wrong is None] += 1
        if gold.names_variable:
            self.variables[wrong is None] += 1
        if wrong is not None:
            self.refused.append((gold.language, gold.tool.contract.name, wrong))
            self.wronged += not _broken(gold)

    @property
    def all_gold(self) -> Counter[bool]:
        return sum(self.gold.values(), Counter[bool]())

    def mutated(self, gold: Gold, chance: random.Random) -> None:
        """Make every kind of mutation of a call that applies to it."""
        for kind, mutate in KINDS.items():
            mutated = mutate(gold.arguments, gold.tool.contract.arguments, chance)
            if mutated is not None:
                refused = problem(gold.tool, mutated) is not None
                self.done[kind][refused] += 1
                if not refused:
                    self.missed.append(f"{kind}: {gold.tool.contract.name} {mutated}")


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


def told(counts: Counts) -> None:
    """Print what was found."""
    rows = [
        *((f"gold calls in {language}: accepted", *_row(count)) for language, count in counts.gold.items()),
        ("gold calls in all languages: accepted", *_row(counts.all_gold)),
        ("  those that name no variable", *_row(counts.all_gold - counts.variables)),
        *((f"{kind}: rejected", *_row(count)) for kind, count in counts.done.items()),
        ("all mutations: rejected", *_row(sum(counts.done.values(), Counter[bool]()))),
    ]
    note = f"refused though their own schema, as it was written, takes them: {counts.wronged} gold calls"
    table("Contracts of BFCL's functions", ("", "so many", "of", "share"), rows, note=note)
    for language, tool, why in counts.refused:
        print(f"  gold refused ({language}): {tool}: {why}")
    for one in counts.missed[:SHOWN]:
        print(f"  accepted though invalid: {one}")


def figures(counts: Counts) -> dict[str, Any]:
    mutations = sum(counts.done.values(), Counter[bool]())
    return {
        "gold": {
            language: {"calls": count.total(), "accepted": _share(count)}
            for language, count in {**counts.gold, "all": counts.all_gold,
                "naming_no_variable": counts.all_gold - counts.variables}.items()
        },
        "gold_refused_without_cause": counts.wronged, "gold_refused": counts.refused,
        "mutations": mutations.total(), "mutations_rejected": _share(mutations),
        "by_kind": {kind: {"done": c.total(), "rejected": c[True]} for kind, c in counts.done.items()},
    }  # fmt: skip


def _row(count: Counter[bool]) -> tuple[str, str, str]:
    return f"{count[True]:,}", f"{count.total():,}", f"{100 * _share(count):.2f} %"


def _share(count: Counter[bool]) -> float:
    return round(count[True] / max(count.total(), 1), 6)


if __name__ == "__main__":
    sys.exit(main())
