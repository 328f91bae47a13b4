"""Policies as an agent has them: a file or a text beside the base policies, checked against its tools."""

from collections.abc import Collection, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from cedarpy import Schema

from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import PolicyBroken
from interlock.runtime.policies.compiled import Compiled, Explanation, version_of
from interlock.runtime.policies.passages import World, cedar_schema, passages
from interlock.runtime.policies.reading import Read, read, unpermitted
from interlock.runtime.policies.rules import Finding, Source, meant
from interlock.runtime.ports import Request
from interlock.runtime.records import Decision

Stamp = tuple[int, int, int]
"""What changes when a file does."""
Given = Path | str | None
Policy = Given | Sequence[Path | str]
BUILTIN: Final = "builtin:"
SETS: Final = ("customer_data", "money", "read_only", "shell")
"""Policy sets to start from."""


class CedarPolicies:
    """Answers by deny-by-default policies (ports.Policies). Of a file, an edit is in force from the next decision on.

    Args:
        policy: a file, Cedar text, `builtin:` and the name of a set, or several of these; None for `default.cedar`:
            look freely, ask before anything else.
        contracts: the tools that policies may name.
        roles: the roles that policies may name; None if any name may be one.

    Raises:
        PolicyBroken: the policy does not parse, or names what does not exist.
    """

    def __init__(
        self, policy: Policy, contracts: Sequence[ToolContract], *, roles: Collection[str] | None = None
    ) -> None:
        self._policy = each_of(policy)
        known = passages(contracts)
        self._schema = cedar_schema(known)
        self._world = World(passages=known, schema=Schema.from_json_str(self._schema), roles=roles)
        self._base = _shipped("base")
        self._findings: tuple[Finding, ...] = ()
        self._stamps = [_stamp(part) for part in self._policy]
        sources = [_source(part) for part in self._policy]
        self._version = self._version_of(sources)
        self._in_force: Compiled | PolicyBroken = self._compiled(sources)

    @property
    def version(self) -> str:
        """Content hash of the policies in force, and of the tools as they see them."""
        self._refresh()
        return self._version

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is odd about the policies in force, though it is no error."""
        self._refresh()
        return self._findings

    def decide(self, request: Request) -> Decision:
        """Decide on one request; never raises. Where the file was broken by an edit, everything is denied."""
        policies = self._refresh()
        if isinstance(policies, PolicyBroken):
            return Decision(outcome="deny", reason=f"the policy cannot be used: {policies}")
        return policies.decide(request)

    def looks_at(self, action: str, attribute: str) -> bool:
        """Tell whether a decision on the action can depend on an attribute, so that it need not be found out."""
        policies = self._refresh()
        return not isinstance(policies, PolicyBroken) and policies.looks_at(action, attribute)

    def explain(self, request: Request) -> Explanation:
        """Tell how a decision on the request comes about.

        Raises:
            PolicyBroken: the file was broken by an edit.
        """
        policies = self._refresh()
        if isinstance(policies, PolicyBroken):
            raise policies
        return policies.explain(request)

    def _refresh(self) -> Compiled | PolicyBroken:
        stamps = [_stamp(part) for part in self._policy]
        if stamps != self._stamps:
            self._stamps = stamps
            try:
                sources = [_source(part) for part in self._policy]
                self._version = self._version_of(sources)
                self._in_force = self._compiled(sources)
            except PolicyBroken as error:
                self._in_force = error
        return self._in_force

    def _version_of(self, sources: Sequence[Source]) -> str:
        return version_of([self._base.text, *(source.text for source in sources), self._schema])

    def _compiled(self, sources: Sequence[Source]) -> Compiled:
        base, _ = read(self._base, self._world)
        own, findings = _read_all(sources, self._world)
        if errors := [finding for finding in findings if finding.severity == "error"]:
            raise _broken(errors)
        self._findings = (*findings, *unpermitted(own, self._world, sources[-1]))
        return Compiled([*base, *own], self._world, self._version)


def check(policy: Policy, contracts: Sequence[ToolContract], *, roles: Collection[str] | None = None) -> list[Finding]:
    """List everything that is wrong or odd in a policy, errors first.

    Raises:
        PolicyBroken: the file cannot be read.
    """
    known = passages(contracts)
    world = World(passages=known, schema=Schema.from_json_str(cedar_schema(known)), roles=roles)
    sources = [_source(part) for part in each_of(policy)]
    reads, findings = _read_all(sources, world)
    broken = any(finding.severity == "error" for finding in findings)
    odd = [] if broken else list(unpermitted(reads, world, sources[-1]))
    return sorted([*findings, *odd], key=lambda finding: finding.severity)


def each_of(policy: Policy) -> list[Given]:
    """List the parts of which a policy is made."""
    return [policy] if policy is None or isinstance(policy, Path | str) else list(policy)


def _read_all(sources: Sequence[Source], world: World) -> tuple[list[Read], list[Finding]]:
    """Read several texts as one policy; no id may stand in two of them."""
    reads: list[Read] = []
    findings: list[Finding] = []
    for source in sources:
        more, found = read(source, world)
        taken = {each.rule.id: each.rule.where for each in reads}
        twice = [each for each in more if each.rule.id in taken]
        findings += found
        findings += [
            source.error(
                f"the id {each.rule.id!r} stands twice, first at {taken[each.rule.id]}",
                each.statement.start,
                "choose another id",
            )
            for each in twice
        ]
        reads += more
    return reads, findings


def _broken(errors: Sequence[Finding]) -> PolicyBroken:
    first, *others = (PolicyBroken(what=error.what, where=error.where, fix=error.fix) for error in errors)
    first.more = tuple(others)
    return first


def _source(policy: Given) -> Source:
    if policy is None:
        return _shipped("default")
    if isinstance(policy, str) and policy.startswith(BUILTIN):
        name = policy.removeprefix(BUILTIN)
        if name not in SETS:
            raise PolicyBroken(what=f"there is no policy set {name!r}", where=policy, fix=meant(name, SETS))
        return _shipped(f"builtin/{name}")
    if isinstance(policy, str):
        return Source(name="policy", text=policy)
    try:
        return Source(name=str(policy), text=policy.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise PolicyBroken(
            what=f"the policy file cannot be read: {why}", where=str(policy), fix="put a Cedar policy file there"
        ) from error


def _shipped(name: str) -> Source:
    text = files("interlock.runtime.policies").joinpath(f"{name}.cedar").read_text(encoding="utf-8")
    return Source(name=f"interlock.{name.rpartition('/')[2]}", text=text, own=True)


def _stamp(policy: Given) -> Stamp | None:
    if not isinstance(policy, Path):
        return None
    try:
        status = policy.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
