"""Rule policies out before Cedar is asked: those whose conditions are plainly false on the request at hand.

Cedar evaluates every policy of a set, at two or three microseconds each. What can be told of a condition here is only
ever used to leave a policy out; which of the others applies is Cedar's to say. A term that is not understood, or whose
attribute is absent, is unknown, and rules nothing out.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final, cast

Facts = Mapping[str, Any]
"""A request's context: plain values by their path, decimals as such, and `RECORD` where a record is."""
Term = Callable[[Facts], Any]
"""Gives the value of a part of a condition, `UNKNOWN` where it cannot be told."""
Policy = Mapping[str, Any]
"""One policy in Cedar's JSON form."""


class _Unknown:
    """The value of what cannot be told."""


class _Record:
    """The value of what has values inside."""


UNKNOWN: Final = _Unknown()
RECORD: Final = _Record()
STEADY: Final = ("integrity", "confidentiality", "plan", "choice", "carries", "agent")
_CONTEXT: Final = {"Var": "context"}
_DEEPEST: Final = 30
_NUMBERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_DECIMALS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "lessThan": lt, "lessThanOrEqual": le, "greaterThan": gt, "greaterThanOrEqual": ge,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Parts of a policy's conditions: where one of them is false, it cannot apply."""

    steady: tuple[Term, ...]
    """Those that look at nothing but `STEADY`."""
    others: tuple[Term, ...]


def terms_of(policy: Policy, resource: Facts) -> Terms:
    """Read a policy's conditions.

    Args:
        resource: the attributes of what is acted on, as far as they are the same for every request.
    """
    steady: list[Term] = []
    others: list[Term] = []
    for condition in policy.get("conditions", ()):
        holds = condition["kind"] == "when"
        for part in _parts(condition["body"], "&&" if holds else "||"):
            term = _read(part, resource) if holds else _not(_read(part, resource))
            if term is not _unknown:
                (steady if _is_steady(part) else others).append(term)
    return Terms(steady=tuple(steady), others=tuple(others))


def left_by(terms: Sequence[Sequence[Term]], places: Iterable[int], facts: Facts) -> tuple[int, ...]:
    """Give those of the places whose terms do not rule their policy out."""
    left: list[int] = []
    for place in places:
        for term in terms[place]:
            if term(facts) is False:
                break
        else:
            left.append(place)
    return tuple(left)


def steady(context: Mapping[str, Any]) -> tuple[Any, ...]:
    """Give what of a request's context is the same for many requests."""
    return tuple(context.get(name) for name in STEADY)


def facts_of(context: Mapping[str, Any]) -> Facts:
    """Take a request's context, in Cedar's JSON form, as plain values by their path, such as `args.amount`."""
    facts: dict[str, Any] = {}
    _lay_out(context, "", facts)
    return facts


def _lay_out(record: Mapping[str, Any], before: str, facts: dict[str, Any]) -> None:
    for name, value in record.items():
        path = f"{before}{name}"
        if type(value) is not dict:
            facts[path] = value
        elif "__extn" in value:
            facts[path] = Decimal(cast(Any, value)["__extn"]["arg"])
        else:
            facts[path] = RECORD
            _lay_out(cast(dict[str, Any], value), f"{path}.", facts)


def _is_steady(node: Any) -> bool:
    """Tell whether a term looks at nothing but what is the same for many requests."""
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            found = cast(dict[str, Any], part)
            if found.get("left") == _CONTEXT and found.get("attr") not in STEADY:
                return False
            todo.extend(found.values())
        elif isinstance(part, list):
            todo.extend(cast(list[Any], part))
    return True


def _parts(body: Any, operator: str) -> list[Any]:
    """Take apart what an operator joins. A loop, for a chain of some hundred terms nests as deep."""
    found: list[Any] = []
    todo = [body]
    while todo:
        node = todo.pop()
        if operator in node:
            todo += [node[operator]["right"], node[operator]["left"]]
        else:
            found.append(node)
    return found


def _read(node: Any, resource: Facts, depth: int = 0) -> Term:
    (name, part), *more = cast(dict[str, Any], node).items()
    reader = _READERS.get(name)
    if more or reader is None or depth > _DEEPEST:
        return _unknown
    return reader(name, part, lambda inner: _read(inner, resource, depth + 1), resource)


Reading = Callable[[Any], Term]


@dataclass(frozen=True)
class _Fixed:
    """A term that is a constant."""

    value: Any

    def __call__(self, _facts: Facts) -> Any:
        return self.value


@dataclass(frozen=True)
class _At:
    """A term that is an attribute of the context."""

    path: str

    def __call__(self, facts: Facts) -> Any:
        return facts.get(self.path, UNKNOWN)


def _value(_name: str, part: Any, _read: Reading, _resource: Facts) -> Term:
    return _Fixed(part) if isinstance(part, str | int) else _unknown


