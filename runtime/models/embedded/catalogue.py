"""Tool schemas, read once: parameters, result fields, and the words by which a tool is known."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, cast

from interlock.runtime.models.embedded.lexicon import CLASSES, READING, VERBS, word_set
from interlock.runtime.models.embedded.text import stem, stems

Json = dict[str, Any]
_DEPTH = 4


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One place in a schema: a parameter, or a field of a result."""

    name: str
    path: str = ""
    """Dotted path from the root of the result; parts of list items are left out."""
    types: frozenset[str] = frozenset()
    format: str = ""
    choices: tuple[Any, ...] = ()
    nullable: bool = False
    required: bool = False
    description: str = ""
    item: "Shape | None" = None
    """Of what an array is made."""
    parts: tuple["Shape", ...] = ()
    """Fields of an object."""
    in_list: bool = False

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Stems of the name's words."""
        return tuple(stem(word) for word in name_words(self.name))

    @cached_property
    def known_by(self) -> frozenset[str]:
        """Stems of the name's and the description's words."""
        return frozenset((*self.words, *stems(self.description)))

    @property
    def id_like(self) -> bool:
        """Whether it names a thing rather than describes one."""
        return bool({"id", "number", "no", "ref", "key", "code", "uuid"} & set(name_words(self.name)))

    @property
    def noun(self) -> str:
        """Stem of what an id-like parameter names: `order` for order_id."""
        rest = [w for w in self.words if w not in ("id", "number", "no", "ref", "key", "cod", "uuid")]
        return rest[-1] if rest else ""

    def is_class(self, name: str) -> bool:
        """Tell whether the name is one that this class of values goes by."""
        return bool(CLASSES[name] & set(name_words(self.name)))

    @property
    def numeric(self) -> bool:
        return bool(self.types & {"integer", "number"})

    @property
    def textual(self) -> bool:
        return "string" in self.types


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool as the embedded model knows it."""

    name: str
    description: str = ""
    parameters: tuple[Shape, ...] = ()
    result: Shape = field(default_factory=lambda: Shape(name=""))
    read_only: bool = False
    schema: Json = field(default_factory=dict[str, Any])

    @cached_property
    def words(self) -> tuple[str, ...]:
        return name_words(self.name)

    @cached_property
    def verbs(self) -> frozenset[str]:
        """Stems of the verbs for what it does: the name's first word and the description's, where these are verbs."""
        first = next(iter(re.findall(r"[A-Za-z]+", self.description.lower())), "")
        heads = [w for w in (*self.words[:1], first, first.removesuffix("s")) if w in VERBS]
        # "Move a file, or rename it": what follows "or", "and" or a colon is another name for the deed.
        joined = re.findall(r"(?:\b(?:or|and)\s+|:\s*)([a-z]+)\b(?! *[,.:]| and\b| or\b)", self.summary.lower())
        heads += [w for w in joined if w in VERBS and w not in _NOUNS_TOO]
        return frozenset(stem(w) for w in heads)

    @cached_property
    def verb(self) -> str:
        """The verb that says best what it does, as a word."""
        first = next(iter(re.findall(r"[A-Za-z]+", self.description.lower())), "")
        return next((w for w in (*self.words[:1], first, first.removesuffix("s")) if w in VERBS), "")

    @property
    def heads_its_description(self) -> bool:
        """Whether the name's first word also begins the description: then it is a verb, known or not."""
        return self.description.lower().startswith(self.words[0])

    @cached_property
    def nouns(self) -> tuple[str, ...]:
        """Stems of the name's other words."""
        rest = self.words[1:] if self.words and self.words[0] in VERBS else self.words
        return tuple(stem(w) for w in rest)

    @cached_property
    def fields(self) -> tuple[Shape, ...]:
        """Every field of the result, outer ones first; a plain result counts as one that bears the tool's name."""
        found = tuple(_flat(self.result))
        if found or self.result.item or not self.result.types or self.result.types == {"object"}:
            return found
        rest = self.words[1:] if self.words and self.words[0] in VERBS else self.words
        return (replace(self.result, name="_".join(rest), path=""),)

    @cached_property
    def terms(self) -> dict[str, float]:
        """Stems the tool is known by, with the weight of the heaviest place where each stands."""
        head, _, rest = self.description.partition(". ")
        places = [(self.words, 3.0), (stems(head), 2.0), (stems(rest), 1.5)]
        told = 2.0 if self.read_only else 0.5
        for shape, weight in (*((p, 1.2) for p in self.parameters), *((f, told) for f in self.fields)):
            chosen = [w for c in shape.choices for w in name_words(str(c))]
            places += [(shape.words, weight), (chosen, 0.8 * weight), (stems(shape.description), 0.5 * weight)]
        found: dict[str, float] = {}
        for words, weight in places:
            for word in words:
                found[stem(word)] = max(found.get(stem(word), 0.0), weight)
        return found

    @property
    def required(self) -> tuple[Shape, ...]:
        return tuple(p for p in self.parameters if p.required)

    @cached_property
    def question(self) -> "Shape | None":
        """The parameter that takes a whole question, where the tool looks things up in text."""
        open_ended = [p for p in self.required if p.textual and not p.choices and p.is_class("query")]
        return open_ended[0] if self.read_only and len(self.required) == 1 == len(open_ended) else None

    @property
    def summary(self) -> str:
        """Say what it does in a few words."""
        head = re.split(r"(?<=[.!?])\s|\n", self.description.strip(), maxsplit=1)[0].rstrip(".")
        return head or " ".join(self.words)


_NOUNS_TOO = word_set(
    "order book mail message email text call light note file time start end report record track check show look view list"
)


