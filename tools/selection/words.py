"""Rank tools by their words: BM25 over names, descriptions, arguments and their allowed values."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from interlock.runtime.contract import JsonSchema, ToolContract

K1: Final = 1.2
B: Final = 0.75
_WORD: Final = re.compile(r"[^\W_]+")
_HUMP: Final = re.compile(r"([a-z0-9])([A-Z])")
_ENDINGS: Final = ("ations", "ation", "ings", "ing", "ies", "ied", "es", "ed", "ers", "er", "ly", "s", "e")
_STEM: Final = 3
_EMPTY: Final = frozenset(
    re.findall(
        r"\w+",
        """a an the of to in for and or is are be on with by from at as this that it its i me my you your we our can
        could would please what which how when where who do does will want need like if then using use given so also
        into than per not no all any some has have had was were their them they he she his her about up out only each
        between within""",
    )
)


class Words:
    """An index of tools by word."""

    def __init__(self, contracts: Sequence[ToolContract]) -> None:
        documents = [stems(f"{spaced(each.name)} {document(each)}") for each in contracts]
        names = [set(stems(spaced(each.name))) for each in contracts]
        self._count = len(contracts)
        counts = Counter(stem for words in documents for stem in set(words))
        self._weight = {
            stem: math.log(1 + (self._count - count + 0.5) / (count + 0.5)) for stem, count in counts.items()
        }
        average = sum(map(len, documents)) / max(self._count, 1)
        self._documents: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        self._names: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        for tool, words in enumerate(documents):
            norm = K1 * (1 - B + B * len(words) / average) if average else 1.0
            for stem, count in Counter(words).items():
                self._documents[stem].append((tool, self._weight[stem] * count * (K1 + 1) / (count + norm)))
        for tool, own in enumerate(names):
            whole = sum(self._weight[stem] for stem in own) or 1.0
            for stem in own:
                self._names[stem].append((tool, self._weight[stem] / whole))

    def scores(self, text: str) -> list[float]:
        """Score each tool by BM25."""
        return self._sum(text, self._documents)

    def coverage(self, text: str) -> list[float]:
        """Tell how much of each tool's name, by weight, stands in the text: 0 to 1."""
        return self._sum(text, self._names)

    def _sum(self, text: str, postings: dict[str, list[tuple[int, float]]]) -> list[float]:
        found = [0.0] * self._count
        for stem in set(stems(text)):
            for tool, score in postings.get(stem, ()):
                found[tool] += score
        return found


def document(contract: ToolContract) -> str:
    """Give all that a contract says in words: its name, what it does, its arguments and their allowed values."""
    parts = [spaced(contract.name), contract.description]
    for name, schema in arguments_of(contract.arguments):
        parts += [spaced(name), str(schema.get("description", "")), " ".join(map(str, schema.get("enum", ())))]
    return " ".join(part for part in parts if part)


def spaced(name: str) -> str:
    """Write a name as words: `getUser_name` is `get user name`."""
    return _HUMP.sub(r"\1 \2", name).replace("_", " ").replace(".", " ").replace("-", " ").lower()


def words_in(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def stems(text: str) -> list[str]:
    return [_stem(word) for word in words_in(text) if word not in _EMPTY]


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM:
            return word[: -len(ending)]
    return word


def arguments_of(schema: JsonSchema) -> Iterator[tuple[str, JsonSchema]]:
    """List arguments, with those inside of objects and lists. A recursive schema is followed once."""
    properties: dict[str, Any] = schema.get("properties", {})
    for name, part in properties.items():
        yield name, part
        yield from arguments_of(part)
    for part in (schema.get("items"), *schema.get("anyOf", ())):
        if isinstance(part, dict):
            inner = cast(JsonSchema, part)
            if "enum" in inner:
                yield "", inner
            yield from arguments_of(inner)
