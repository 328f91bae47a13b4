"""Giving typed values to the parameters they fit: each to its best, several to several calls."""

from collections.abc import Sequence

from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.lexicon import word_set
from interlock.runtime.models.embedded.matching import FAIR, LIKELY, NO, SURE, WEAK, affinity, converted, is_named
from interlock.runtime.models.embedded.schemas import Shape
from interlock.runtime.models.embedded.supply import Supply, Work
from interlock.runtime.models.embedded.values import Value, moment

LAST_HOUR = 24
SHORTEST_ID = 1_000
"""A bare number below this is rather a quantity, where a tool wants both a quantity and an identifier."""
_MANY = word_set("them they both all these those each")
_SORTS = {"integer": "number", "money": "number"}
Pair = tuple[float, Shape, Value]


def rows(tool: Tool, supply: Supply) -> list[tuple[Value, ...]]:
    """Cut values that repeat in one pattern, as in "5 on order 1 and 10 on order 2"; empty where they do not."""
    own = [v for v in supply.own if v.kind != "quoted"]
    sorts = ["id" if v.label in supply.rivals else _SORTS.get(v.kind, v.kind) for v in own]
    width = len(set(sorts))
    several = width > 1 and len(own) > width and len(own) % width == 0
    if not several or any(p.item for p in tool.parameters):
        return []
    if any(sort != sorts[at % width] for at, sort in enumerate(sorts)):
        return []
    return [tuple(own[i : i + width]) for i in range(0, len(own), width)]


def place(work: Work, values: Sequence[Value], *, only_required: bool = False) -> None:
    """Give each value to the parameter it fits best, surest pairs first; joined values make several calls."""
    free = [v for v in values if v not in work.taken]
    spared = _quantity_meant(work, free)
    pairs = [
        (affinity(shape.item or shape, value, work.supply.rivals), shape, value)
        for shape in (work.wanted if only_required else work.open)
        for value in free
        if not (shape.id_like and value is spared)
    ]
    pairs.sort(key=lambda p: (-p[0], not p[1].required, p[2].start))
    for score, shape, value in pairs:
        used = shape.name in work.chosen or value in work.taken
        if used or score <= (NO if shape.required else WEAK) or (score < SURE and _surer(shape, pairs, work)):
            continue
        _assign(work, shape, value, free, score)


def _quantity_meant(work: Work, values: Sequence[Value]) -> Value | None:
    """Find the one bare number that is a quantity: its thing is named nearby, or it is small, as in "refund 5"."""
    numbers = [v for v in values if v.kind in ("integer", "number")]
    required = work.tool.required
    wanted = [p for p in required if p.id_like and p.numeric]
    if len(numbers) != 1 or not wanted or not any(p.numeric and not p.id_like for p in required):
        return None
    if wanted[0].noun and numbers[0].label == wanted[0].noun:
        return None
    near = any(affinity(wanted[0], v, work.supply.rivals) >= FAIR for group in work.supply.nearby for v in group)
    short = abs(numbers[0].value) < SHORTEST_ID and not is_named(numbers[0])
    return numbers[0] if near or short else None


def _surer(shape: Shape, pairs: Sequence[Pair], work: Work) -> bool:
    """Tell whether a value that surely belongs to the parameter is still to come."""
    return any(s is shape and v not in work.taken and score >= SURE for score, s, v in pairs)


def _assign(work: Work, shape: Shape, value: Value, free: Sequence[Value], score: float) -> None:
    target, rivals = shape.item or shape, work.supply.rivals
    listed = free if shape.item else _chain(value, free)
    fellows = [v for v in listed if v not in work.taken and affinity(target, v, rivals) >= score]
    if shape.item is None and not shape.id_like and _another_waits(work, shape):
        fellows = [value]
    given = list(dict.fromkeys(converted(target, v) for v in fellows))
    if shape.item:
        work.chosen[shape.name] = [given]
    elif len(given) > 1 and any(v.joined == "or" for v in fellows[1:]):
        work.unclear.append((shape, tuple(given)))
    else:
        work.chosen[shape.name] = given
    work.taken += fellows


def _another_waits(work: Work, shape: Shape) -> bool:
    """Tell whether another required parameter of the same sort still waits, as for "add 3 and 4"."""
    return any(p is not shape and p.types == shape.types and not p.id_like for p in work.wanted)


def _chain(value: Value, values: Sequence[Value]) -> list[Value]:
    """The values that are listed together with this one."""
    first = last = list(values).index(value)
    while first > 0 and values[first].joined:
        first -= 1
    while last + 1 < len(values) and values[last + 1].joined:
        last += 1
    return list(values[first : last + 1])


def pair_up(work: Work, values: Sequence[Value]) -> None:
    """Give each of several calls its own value: "the bedroom to 21 and the kitchen to 19"."""
    count = max((len(v) for v in work.chosen.values()), default=1)
    single = [p for p in work.tool.parameters if len(work.chosen.get(p.name, ())) == 1 < count]
    for shape in single:
        given = work.chosen[shape.name][0]
        first = next((v for v in work.taken if not shape.item and converted(shape, v) == given), None)
        if first is None or shape.choices:
            continue
        sorts = (first.kind, "integer", "number")
        alike = [v for v in values if v is first or (v.kind in sorts and v not in work.taken)]
        if len(alike) == count:
            work.chosen[shape.name] = [converted(shape, v) for v in alike]
            work.taken += [v for v in alike if v is not first]


def join_moments(work: Work) -> None:
    """Join a day and an hour where one parameter wants both; one of them alone is not enough for it."""
    shapes = [p for p in work.tool.parameters if p.textual and not p.item]
    apart = any(p.is_class("time") and p.name not in work.chosen for p in shapes)
    for shape in shapes:
        given = next((v for v in work.taken if _is_half(v) and work.chosen.get(shape.name) == [v.value]), None)
        if given is None or shape.format not in ("", "date-time") or (not shape.format and apart):
            continue
        other = _other_half(given, work)
        if other is not None:
            day, time = (given, other) if given.kind == "date" else (other, given)
            hour = time.value if time.kind == "time" else f"{time.value:02d}:00"
            work.chosen[shape.name] = [moment(day.value, hour)]
            work.taken.append(other)
        elif shape.format:
            del work.chosen[shape.name]


def _is_half(value: Value) -> bool:
    return value.kind in ("date", "time")


def _other_half(given: Value, work: Work) -> Value | None:
    for value in (*work.supply.own, *work.supply.loose):
        at_nine = (
            given.kind == "date" and value.kind == "integer" and value.lead == "at" and 0 <= value.value <= LAST_HOUR
        )
        if value not in work.taken and (at_nine or (_is_half(value) and value.kind != given.kind)):
            return value
    return None


def refer(work: Work) -> None:
    """Take identifiers from what was talked about, named ones first; several at once are taken only for a plural."""
    groups = work.supply.referents
    for least in (LIKELY, FAIR):
        for group in groups:
            _refer(work, group, least)


def _refer(work: Work, group: Sequence[Value], least: float) -> None:
    many = bool({t.low for t in work.supply.clause.words} & _MANY)
    for shape in [p for p in work.wanted if p.id_like or p.is_class("path")]:
        fitting = [(affinity(shape, v, work.supply.rivals), v) for v in group]
        best = max((score for score, _ in fitting), default=NO)
        found = list(dict.fromkeys(converted(shape, v) for score, v in fitting if score == best and score >= least))
        if len(found) > 1 and not many:
            work.unclear.append((shape, tuple(found)))
        elif found:
            work.chosen[shape.name] = found
