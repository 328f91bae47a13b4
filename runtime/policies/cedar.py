"""Policies as an agent has them: a file or a text beside the base policies, checked against its tools."""

from collections.abc import Collection, Sequence
from importlib.resources import files
from pathlib import Path

from cedarpy import Schema

from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import PolicyBroken
from interlock.runtime.policies.compiled import Compiled, Explanation, version_of
from interlock.runtime.policies.passages import World, cedar_schema, passages
from interlock.runtime.policies.reading import read, unpermitted
from interlock.runtime.policies.rules import Finding, Source
from interlock.runtime.ports import Request
from interlock.runtime.records import Decision

Stamp = tuple[int, int, int]
"""What changes when a file does."""


class CedarPolicies:
    """Answers by deny-by-default policies (ports.Policies). Of a file, an edit is in force from the next decision on.

    Args:
        policy: a file, or Cedar text; None for `default.cedar`: look freely, ask before anything else.
        contracts: the tools that policies may name.
        roles: the roles that policies may name; None if any name may be one.

    Raises:
        PolicyBroken: the policy does not parse, or names what does not exist.
    """

    def __init__(
        self, policy: Path | str | None, contracts: Sequence[ToolContract], *, roles: Collection[str] | None = None
    ) -> None:
        self._policy = policy
        known = passages(contracts)
        self._schema = cedar_schema(known)
        self._world = World(passages=known, schema=Schema.from_json_str(self._schema), roles=roles)
        self._base = _shipped("base")
        self._findings: tuple[Finding, ...] = ()
        self._stamp = _stamp(policy)
        source = _source(policy)
        self._version = self._version_of(source)
        self._in_force: Compiled | PolicyBroken = self._compiled(source)

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
        if isinstance(self._policy, Path) and (stamp := _stamp(self._policy)) != self._stamp:
            self._stamp = stamp
            try:
                source = _source(self._policy)
                self._version = self._version_of(source)
                self._in_force = self._compiled(source)
            except PolicyBroken as error:
                self._in_force = error
        return self._in_force

    def _version_of(self, source: Source) -> str:
        return version_of([self._base.text, source.text, self._schema])

    def _compiled(self, source: Source) -> Compiled:
        base, _ = read(self._base, self._world)
        own, findings = read(source, self._world)
        errors = [finding for finding in findings if finding.severity == "error"]
        if errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            raise PolicyBroken(what=errors[0].what + more, where=errors[0].where, fix=errors[0].fix)
        self._findings = (*findings, *unpermitted(own, self._world, source))
        return Compiled([*base, *own], self._world, self._version)


def check(
    policy: Path | str | None, contracts: Sequence[ToolContract], *, roles: Collection[str] | None = None
) -> list[Finding]:
    """List everything that is wrong or odd in a policy, errors first.

    Raises:
        PolicyBroken: the file cannot be read.
    """
    known = passages(contracts)
    world = World(passages=known, schema=Schema.from_json_str(cedar_schema(known)), roles=roles)
    source = _source(policy)
    reads, findings = read(source, world)
    broken = any(finding.severity == "error" for finding in findings)
    odd = [] if broken else list(unpermitted(reads, world, source))
    return sorted([*findings, *odd], key=lambda finding: finding.severity)


def _source(policy: Path | str | None) -> Source:
    if policy is None:
        return _shipped("default")
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
    return Source(name=f"interlock.{name}", text=text, own=True)


def _stamp(policy: Path | str | None) -> Stamp | None:
    if not isinstance(policy, Path):
        return None
    try:
        status = policy.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
