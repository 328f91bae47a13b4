"""JSON schemas as the embedded model sees them: what a parameter or a field is called, holds and may be."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, cast

from interlock.runtime.models.embedded.lexicon import CLASSES
from interlock.runtime.models.embedded.text import stem, stems

Json = dict[str, Any]
_DEPTH = 4
"""Levels of a schema that are looked at."""


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


@lru_cache(maxsize=4096)
def name_words(name: str) -> tuple[str, ...]:
    """Split an identifier into lower-case words."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", " ", name)
    return tuple(spaced.lower().replace("e mail", "email").split())


def read_shape(name: str, schema: Json) -> Shape:
    """Read one JSON schema, following local references."""
    known = cast(Json, schema.get("$defs") or schema.get("definitions") or {})
    return _Reader(known).shape(schema, Place(name=name))


def flat(shape: Shape) -> Iterator[Shape]:
    """Give every field inside a shape, outer ones first."""
    for part in shape.parts or (shape.item.parts if shape.item else ()):
        yield part
        yield from flat(part)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a schema a shape stands."""

    name: str
    path: str = ""
    required: bool = True
    in_list: bool = False
    depth: int = 0


@dataclass(frozen=True)
class _Reader:
    known: Json
    """Definitions by name."""

    def shape(self, schema: Json, place: Place) -> Shape:
        versions = list(self._versions(schema, 0))
        types = frozenset(t for v in versions for t in _types(v))
        merged = {k: v for version in reversed(versions) for k, v in version.items()}
        inner: Any = merged.get("items") if place.depth < _DEPTH else None
        listed = replace(place, required=True, in_list=True, depth=place.depth + 1)
        return Shape(
            name=place.name,
            path=place.path,
            types=types - {"null"},
            format=str(merged.get("format") or ""),
            choices=tuple(c for v in versions for c in _choices(v)),
            nullable="null" in types,
            required=place.required,
            description=str(schema.get("description") or merged.get("description") or ""),
            item=self.shape(cast(Json, inner), listed) if isinstance(inner, dict) else None,
            parts=self._parts(merged, place) if place.depth < _DEPTH else (),
            in_list=place.in_list,
        )

    def _parts(self, schema: Json, place: Place) -> tuple[Shape, ...]:
        needed = set(cast(list[str], schema.get("required") or []))
        parts = cast(Json, schema.get("properties") or {})
        return tuple(self._part(name, part, name in needed, place) for name, part in parts.items())

    def _part(self, name: str, part: Any, needed: bool, place: Place) -> Shape:
        schema = cast(Json, part) if isinstance(part, dict) else {}
        path = f"{place.path}.{name}" if place.path else name
        required = needed and "default" not in schema
        return self.shape(
            schema, Place(name=name, path=path, required=required, in_list=place.in_list, depth=place.depth + 1)
        )

    def _versions(self, schema: Json, depth: int) -> Iterator[Json]:
        """Give a schema with all that it refers to or offers as alternatives, itself last."""
        if depth < _DEPTH:
            ref = str(schema.get("$ref") or "").rpartition("/")[2]
            if ref in self.known:
                yield from self._versions(cast(Json, self.known[ref]), depth + 1)
            for key in ("anyOf", "oneOf", "allOf"):
                for version in cast(list[Any], schema.get(key) or []):
                    if isinstance(version, dict):
                        yield from self._versions(cast(Json, version), depth + 1)
        yield schema


def _types(schema: Json) -> Iterator[str]:
    kind = schema.get("type")
    if kind is not None:
        yield from [kind] if isinstance(kind, str) else cast(list[str], kind)
        return
    if "properties" in schema:
        yield "object"
    yield from sorted({_json_name(c) for c in _choices(schema)})


def _json_name(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "number" if isinstance(value, float) else "string"


def _choices(schema: Json) -> tuple[Any, ...]:
    return (schema["const"],) if "const" in schema else tuple(cast(list[Any], schema.get("enum") or ()))
