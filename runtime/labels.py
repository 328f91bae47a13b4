"""Labels of single values: what of a result may be trusted, and who chose an argument.

A result is labelled field by field, as its tool's contract declares. What a model writes is derived from all that it
was shown, so a value in its calls is trusted only where it can be traced: to the user's own words, to a plan that was
made from trusted text, or to a registry of known recipients.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, cast

from interlock.runtime.contract import ToolContract
from interlock.runtime.records import Choice, Label, Origin

_WORST: tuple[Choice, ...] = ("said", "known", "named", "untrusted")
_SHORTEST_SECRET = 6
"""Characters from which on a private value counts as recognised inside another text."""
_POINTER = re.compile(
    r"(?:https?://|www\.)[^\s<>\"')\]]+|[\w.+%-]+@[\w-]+(?:\.[\w-]+)+|\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b"
)


@dataclass(frozen=True)
class Leaf:
    """One value inside a result, and where it stands: names without list positions."""

    path: str
    value: Any
    label: Label

    @property
    def trusted(self) -> bool:
        return self.label.integrity == "trusted"


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """List the single values inside JSON data, keys of objects that serve as data excepted."""
    if isinstance(value, Mapping):
        for name, part in cast(Mapping[str, Any], value).items():
            yield from leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for part in cast(list[Any], value):
            yield from leaves(part, path)
    else:
        yield path, value


def field_label(contract: ToolContract, path: str) -> Label:
    """Label one field of a tool's result."""
    trusted = _names(contract.attested, path) or not (_names(contract.untrusted, path) or _by_default(contract))
    private = _names(contract.private, path)
    return Label(
        integrity="trusted" if trusted else "untrusted",
        confidentiality="private" if private else "public",
        sources=() if trusted and not private else (f"{contract.name}.{path}" if path else contract.name,),
    )


def without_positions(path: str) -> str:
    """Give a dotted path as contracts write it: without the positions in lists."""
    return ".".join(part for part in path.split(".") if not part.isdigit())


def labelled(contract: ToolContract, value: Any) -> list[Leaf]:
    """Label every single value of a result."""
    labels: dict[str, Label] = {}
    found: list[Leaf] = []
    for path, part in leaves(value):
        if path not in labels:
            labels[path] = field_label(contract, path)
        found.append(Leaf(path, part, labels[path]))
    return found


def result_label(contract: ToolContract, value: Any, given: Label) -> Label:
    """Label a result as a whole: the worst of its fields, and of what its arguments were derived from."""
    if contract.plain:
        return given
    if not (contract.attested or contract.untrusted or contract.private):
        return given.join(untrusted_by(contract))
    paths = {path for path, part in leaves(value) if part not in (None, "")}
    return reduce(Label.join, (field_label(contract, path) for path in sorted(paths)), given)


def untrusted_by(contract: ToolContract) -> Label:
    """Label text of a tool that nobody vouches for, such as its error messages."""
    return Label(integrity="untrusted", sources=(contract.name,))


def trusted_view(contract: ToolContract, value: Any) -> Any:
    """Give a result as a planner may see it: untrusted text is replaced by its size."""
    return value if contract.plain else _hidden(contract, value, "")


def _hidden(contract: ToolContract, value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        parts = cast(Mapping[str, Any], value).items()
        return {name: _hidden(contract, part, f"{path}.{name}" if path else name) for name, part in parts}
    if isinstance(value, list):
        return [_hidden(contract, part, path) for part in cast(list[Any], value)]
    if value is None or field_label(contract, path).integrity == "trusted":
        return value
    return f"[untrusted: {len(str(value))} characters]"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a thread holds by which the values of a call can be traced."""

    said: str
    """All that the user said, in one text."""
    results: tuple[Leaf, ...] = ()

    def chosen(self, value: Any) -> Choice:
        """Tell who chose a value: the user; or nobody that can be trusted, though a system may vouch for it."""
        parts = [part for _path, part in leaves(value) if part not in (None, "")]
        return worst(self._chosen(part) for part in parts)

    def _chosen(self, part: Any) -> Choice:
        if isinstance(part, bool) or mentions(self.said, part):
            return "said"
        vouched = any(leaf.trusted and same(leaf.value, part) for leaf in self.results)
        return "known" if vouched else "untrusted"

    def origin(self, contract: ToolContract, arguments: Mapping[str, Any]) -> Origin:
        """Trace a call that no plan foresees."""
        choices: dict[str, Choice] = {
            name: self.chosen(arguments[name]) for name in contract.choosing & arguments.keys()
        }
        if not contract.read_only and not choices:
            choices[""] = "known"  # whether it happens at all was chosen by a model that had read untrusted text
        return Origin(choices=choices, carries=self.carries(arguments))

    def carries(self, arguments: Mapping[str, Any]) -> bool:
        """Tell whether private data stands in a call's arguments, other than what the user put there."""
        secrets = [str(leaf.value) for leaf in self.results if leaf.label.confidentiality == "private"]
        told = [str(part) for _path, part in leaves(dict(arguments))]
        return any(
            len(secret) >= _SHORTEST_SECRET and any(mentions(text, secret) for text in told)
            for secret in secrets
            if not mentions(self.said, secret)
        )


def pointers(text: str) -> set[str]:
    """Find what leads somewhere: links, mail addresses, account numbers."""
    return {found.rstrip(".,;:!?") for found in _POINTER.findall(text)}


def worst(choices: Iterable[Choice]) -> Choice:
    """Give the least trustworthy of some choices."""
    found = set(choices)
    for choice in reversed(_WORST):
        if choice in found:
            return choice
    return "said"


def mentions(text: str, value: Any) -> bool:
    """Tell whether a text names a value, as a whole and not as part of a longer word or number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return any(_number(found) == float(value) for found in re.findall(r"\d[\d.,]*", text))
    wanted = " ".join(str(value).split()).casefold()
    return (
        bool(wanted) and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", " ".join(text.split()).casefold()) is not None
    )


def same(one: Any, other: Any) -> bool:
    """Compare two values as people would: numbers by amount, text without regard to case and edges."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    first, second = _number(one), _number(other)
    if first is not None and second is not None:
        return first == second
    return str(one).strip().casefold() == str(other).strip().casefold()


def _number(value: Any) -> float | None:
    try:
        return float(str(value).rstrip(".,").replace(",", ""))
    except ValueError:
        return None


def _names(declared: tuple[str, ...], path: str) -> bool:
    return any(name in ("*", path) or path.startswith(f"{name}.") for name in declared)


def _by_default(contract: ToolContract) -> bool:
    """What an open-world tool gives is untrusted, unless its contract names the fields that are."""
    return contract.open_world and not contract.untrusted


Registry = Callable[..., Iterable[Any]]
"""Lists the known values of an argument; is given the tool's context."""
