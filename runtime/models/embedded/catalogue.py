"""Tool schemas, read once: parameters, result fields, and the words by which a tool is known."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, cast

from interlock.runtime.models.embedded.lexicon import READING, VERBS, word_set
from interlock.runtime.models.embedded.schemas import Json, Shape, flat, name_words, read_shape
from interlock.runtime.models.embedded.text import stem, stems


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool as the embedded model knows it."""

    name: str
    description: str = ""
    parameters: tuple[Shape, ...] = ()
    result: Shape = field(default_factory=lambda: Shape(name=""))
    read_only: bool = False

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
        found = tuple(flat(self.result))
        if found or self.result.item or not self.result.types - {"object"}:
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
            chosen = tuple(w for c in shape.choices for w in name_words(str(c)))
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
    "order book mail message email text call light note file time start end report record track check show look view "
    "list"
)


def read_tool(entry: Mapping[str, Any]) -> Tool:
    """Read an OpenAI function dict, or an entry of a planner's catalogue."""
    function = cast(Json, entry.get("function", entry))
    schema = cast(Json, function.get("parameters") or {})
    tool = Tool(
        name=str(function.get("name", "")),
        description=str(function.get("description") or "").strip(),
        parameters=read_shape("", schema).parts,
        result=read_shape("", cast(Json, function.get("returns") or {})),
    )
    hint = function.get("read_only")
    return replace(tool, read_only=bool(hint) if hint is not None else _harmless(tool))


def _harmless(tool: Tool) -> bool:
    # Without a hint only a name that plainly reads counts; a doubtful tool is treated as one that acts.
    head = tool.words[0] if tool.words else ""
    return (head in READING if head in VERBS else tool.verb in READING) or not tool.verb


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
