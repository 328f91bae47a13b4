"""Filling a tool's parameters from what the user said, by type and name."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from interlock.runtime.models.embedded import lexicon
from interlock.runtime.models.embedded.catalogue import Shape, Tool, name_words
from interlock.runtime.models.embedded.clauses import Clause
from interlock.runtime.models.embedded.matching import FAIR, FROM, NO, SURE, TO, WEAK, affinity, converted
from interlock.runtime.models.embedded.phrases import free_text, object_phrase, whole_question
from interlock.runtime.models.embedded.senses import synonyms
from interlock.runtime.models.embedded.text import Token, stem, tokens
from interlock.runtime.models.embedded.values import Value, moment

LAST_HOUR = 24
MOST_CALLS = 20
"""More calls than this are never made of one clause."""


@dataclass(frozen=True, kw_only=True)
class Supply:
    """Where values may come from, nearest first."""

    clause: Clause
    own: tuple[Value, ...] = ()
    """Values in the clause."""
    loose: tuple[Value, ...] = ()
    """Values in sentences of the same request that ask for nothing themselves."""
    referents: tuple[tuple[Value, ...], ...] = ()
    """Values of other clauses and of earlier messages, one group each: what "it" may mean."""
    nearby: tuple[tuple[Value, ...], ...] = ()
    """The part of `referents` that the clause plainly points at: its conditions, or what "it" stands for."""
    loose_words: tuple[Token, ...] = ()
    reply: str = ""
    """What the user answered to a question of ours."""
    memory: str = ""
    original: str = ""
    before: str = ""
    """The statement that stands just before the clause."""
    rivals: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Filled:
    """Arguments for one or more calls of a tool, and what they lack."""

    calls: tuple[dict[str, Any], ...] = ({},)
    missing: tuple[Shape, ...] = ()
    unclear: tuple[tuple[Shape, tuple[Any, ...]], ...] = ()
    """Parameters for which several values were offered, with the values."""
    guessed: bool = False
    recalled: frozenset[str] = frozenset()
    """Parameters that come from memory."""


@dataclass(kw_only=True)
class _Work:
    tool: Tool
    supply: Supply
    chosen: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    taken: list[Value] = field(default_factory=list[Value])
    unclear: list[tuple[Shape, tuple[Any, ...]]] = field(default_factory=list[tuple[Shape, tuple[Any, ...]]])
    guessed: bool = False
    recalled: set[str] = field(default_factory=set[str])

    @property
    def open(self) -> list[Shape]:
        return [
            p
            for p in self.tool.parameters
            if p.name not in self.chosen and p.name not in {s.name for s, _ in self.unclear}
        ]


def fill(tool: Tool, supply: Supply) -> Filled:
    """Fill what can be filled; nothing is invented.

    Returns:
        One set of arguments for each call that the clause asks for: "orders 4 and 5" asks for two.
    """
    if rows := _rows(tool, supply):
        parts = [fill(tool, replace(supply, own=row)) for row in rows]
        if not any(p.missing or p.unclear for p in parts):
            return replace(parts[0], calls=tuple(call for p in parts for call in p.calls))
    work = _Work(tool=tool, supply=supply)
    _choices(work, supply.clause.words, supply.clause)
    _typed(work, supply.own)
    _paired(work, supply.own)
    _moments(work)
    _texts(work)
    _typed(work, supply.loose, only_required=True)
    _choices(work, supply.loose_words, None)
    _every(work)
    _cleared(work)
    for group in supply.referents:
        _refer(work, group)
    _from_memory(work)
    _replied(work)
    _derived(work)
    missing = tuple(p for p in work.open if p.required)
    return Filled(
        calls=_combinations(work),
        missing=missing,
        unclear=tuple(work.unclear),
        guessed=work.guessed,
        recalled=frozenset(work.recalled),
    )


def _rows(tool: Tool, supply: Supply) -> list[tuple[Value, ...]]:
    """Cut values that repeat in one pattern, as in "5 on order 1 and 10 on order 2"; empty where they do not."""
    own = [v for v in supply.own if v.kind != "quoted"]
    sorts = ["id" if v.label in supply.rivals else _SORTS.get(v.kind, v.kind) for v in own]
    width = len(set(sorts))
    if width < 2 or len(own) < 2 * width or len(own) % width or any(p.item for p in tool.parameters):  # noqa: PLR2004
        return []
    if any(sorts[i] != sorts[i % width] for i in range(len(sorts))):
        return []
    return [tuple(own[i : i + width]) for i in range(0, len(own), width)]


_SORTS = {"integer": "number", "money": "number"}


def _choices(work: _Work, words: Sequence[Token], clause: Clause | None) -> None:
    for shape in [p for p in work.open if clause is not None or p.required]:
        target = shape.item if shape.item and shape.item.choices else shape
        if "boolean" in shape.types and clause is not None:
            if (flag := _flag(shape, clause)) is not None:
                work.chosen[shape.name] = [flag]
        elif target.choices:
            found = _chosen(target, words, work.tool, needed=shape.required)
            found = [c for c in found if _agrees(shape, c, words, found)]
            if target is not shape:
                work.chosen.update({shape.name: [found]} if found else {})
            elif len(found) == 1 or (found and _listed(words, "and") and not _listed(words, "or")):
                work.chosen[shape.name] = found
            elif found:
                work.unclear.append((shape, tuple(found)))


def _agrees(shape: Shape, choice: Any, words: Sequence[Token], found: Sequence[Any]) -> bool:
    """Keep to "from" and "to" where two parameters offer the same choices."""
    names = set(name_words(shape.name))
    wanted = FROM if names & FROM else TO if names & TO else None
    if wanted is None:
        return True
    at = _place(str(choice), words)
    lead = next(
        (t.low for t in reversed([t for t in words if t.start < at][-3:]) if t.low in ("from", "to", "into", "onto")),
        "",
    )
    if lead:
        return (lead == "from") == (wanted is FROM)
    return len(found) == 1 and wanted is TO


def _listed(words: Sequence[Token], joint: str) -> bool:
    return any(w.low == joint for w in words)


def _every(work: _Work) -> None:
    """Take all choices for "all lights" or "both cards"; of things that have to be named one by one, none."""
    words = [t for t in work.supply.clause.words]
    said = {t.low for t in words}
    for shape in [p for p in work.open if p.required and p.choices]:
        offered = [c for c in shape.choices if c is not None]
        if said & {"all", "every", "each", "everywhere"} or ("both" in said and len(offered) == 2):  # noqa: PLR2004
            work.chosen[shape.name] = offered
    if work.tool.read_only:
        return
    for shape in [p for p in work.tool.required if p.id_like or p.is_class("path")]:
        if len(work.chosen.get(shape.name, ())) == 1 and _all_of_them(words, {*work.tool.nouns, shape.noun}):
            del work.chosen[shape.name]


def _all_of_them(words: Sequence[Token], nouns: set[str]) -> bool:
    """Tell whether the words speak of all things of a kind, as in "all my files"."""
    for at, word in enumerate(words):
        if word.low in ("all", "every") and any(
            t.stem in nouns and (word.low == "every" or t.low.endswith("s")) for t in words[at + 1 : at + 4]
        ):
            return True
    return False


def _flag(shape: Shape, clause: Clause) -> bool | None:
    said = {t.stem for t in clause.words} | {t.low for t in clause.words}
    for one, other in lexicon.OPPOSITES:
        if set(shape.name.lower().split("_")) & one:
            return True if said & one else False if said & other else None
    named = [t for t in clause.words if t.stem in shape.words and t.stem not in ("is", "be", "has")]
    if not named:
        return None
    before = [t for t in clause.words if t.end <= named[0].start][-3:]
    return not any(t.low in lexicon.NEGATIONS for t in before)


def _chosen(shape: Shape, words: Sequence[Token], tool: Tool, *, needed: bool) -> list[Any]:
    """Choices that the words name; the best kind of match wins over weaker ones."""
    scores = {
        i: _choice_score(str(c), words, tool, needed=needed) for i, c in enumerate(shape.choices) if c is not None
    }
    best = max(scores.values(), default=0.0)
    order = {i: _place(str(shape.choices[i]), words) for i in scores}
    return [shape.choices[i] for i in sorted(scores, key=lambda i: order[i]) if best and scores[i] == best]


def _choice_score(choice: str, words: Sequence[Token], tool: Tool, *, needed: bool) -> float:
    parts = name_words(choice)
    said, exact = {t.stem for t in words}, {t.low for t in words}
    if not parts or (not needed and {stem(p) for p in parts} <= tool.verbs):
        return 0.0
    if all(p in exact for p in parts):
        return 3.0 + 0.1 * len(parts)
    if all(stem(p) in said for p in parts):
        return 2.5 + 0.1 * len(parts)
    if needed and all(stem(p) in said or synonyms(stem(p)) & said for p in parts):
        return 1.5
    return 0.0


def _place(choice: str, words: Sequence[Token]) -> int:
    parts = {stem(p) for p in name_words(choice)}
    return next((t.start for t in words if t.stem in parts or t.low in parts), 1 << 30)


def _typed(work: _Work, values: Sequence[Value], *, only_required: bool = False) -> None:
    """Give each value to the parameter it fits best, surest pairs first; joined values make several calls."""
    shapes = [p for p in work.open if not only_required or p.required]
    free = [v for v in values if v not in work.taken]
    pairs = [
        (affinity(shape.item or shape, value, work.supply.rivals), shape, value) for shape in shapes for value in free
    ]
    if (spared := _quantity_meant(work, free)) is not None:
        pairs = [(score, s, v) for score, s, v in pairs if not (s.id_like and v is spared)]
    pairs.sort(key=lambda p: (-p[0], not p[1].required, p[2].start))
    for score, shape, value in pairs:
        if score <= (NO if shape.required else WEAK) or shape.name in work.chosen or value in work.taken:
            continue
        if score < SURE and _waits_for_surer(shape, pairs, work):
            continue
        _assign(work, shape, value, free, score)


def _quantity_meant(work: _Work, values: Sequence[Value]) -> Value | None:
    """Find the one bare number that is a quantity, since the thing itself is named nearby: "if order 7 came, refund 5"."""
    numbers = [v for v in values if v.kind in ("integer", "number")]
    required = work.tool.required
    wanted = [p for p in required if p.id_like and p.numeric]
    if len(numbers) != 1 or not wanted or not any(p.numeric and not p.id_like for p in required):
        return None
    named = numbers[0].label in (wanted[0].noun, "") and numbers[0].label == wanted[0].noun
    near = any(affinity(wanted[0], v, work.supply.rivals) >= FAIR for group in work.supply.nearby for v in group)
    return numbers[0] if near and not named else None


def _waits_for_surer(shape: Shape, pairs: Iterable[tuple[float, Shape, Value]], work: _Work) -> bool:
    return any(s.name == shape.name and v not in work.taken and score >= SURE for score, s, v in pairs)


def _assign(work: _Work, shape: Shape, value: Value, free: Sequence[Value], score: float) -> None:
    fellows = [v for v in _chain(value, free) if v not in work.taken]
    fellows = [v for v in fellows if affinity(shape.item or shape, v, work.supply.rivals) >= min(score, SURE) - 1e-9]
    if shape.item is not None:
        alike = [v for v in free if v not in work.taken and affinity(shape.item, v, work.supply.rivals) >= score]
        work.chosen[shape.name] = [[converted(shape.item, v) for v in alike]]
        work.taken += alike
        return
    others = _open_numbers(work, shape)
    if len(fellows) > 1 and others and not shape.id_like:
        fellows = [value]
    given = list(dict.fromkeys(converted(shape, v) for v in fellows))
    if len(given) > 1 and any(v.joined == "or" for v in fellows[1:]):
        work.unclear.append((shape, tuple(given)))
    else:
        work.chosen[shape.name] = given
    work.taken += fellows


def _open_numbers(work: _Work, shape: Shape) -> bool:
    """Tell whether another required parameter of the same sort still waits, as for "add 3 and 4"."""
    return any(p.required and p.name != shape.name and p.types == shape.types and not p.id_like for p in work.open)


def _chain(value: Value, values: Sequence[Value]) -> list[Value]:
    """The values that are listed together with this one."""
    at = list(values).index(value)
    first = at
    while first > 0 and values[first].joined:
        first -= 1
    last = at + 1
    while last < len(values) and values[last].joined:
        last += 1
    return list(values[first:last])


def _moments(work: _Work) -> None:
    """Join a day and an hour where one parameter wants both; one of them alone is not enough for it."""
    shapes = [p for p in work.tool.parameters if p.textual and not p.item]
    others = any(p.is_class("time") and p.name not in work.chosen for p in shapes)
    for shape in shapes:
        given = next(
            (v for v in work.taken if [v.value] == work.chosen.get(shape.name) and v.kind in ("date", "time")), None
        )
        if given is None or not (shape.format == "date-time" or (not shape.format and not others)):
            continue
        partner = _partner(given, work)
        if partner is not None:
            day, time = (given, partner) if given.kind == "date" else (partner, given)
            hour = time.value if time.kind == "time" else f"{time.value:02d}:00"
            work.chosen[shape.name] = [moment(day.value, hour)]
            work.taken.append(partner)
        elif shape.format == "date-time":
            del work.chosen[shape.name]


def _partner(given: Value, work: _Work) -> Value | None:
    wanted = {"date", "time"} - {given.kind}
    for value in (*work.supply.own, *work.supply.loose):
        hour = given.kind == "date" and value.kind == "integer" and value.lead == "at" and 0 <= value.value <= LAST_HOUR
        if value not in work.taken and (value.kind in wanted or hour):
            return value
    return None


def _paired(work: _Work, values: Sequence[Value]) -> None:
    """Give each of several calls its own value: "the bedroom to 21 and the kitchen to 19"."""
    count = max((len(v) for v in work.chosen.values()), default=1)
    for shape in work.tool.parameters:
        given = work.chosen.get(shape.name)
        if count == 1 or given is None or len(given) != 1 or shape.item or shape.choices:
            continue
        first = next((v for v in work.taken if converted(shape, v) == given[0]), None)
        alike = [
            v
            for v in values
            if first and v.kind in (first.kind, "integer", "number") and (v is first or v not in work.taken)
        ]
        if first and len(alike) == count:
            work.chosen[shape.name] = [converted(shape, v) for v in alike]
            work.taken += [v for v in alike if v is not first]


def _texts(work: _Work) -> None:
    supply = work.supply
    for shape in work.open:
        if not shape.textual or shape.choices or shape.format or (shape.id_like and not shape.is_class("title")):
            continue
        if shape is work.tool.question:
            text = whole_question(supply.clause, supply.original, supply.before)
        elif shape.numeric or set(shape.words) & {"email", "mail", "phone", "dat", "url"}:
            text = ""
        else:
            text = free_text(shape, work.tool, supply.clause, work.taken, needed=shape.required)
        if text:
            work.chosen[shape.name] = [text]
    rest = [p for p in work.open if p.required]
    alone = sum(takes_anything(p, also=("subject",)) for p in work.tool.required) == 1
    if (
        len(rest) == 1
        and alone
        and takes_anything(rest[0])
        and (text := object_phrase(work.tool, supply.clause, work.taken))
    ):
        work.chosen[rest[0].name] = [text]
        work.guessed = True


def takes_anything(shape: Shape, *, also: tuple[str, ...] = ()) -> bool:
    plain = shape.textual and not (shape.numeric or shape.choices or shape.format or shape.id_like)
    special = {
        "email",
        "mail",
        "phone",
        "dat",
        "url",
        "address",
        "street",
        "subject",
        "path",
        "fil",
        "folder",
        "directory",
    } - set(also)
    return plain and not set(shape.words) & special


def _refer(work: _Work, group: Sequence[Value]) -> None:
    """Take identifiers from what was talked about; several at once are taken only for a plural."""
    words = {t.low for t in work.supply.clause.words}
    many = bool(words & {"them", "they", "both", "all", "these", "those", "each"})
    for shape in [p for p in work.open if p.required and (p.id_like or p.is_class("path"))]:
        fitting = [(affinity(shape, v, work.supply.rivals), v) for v in group]
        best = max((score for score, _ in fitting), default=NO)
        found = list(dict.fromkeys(converted(shape, v) for score, v in fitting if score == best and score > WEAK))
        if len(found) > 1 and not many:
            work.unclear.append((shape, tuple(found)))
        elif found:
            work.chosen[shape.name] = found


_PLACES = {"first": 0, "former": 0, "second": 1, "latter": -1, "last": -1, "third": 2}


def _cleared(work: _Work) -> None:
    """Settle what was unclear by what the user answered."""
    said = [t.low for t in work.supply.loose_words]
    for shape, options in list(work.unclear):
        picked = [o for o in options if any(converted(shape, v) == o for v in work.supply.loose)]
        picked = picked or [options[at] for word in said if (at := _PLACES.get(word, 9)) < len(options)]
        if "both" in said or "all" in said:
            picked = list(options)
        if picked:
            work.unclear.remove((shape, options))
            work.chosen[shape.name] = picked


def _replied(work: _Work) -> None:
    """Take the whole answer for the one text that was asked for."""
    rest = [p for p in work.open if p.required]
    content = [p for p in rest if p.is_class("content") and not p.is_class("title")]
    rest = content if len(content) == 1 and all(p.is_class("title") for p in rest if p not in content) else rest
    if len(rest) == 1 and work.supply.reply.strip() and takes_anything(rest[0], also=("address", "street", "subject")):
        work.chosen[rest[0].name] = [work.supply.reply.strip()]


def _from_memory(work: _Work) -> None:
    """Choose among a parameter's choices by what the user prefers; the only use of memory for arguments."""
    for line in work.supply.memory.splitlines():
        words = tokens(line)
        if any(t.low in lexicon.NEGATIONS for t in words):
            continue
        for shape in [p for p in work.open if p.choices]:
            found = _chosen(shape, words, work.tool, needed=True)
            if len(found) == 1:
                work.chosen[shape.name] = found
                work.recalled.add(shape.name)


