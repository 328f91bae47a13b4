"""Cedar's complaints about a policy, in words that name the tool or argument that was meant."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from interlock.runtime.policies.passages import CONTEXT, GROUP, HINTS, OF_TOOLS, USER, Passage, World
from interlock.runtime.policies.rules import meant

_QUOTED: Final = re.compile(r'`?("[^"]*")`?')
_ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "User": USER,
    "Tool": ("name", *HINTS),
    "Memory": ("owner",),
    "Model": (),
    "Channel": (),
    "Role": (),
}


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """What is wrong, how to mend it, and by which of the policy's words it can be found."""

    what: str
    fix: str
    words: tuple[str, ...] = ()
    follows: bool = False
    """Whether it is not wrong in itself, and only worth telling where nothing else is wrong."""


def complaint(message: str, world: World) -> Complaint:
    """Put one of Cedar's messages into a user's words; a message that is not known is passed on."""
    for pattern, told in _KNOWN:
        if match := pattern.search(message):
            return told(match, world)
    return Complaint(what=message, fix="mend the policy", words=tuple(_QUOTED.findall(message)))


def _no_action(match: re.Match[str], world: World) -> Complaint:
    name = match[1]
    known = [*world.passages, GROUP]
    return Complaint(what=f"there is no tool or action {name!r}", fix=meant(name, known), words=(f'"{name}"',))


def _no_type(match: re.Match[str], _world: World) -> Complaint:
    name = match[1]
    return Complaint(what=f"there is no type {name!r}", fix=meant(name, _ATTRIBUTES), words=(name,))


def _no_context(match: re.Match[str], world: World) -> Complaint:
    path, action = match[1].split("."), match[2]
    passage = world.passages.get(action)
    if path[0] != "args" or passage is None:
        words = tuple(reversed(path))
        known = [*CONTEXT, *(OF_TOOLS if passage is None or passage.contract else ()), "args"]
        return Complaint(what=f"there is no context.{'.'.join(path)}", fix=meant(path[0], known), words=words)
    return _no_argument(path[1:], passage)


def _no_argument(path: list[str], passage: Passage) -> Complaint:
    name, known = path[0], passage.arguments
    subject = f"tool {passage.action!r}" if passage.contract else f"action {passage.action!r}"
    words = tuple(reversed(path))
    if name in known:
        return Complaint(
            what=f"argument {name!r} of {subject} has no {'.'.join(path[1:])!r}", fix="mend it", words=words
        )
    if passage.contract and name in passage.contract.arguments.get("properties", {}):
        what = f"argument {name!r} of {subject} has no single type that a policy could compare"
        return Complaint(what=what, fix="give it one type in the tool, or decide without it", words=words)
    return Complaint(what=f"{subject} has no argument {name!r}", fix=meant(name, known), words=words)


def _no_attribute(match: re.Match[str], _world: World) -> Complaint:
    name, kind = match[1], match[2]
    if name in _ATTRIBUTES["Tool"] and kind != "Tool":
        fix = f'limit the policy to tools: action in Action::"{GROUP}"'
        return Complaint(what=f"only tools have {name!r}, and this policy is about more", fix=fix, words=(name,))
    return Complaint(what=f"a {kind} has no {name!r}", fix=meant(name, _ATTRIBUTES.get(kind, ())), words=(name,))


def _unguarded(match: re.Match[str], _world: World) -> Complaint:
    holder, _dot, name = match[1].rpartition(".")
    whole = f"context.{holder}" if holder else "context"
    what = f"argument {name!r} may be absent" + (f" in a call of {match[2]!r}" if match[2] else "")
    return Complaint(what=what, fix=f"write `{whole} has {name} && ...`", words=(name,))


def _decimal_for_long(_match: re.Match[str], _world: World) -> Complaint:
    fix = 'compare it as in `context.args.amount.lessThanOrEqual(decimal("50.00"))`'
    return Complaint(what="a decimal number is compared with an operator for whole numbers", fix=fix, words=("<", ">"))


def _types(match: re.Match[str], _world: World) -> Complaint:
    return Complaint(
        what=f"a {match[1]} is compared with a {match[2]}, which is never equal",
        fix="compare values of one type",
        words=("==", "!="),
    )


def _expected(match: re.Match[str], _world: World) -> Complaint:
    return Complaint(what=f"a {match[1]} is needed where a {match[2]} stands", fix="compare values of one type")


def _never(_match: re.Match[str], _world: World) -> Complaint:
    return Complaint(
        what="this policy can never apply: no action goes with that principal and resource",
        fix="mend its first line, or drop it",
        follows=True,
    )


_KNOWN: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str], World], Complaint]], ...]] = (
    (re.compile(r'unrecognized action `Action::"(.*)"`'), _no_action),
    (re.compile(r"unrecognized entity type `(.*)`"), _no_type),
    (re.compile(r'attribute `(.+)` in context for Action::"(.+)" not found'), _no_context),
    (re.compile(r"attribute `(.+)` on entity type `(\w+)` not found"), _no_attribute),
    (re.compile(r'safety of access to optional attribute `(.+?)`(?: in context for Action::"(.+)")?$'), _unguarded),
    (re.compile(r"expected Long but saw decimal"), _decimal_for_long),
    (re.compile(r"the types (.+) and (.+) are not compatible"), _types),
    (re.compile(r"unexpected type: expected (.+) but saw (.+)"), _expected),
    (re.compile(r"unable to find an applicable action"), _never),
)