def _attribute(_name: str, part: Any, _read: Reading, resource: Facts) -> Term:
    if part["left"] == {"Var": "resource"}:
        known = resource.get(part["attr"], UNKNOWN)
        return _unknown if known is UNKNOWN else _Fixed(known)
    path = _path({".": part})
    return _unknown if path is None else _At(path)


def _has(_name: str, part: Any, _read: Reading, _resource: Facts) -> Term:
    record = _path(part["left"])
    if record is None:
        return _unknown
    path = f"{record}.{part['attr']}"
    return lambda facts: path in facts if facts.get(record) is RECORD else UNKNOWN


def _path(node: Any) -> str | None:
    """Name an attribute of the context, or of a record in it, by its path."""
    names: list[str] = []
    while "." in node:
        names.append(node["."]["attr"])
        node = node["."]["left"]
    return ".".join(reversed(names)) if node == _CONTEXT and names else None


def _negation(_name: str, part: Any, read: Reading, _resource: Facts) -> Term:
    return _not(read(part["arg"]))


def _not(inner: Term) -> Term:
    def term(facts: Facts) -> Any:
        found = inner(facts)
        return not found if isinstance(found, bool) else UNKNOWN

    return _unknown if inner is _unknown else term


def _joined(name: str, part: Any, read: Reading, _resource: Facts) -> Term:
    parts = [read(each) for each in _parts({name: part}, name)]
    decisive = name == "||"

    def term(facts: Facts) -> Any:
        found = [each(facts) for each in parts]
        if any(each is decisive for each in found):
            return decisive
        return UNKNOWN if UNKNOWN in found else not decisive

    return term


def _equality(name: str, part: Any, read: Reading, _resource: Facts) -> Term:
    return _compared(eq if name == "==" else ne, (str, int, bool, Decimal), read(part["left"]), read(part["right"]))


def _order(name: str, part: Any, read: Reading, _resource: Facts) -> Term:
    return _compared(_NUMBERS[name], (int,), read(part["left"]), read(part["right"]))


def _decimal_order(name: str, part: Any, read: Reading, _resource: Facts) -> Term:
    return _compared(_DECIMALS[name], (Decimal,), read(part[0]), read(part[1]))


def _compared(holds: Callable[[Any, Any], bool], kinds: Collection[type], left: Term, right: Term) -> Term:
    """Compare two values of one kind; Cedar has an opinion of its own on others."""
    if left is _unknown or right is _unknown:
        return _unknown
    if isinstance(left, _At) and isinstance(right, _Fixed) and type(right.value) in kinds:
        return _against(left.path, holds, right.value)

    def term(facts: Facts) -> Any:
        one, other = left(facts), right(facts)
        return holds(one, other) if type(one) is type(other) and type(one) in kinds else UNKNOWN

    return term


def _against(path: str, holds: Callable[[Any, Any], bool], constant: str | int | Decimal) -> Term:
    """Compare an attribute with a constant: what most conditions are, and so without a further call."""
    kind = type(constant)

    def term(facts: Facts) -> Any:
        one = facts.get(path)
        return holds(one, constant) if type(one) is kind else UNKNOWN

    return term


def _decimal(_name: str, part: Any, _read: Reading, _resource: Facts) -> Term:
    try:
        number = Decimal(part[0]["Value"])
    except (KeyError, TypeError, InvalidOperation):
        return _unknown
    return _Fixed(number)


def _like(_name: str, part: Any, read: Reading, _resource: Facts) -> Term:
    subject, pattern = read(part["left"]), _pieces(part["pattern"])

    def term(facts: Facts) -> Any:
        found = subject(facts)
        return _matches(found, pattern) if isinstance(found, str) else UNKNOWN

    return _unknown if subject is _unknown else term


def _pieces(pattern: Iterable[Any]) -> list[str]:
    """Give the texts between a pattern's wildcards."""
    pieces = [""]
    for part in pattern:
        if part == "Wildcard":
            pieces.append("")
        else:
            pieces[-1] += part["Literal"]
    return pieces


def _matches(text: str, pieces: Sequence[str]) -> bool:
    first, *inner = pieces
    if not inner:
        return text == first
    last = inner.pop()
    at, end = len(first), len(text) - len(last)
    if at > end or not (text.startswith(first) and text.endswith(last)):
        return False
    for piece in inner:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _unknown(_facts: Facts) -> Any:
    return UNKNOWN


_READERS: Final[Mapping[str, Callable[[str, Any, Reading, Facts], Term]]] = {
    "Value": _value, ".": _attribute, "has": _has, "!": _negation, "&&": _joined, "||": _joined, "==": _equality,
    "!=": _equality, "like": _like, "decimal": _decimal, **dict.fromkeys(_NUMBERS, _order),
    **dict.fromkeys(_DECIMALS, _decimal_order),
}  # fmt: skip
