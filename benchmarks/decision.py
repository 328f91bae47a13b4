"""What a policy decision costs in CPU with 50 policies: Cedar's answer, with labels and the building of the request.

The policies are of the kinds that people write: limits on amounts, roles, recipients, labels and narrowing forbids.
Once each speaks of one of ten tools, once of every tool. A decision is what the gate asks before a tool call: a request
is built of arguments, label and origin, no two of them the same; beside these policies there are Interlock's own.
"""

import random
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from cedarpy import (
    Entities,
    PolicySet,
    is_authorized,  # pyright: ignore[reportUnknownVariableType]  # its dicts are bare
)

from _report import arguments, finish, table
from interlock import Caller, tool
from interlock.runtime.policies import CedarPolicies
from interlock.runtime.ports import Request
from interlock.runtime.records import Label, Origin

TOOLS = 10
KINDS: tuple[tuple[str, str, str], ...] = (
    ("permit", 'context.args.amount.lessThanOrEqual(decimal("{limit}.00"))', ""),
    ("permit", 'context.args.amount.greaterThan(decimal("{limit}.00"))', '@decision("ask") @roles("lead") '),
    ("forbid", 'context.args.amount.greaterThan(decimal("{limit}000.00"))', ""),
    ("forbid", 'context.args.to like "*@banned{number}.example"', ""),
    ("forbid", 'context.integrity == "untrusted" && context.args.note == "{number}"', ""),
)


def main() -> None:
    options = arguments(__doc__, policies=50, decisions=5_000, seed=1)
    tools = [made(number) for number in range(TOOLS)]
    spoken = {"each of one tool": False, "each of every tool": True}
    figures: dict[str, Any] = {"policies": options.policies}
    rows: list[tuple[str, ...]] = []
    for name, everywhere in spoken.items():
        with tempfile.TemporaryDirectory(prefix="interlock-decision-") as scratch:
            file = Path(scratch) / "policy.cedar"
            file.write_text("\n".join(policy(number, everywhere=everywhere) for number in range(options.policies)))
            policies = CedarPolicies(file, [each.contract for each in tools])
            cpu, outcomes = measured(policies, options.decisions, random.Random(options.seed))  # noqa: S311
        told = {"median_us": round(median(cpu), 1), "p95_us": round(quantiles(cpu, n=20)[-1], 1), "outcomes": outcomes}
        figures[name.replace(" ", "_")] = told
        rows.append((f"they speak {name}", str(told["median_us"]), str(told["p95_us"]), str(outcomes)))
    cedar = Bare()
    bare = [timed(cedar.decide)[1] for _again in range(options.decisions)]
    figures["cedar_alone"] = {"median_us": round(median(bare), 1), "p95_us": round(quantiles(bare, n=20)[-1], 1)}
    rows.append(("Cedar alone, one policy", *(str(value) for value in figures["cedar_alone"].values()), ""))
    title = f"CPU of a decision with {options.policies} policies over {TOOLS} tools, {options.decisions:,} requests"
    table(title, ("", "median, µs", "95 % within, µs", "decided"), rows)
    finish(figures, as_json=options.json)


class Bare:
    """Cedar itself with one policy and a request that is ready: what no decision can cost less than, here and now."""

    def __init__(self) -> None:
        self._policies = PolicySet.from_str("permit (principal, action, resource);")
        self._entities = Entities.from_json_str("[]")
        self._request = {
            "principal": 'User::"d/u1"', "action": 'Action::"pay_1"', "resource": 'Tool::"pay_1"',
            "context": '{"args": {"to": "a@b.example", "note": "1"}, "integrity": "trusted"}',
        }  # fmt: skip

    def decide(self) -> Any:
        return is_authorized(self._request, self._policies, self._entities)


def made(number: int) -> Any:
    """Make a tool that pays."""

    def pay(amount: Decimal, to: str, note: str) -> str:
        """Pay."""
        return f"{amount} {to} {note}"

    return tool(name=f"pay_{number}", destructive=True, sensitive=["to"])(pay)


def policy(number: int, *, everywhere: bool) -> str:
    """Write one of the policies."""
    effect, when, marks = KINDS[number % len(KINDS)]
    condition = when.format(limit=50 + number, number=number)
    action = 'in Action::"tool"' if everywhere else f'== Action::"pay_{number // len(KINDS) % TOOLS}"'
    return f'@id("p{number}") {marks}{effect} (principal, action {action}, resource) when {{ {condition} }};'


def measured(policies: CedarPolicies, count: int, chance: random.Random) -> tuple[list[float], dict[str, int]]:
    """Decide on requests of which no two are the same; gives microseconds of CPU, and how they were decided."""
    outcomes: dict[str, int] = {}
    for number in range(200):
        policies.decide(request(number, chance))
    cpu: list[float] = []
    for number in range(count):
        decision, spent = timed(lambda number=number: policies.decide(request(number, chance)))
        cpu.append(spent)
        outcomes[decision.outcome] = outcomes.get(decision.outcome, 0) + 1
    return cpu, outcomes


def timed(do: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time_ns()
    found = do()
    return found, (time.process_time_ns() - began) / 1_000


def request(number: int, chance: random.Random) -> Request:
    """Build what the gate asks."""
    caller = Caller(user=f"u{number % 7}", roles=("clerk",))
    untrusted = chance.random() < 0.5
    label = Label(integrity="untrusted", sources=("mail",)) if untrusted else Label()
    amount = f"{chance.randrange(1, 100_000) / 100:.2f}"
    return Request(
        user=caller.user, tenant=caller.tenant, roles=caller.roles, agent="till", action=f"pay_{number % TOOLS}",
        arguments={"amount": amount, "to": f"{number}@shop.example", "note": str(number)}, label=label,
        origin=Origin(choices={"to": "untrusted"}) if untrusted else Origin(),
    )  # fmt: skip


if __name__ == "__main__":
    main()