@lru_cache(maxsize=4096)
def name_words(name: str) -> tuple[str, ...]:
    """Split an identifier into lower-case words."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", " ", name)
    return tuple(spaced.lower().replace("e mail", "email").split())


def read_tool(entry: Mapping[str, Any]) -> Tool:
    """Read an OpenAI function dict, or an entry of a planner's catalogue."""
    function = cast(Json, entry.get("function", entry))
    schema = cast(Json, function.get("parameters") or {})
    name = str(function.get("name", ""))
    hint = function.get("read_only")
    description = str(function.get("description") or "").strip()
    tool = Tool(
        name=name,
        description=description,
        parameters=_parts(schema, _definitions(schema), 0),
        result=read_shape("", cast(Json, function.get("returns") or {})),
        schema=schema,
    )
    read_only = bool(hint) if hint is not None else _harmless(tool)
    return Tool(**{**vars_of(tool), "read_only": read_only})


def vars_of(tool: Tool) -> Json:
    return {name: getattr(tool, name) for name in ("name", "description", "parameters", "result", "schema")}


def _harmless(tool: Tool) -> bool:
    # Without a hint only a name that plainly reads counts; a doubtful tool is treated as one that acts.
    head = tool.words[0] if tool.words else ""
    return (head in READING if head in VERBS else tool.verb in READING) or not tool.verb


def read_shape(name: str, schema: Json) -> Shape:
    """Read one JSON schema, following local references."""
    return _shape(name, "", schema, _definitions(schema), required=True, depth=0)


def _definitions(schema: Json) -> Json:
    return cast(Json, schema.get("$defs") or schema.get("definitions") or {})


def _shape(
    name: str, path: str, schema: Json, known: Json, *, required: bool, depth: int, in_list: bool = False
) -> Shape:
    versions = list(_versions(schema, known))
    types = frozenset(t for v in versions for t in _types(v))
    merged = {k: v for version in reversed(versions) for k, v in version.items()}
    inner = merged.get("items")
    item = None
    if isinstance(inner, dict) and depth < _DEPTH:
        item = _shape(name, path, cast(Json, inner), known, required=True, depth=depth + 1, in_list=True)
    return Shape(
        name=name,
        path=path,
        types=types - {"null"},
        format=str(merged.get("format") or ""),
        choices=tuple(c for v in versions for c in _choices(v)),
        nullable="null" in types,
        required=required,
        description=str(schema.get("description") or merged.get("description") or ""),
        item=item,
        parts=() if depth >= _DEPTH else _parts(merged, known, depth, path=path, in_list=in_list),
        in_list=in_list,
    )


def _parts(schema: Json, known: Json, depth: int, *, path: str = "", in_list: bool = False) -> tuple[Shape, ...]:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return ()
    needed = set(cast(list[str], schema.get("required") or []))
    return tuple(
        _shape(
            name,
            f"{path}.{name}" if path else name,
            cast(Json, part) if isinstance(part, dict) else {},
            known,
            required=name in needed and not (isinstance(part, dict) and "default" in part),
            depth=depth + 1,
            in_list=in_list,
        )
        for name, part in cast(Json, properties).items()
    )


def _versions(schema: Json, known: Json, depth: int = 0) -> Iterator[Json]:
    ref = schema.get("$ref")
    if isinstance(ref, str) and depth < _DEPTH:
        yield from _versions(cast(Json, known.get(ref.rpartition("/")[2]) or {}), known, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        for version in cast(list[Any], schema.get(key) or []):
            if isinstance(version, dict) and depth < _DEPTH:
                yield from _versions(cast(Json, version), known, depth + 1)
    yield schema


def _types(schema: Json) -> Iterator[str]:
    kind = schema.get("type")
    yield from [kind] if isinstance(kind, str) else cast(list[str], kind or [])
    if "properties" in schema and kind is None:
        yield "object"
    if kind is None:
        yield from {_JSON_NAMES.get(type(c), "string") for c in _choices(schema)}


_JSON_NAMES: dict[type, str] = {int: "integer", float: "number", bool: "boolean", type(None): "null"}


def _choices(schema: Json) -> tuple[Any, ...]:
    if "const" in schema:
        return (schema["const"],)
    return tuple(cast(list[Any], schema.get("enum") or ()))


def _flat(shape: Shape) -> Iterator[Shape]:
    for part in shape.parts or (shape.item.parts if shape.item else ()):
        yield part
        yield from _flat(part)


class Catalogue:
    """All tools that one request may use."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.tools = tuple(tools)
        self.by_name = {tool.name: tool for tool in tools}

    @cached_property
    def frequency(self) -> dict[str, int]:
        """In how many tools each stem stands."""
        counts: dict[str, int] = {}
        for tool in self.tools:
            for word in tool.terms:
                counts[word] = counts.get(word, 0) + 1
        return counts

    @cached_property
    def rivals(self) -> frozenset[str]:
        """Stems of the nouns that parameters identify: a number labelled with one of them belongs to it."""
        return frozenset(p.noun for t in self.tools for p in t.parameters if p.id_like and p.noun)

    @cached_property
    def verbs(self) -> frozenset[str]:
        """Words that can head an order to one of these tools, beyond those of general English."""
        return frozenset(t.words[0] for t in self.tools if t.words and t.heads_its_description)


@lru_cache(maxsize=64)
def catalogue(text: str) -> Catalogue:
    """Read a JSON list of tools; the same text is read once.

    Raises:
        ValueError: it is no JSON list of objects.
    """
    entries = json.loads(text)
    if not isinstance(entries, list):
        raise ValueError("a catalogue is a JSON list of tools")
    return Catalogue([read_tool(cast(Json, e)) for e in cast(list[Any], entries) if isinstance(e, dict)])
