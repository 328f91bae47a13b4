"""Scorers: each looks at one side of what was seen, and says what it checked and whether it held."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from interlock.evals.matching import fits, folded, plain, same, within
from interlock.evals.suite import CallExpected, CallsExpected, Expect, RowsExpected, UsageExpected
from interlock.evals.target import Observation, SeenApproval, SeenCall


class Check(BaseModel, frozen=True, extra="forbid"):
    """One thing that was looked at."""

    scorer: str
    claim: str
    passed: bool
    seen: str = ""
    """What was found instead, where it did not pass."""


Scorer = Callable[[Expect, Observation, Path | None], Iterator[Check]]
"""Expectation, what was seen, and the case's database if there is one."""


def score(expect: Expect, seen: Observation, database: Path | None = None) -> list[Check]:
    """Check everything that is expected, in the order of the scorers' names in `SCORERS`."""
    return [check for scorer in SCORERS.values() for check in scorer(expect, seen, database)]


def status(expect: Expect, seen: Observation, _database: Path | None) -> Iterator[Check]:
    if expect.status is not None:
        found = seen.status + (f": {seen.error}" if seen.error else "")
        yield _check("status", f"ends {expect.status}", seen.status == expect.status, found)


def unforeseen_failure(seen: Observation) -> list[Check]:
    """Check a turn of which no status is expected: one that failed does nothing wrong, and so proves nothing."""
    return [_check("status", "does not fail", False, seen.error or seen.reply)] if seen.status == "failed" else []


def reply(expect: Expect, seen: Observation, _database: Path | None) -> Iterator[Check]:
    if expect.reply is None:
        return
    wanted, text = expect.reply, folded(seen.reply)
    for part in wanted.contains:
        yield _check("reply", f"says {part!r}", folded(part) in text, seen.reply)
    if wanted.contains_any:
        held = any(folded(part) in text for part in wanted.contains_any)
        yield _check("reply", f"says one of {list(wanted.contains_any)}", held, seen.reply)
    for part in wanted.not_contains:
        yield _check("reply", f"does not say {part!r}", folded(part) not in text, seen.reply)
    for pattern in wanted.matches:
        held = re.search(pattern, plain(seen.reply), re.IGNORECASE) is not None
        yield _check("reply", f"matches {pattern!r}", held, seen.reply)


def calls(expect: Expect, seen: Observation, _database: Path | None) -> Iterator[Check]:
    if expect.calls is None:
        return
    wanted, found = expect.calls, _listed(seen.calls)
    yield from _included(wanted, seen.calls)
    for call in wanted.never_done:
        done = any(one.outcome == "ok" and fits(call, one) for one in seen.calls)
        yield _check("calls", f"never does {_call(call)}", not done, found)
    for call in wanted.never_asked:
        yield _check("calls", f"never asks for {_call(call)}", not any(fits(call, one) for one in seen.calls), found)
    if wanted.at_most is not None:
        yield _check("calls", f"at most {wanted.at_most} calls", len(seen.calls) <= wanted.at_most, found)


def decisions(expect: Expect, seen: Observation, _database: Path | None) -> Iterator[Check]:
    found = "; ".join(f"{one.action}: {one.outcome} by {', '.join(one.policies) or 'none'}" for one in seen.decisions)
    for wanted in expect.decisions:
        held = any(
            one.action == wanted.action
            and one.outcome == wanted.outcome
            and (not wanted.policy or wanted.policy in one.policies)
            for one in seen.decisions
        )
        by = f" by {wanted.policy}" if wanted.policy else ""
        yield _check("decisions", f"{wanted.action}: {wanted.outcome}{by}", held, found)


def waiting(expect: Expect, seen: Observation, _database: Path | None) -> Iterator[Check]:
    if expect.waiting is None:
        return
    found = "; ".join(f"{one.tool} {_shown(one.arguments)} for {', '.join(one.roles)}" for one in seen.waiting)
    yield _check("approvals", f"{len(expect.waiting)} wait", len(seen.waiting) == len(expect.waiting), found or "none")
    for wanted in expect.waiting:
        held = any(_waits(wanted.tool, wanted.arguments, wanted.roles, one) for one in seen.waiting)
        yield _check("approvals", f"{wanted.tool} {_shown(wanted.arguments)} waits", held, found or "none")