def _derived(work: _Work) -> None:
    """Name a message by its own first words, where a title is needed and none was given."""
    content = next(
        (work.chosen[p.name][0] for p in work.tool.parameters if p.is_class("content") and p.name in work.chosen), ""
    )
    for shape in work.open:
        if shape.required and shape.textual and shape.is_class("title") and isinstance(content, str) and content:
            head = " ".join(content.split()[:8]).rstrip(".,;:")
            work.chosen[shape.name] = [head[:1].upper() + head[1:]]
            work.guessed = True


def _combinations(work: _Work) -> tuple[dict[str, Any], ...]:
    """Turn lists of values into calls: lists of one length go hand in hand, single values go with each."""
    work.chosen = {p.name: work.chosen[p.name] for p in work.tool.parameters if p.name in work.chosen}
    lengths = {len(v) for v in work.chosen.values()} - {1}
    if len(lengths) <= 1:
        count = max(lengths, default=1)
        return tuple(
            {n: v[i if len(v) > 1 else 0] for n, v in work.chosen.items()} for i in range(min(count, MOST_CALLS))
        )
    names = list(work.chosen)
    product = itertools.islice(itertools.product(*work.chosen.values()), MOST_CALLS)
    return tuple(dict(zip(names, values, strict=True)) for values in product)