def database(expect: Expect, _seen: Observation, path: Path | None) -> Iterator[Check]:
    for wanted in expect.database:
        if path is None or not path.is_file():
            yield _check("database", wanted.sql, False, f"no database at {path}; name it in the suite's `database`")
            continue
        found = _rows(path, wanted)
        yield _check("database", f"{wanted.sql} gives {_shown(wanted.rows)}", *found)


def usage(expect: Expect, seen: Observation, _database: Path | None) -> Iterator[Check]:
    if expect.usage is not None:
        yield from _limits(expect.usage, seen)


def memory(expect: Expect, seen: Observation, _database: Path | None) -> Iterator[Check]:
    if expect.memory is None:
        return
    found = "not looked at by this target" if seen.memories is None else "; ".join(seen.memories) or "nothing"
    held = [folded(text) for text in seen.memories or ()]
    for part in expect.memory.holds:
        yield _check("memory", f"holds {part!r}", any(folded(part) in text for text in held), found)
    for part in expect.memory.lacks:
        lacked = seen.memories is not None and not any(folded(part) in text for text in held)
        yield _check("memory", f"lacks {part!r}", lacked, found)


SCORERS: Mapping[str, Scorer] = {
    "status": status,
    "reply": reply,
    "calls": calls,
    "decisions": decisions,
    "approvals": waiting,
    "database": database,
    "usage": usage,
    "memory": memory,
}


def _included(wanted: CallsExpected, seen: Sequence[SeenCall]) -> Iterator[Check]:
    """Each wanted call has a seen one of its own: two of the same need two."""
    left = list(seen)
    for call in wanted.include:
        at = next((at for at, one in enumerate(left) if fits(call, one)), None)
        after = " then" if wanted.in_order and call is not wanted.include[0] else ""
        yield _check("calls", f"calls{after} {_call(call)}", at is not None, _listed(seen))
        if at is not None:
            left = left[at + 1 :] if wanted.in_order else left[:at] + left[at + 1 :]


def _waits(tool: str, arguments: dict[str, Any], roles: Sequence[str], one: SeenApproval) -> bool:
    return one.tool == tool and within(arguments, one.arguments) and set(roles) <= set(one.roles)


def _rows(path: Path, wanted: RowsExpected) -> tuple[bool, str]:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as rows:
            found = rows.execute(wanted.sql).fetchall()
    except sqlite3.Error as error:
        return False, str(error)
    return same(wanted.rows, found), _shown(found)


def _limits(wanted: UsageExpected, seen: Observation) -> Iterator[Check]:
    used = seen.usage
    spent: dict[str, tuple[int | Decimal | None, int | Decimal | None]] = {
        "tokens": (wanted.tokens_at_most, used.input_tokens + used.output_tokens),
        "USD": (wanted.usd_at_most, used.usd),
        "model calls": (wanted.model_calls_at_most, used.model_calls),
        "tool calls": (wanted.tool_calls_at_most, used.tool_calls),
    }
    for unit, (limit, amount) in spent.items():
        if limit is not None:
            held = amount is not None and amount <= limit
            yield _check("usage", f"at most {limit} {unit}", held, "unknown" if amount is None else str(amount))


def _check(scorer: str, claim: str, passed: bool, seen: str) -> Check:
    return Check(scorer=scorer, claim=claim, passed=passed, seen="" if passed else seen)


def _call(call: CallExpected) -> str:
    return f"{call.tool}{' ' + _shown(call.arguments) if call.arguments else ''}" + (
        f" ({call.outcome})" if call.outcome else ""
    )


def _listed(seen: Sequence[SeenCall]) -> str:
    return "; ".join(f"{one.tool} {_shown(one.arguments)} ({one.outcome})" for one in seen) or "no call"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name}={part}" for name, part in cast("dict[str, Any]", value).items()) + ")"
    return str([list(row) for row in value])
