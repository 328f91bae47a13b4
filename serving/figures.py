"""The journal read as figures: latency, success, cost, tokens, errors, denials, cache hits and waiting approvals."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import Any

from interlock.runtime.gate.approvals import Approval
from interlock.runtime.home import Home
from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Entry

QUANTILES = (0.5, 0.95, 0.99)
COUNTED = (
    "count", "failed", "tool_errors", "denied", "waiting", "reused", "cached", "tokens", "cached_tokens"
)  # fmt: skip
"""The fields of a series that are counts."""


@dataclass(kw_only=True)
class Series:
    """What is known of one agent, tool, model or version."""

    count: int = 0
    failed: int = 0
    tool_errors: int = 0
    """Tool calls that failed; of a run that went on with another, too."""
    denied: int = 0
    waiting: int = 0
    """Approvals that wait."""
    oldest_s: float = 0.0
    """Age of the oldest of them."""
    reused: int = 0
    cached: int = 0
    """Results that a cache gave again."""
    tokens: int = 0
    cached_tokens: int = 0
    """Tokens of prompts that a provider's own cache held."""
    usd: Decimal = Decimal(0)
    unpriced: int = 0
    """How many had no known price; unknown is not zero."""
    ms: list[float] = field(default_factory=list[float])
    statuses: Counter[str] = field(default_factory=Counter[str])

    def quantile(self, share: float) -> float:
        """Give the smallest measured value that so large a share does not pass; 0 where nothing was measured."""
        values = sorted(self.ms)
        return values[max(0, ceil(share * len(values)) - 1)] if values else 0.0

    def success(self) -> float | None:
        """Give the share that was done; None where nothing was."""
        done = self.statuses["done"] if self.statuses else self.count - self.failed
        return done / self.count if self.count else None

    def as_json(self) -> dict[str, Any]:
        """Give the series as JSON data."""
        share = self.success()
        return {
            **{name: getattr(self, name) for name in COUNTED},
            "success": None if share is None else round(share, 4),
            "oldest_s": round(self.oldest_s, 1),
            "usd": None if self.unpriced else str(self.usd),
            "statuses": dict(self.statuses),
            **{f"p{round(100 * share)}_ms": round(self.quantile(share), 3) for share in QUANTILES},
        }


Table = dict[str, Series]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All figures of a home. Series by name; runs also by the manifest they were made under."""

    agents: Table
    versions: Table
    models: Table
    tools: Table
    waiting: int
    """Approvals that wait."""
    oldest_s: float
    """Age of the oldest of them."""
    per_day: dict[str, int]
    """Runs begun on each day."""

    def as_json(self) -> dict[str, Any]:
        """Give all figures as JSON data."""
        tables = {name: getattr(self, name) for name in ("agents", "versions", "models", "tools")}
        return {
            **{name: {key: one.as_json() for key, one in table.items()} for name, table in tables.items()},
            "approvals": {"waiting": self.waiting, "oldest_s": round(self.oldest_s, 1)},
            "runs_per_day": self.per_day,
        }


def figures(home: Home, *, since: datetime | None = None) -> Figures:
    """Read all figures from a home's journal.

    Args:
        since: only what was recorded from then on.
    """
    reader = _Reader()
    for entry in home.journal.everything():
        if since is None or entry.at >= since:
            reader.take(entry)
    pending = home.approvals.list()
    for one in pending:
        reader.wait(one, (home.clock.now() - one.asked_at).total_seconds())
    return Figures(
        agents=dict(reader.agents),
        versions=dict(reader.versions),
        models=dict(reader.models),
        tools=dict(reader.tools),
        waiting=len(pending),
        oldest_s=reader.oldest_s,
        per_day=dict(sorted(reader.per_day.items())),
    )


class _Reader:
    """Adds up events."""

    def __init__(self) -> None:
        self.agents: defaultdict[str, Series] = defaultdict(Series)
        self.versions: defaultdict[str, Series] = defaultdict(Series)
        self.models: defaultdict[str, Series] = defaultdict(Series)
        self.tools: defaultdict[str, Series] = defaultdict(Series)
        self.per_day: Counter[str] = Counter()
        self.oldest_s = 0.0
        self._started: dict[str, events.RunStarted] = {}
        self._model_of: dict[str, str] = {}

    def take(self, entry: Entry) -> None:
        """Add one event."""
        match entry.event:
            case events.RunStarted() as started:
                self._started[entry.run] = started
                self.per_day[f"{entry.at:%Y-%m-%d}"] += 1
            case events.RunEnded() as ended:
                self._ended(entry.run, ended)
            case events.ModelIntended() as intended:
                self._model_of[intended.call] = intended.model
            case events.ModelDone() | events.ModelFailed() as done:
                self._called(entry.run, self.models[self._model_of.get(done.call, "?")], done)
            case events.ToolDone() | events.ToolFailed() as done:
                self._called(entry.run, self.tools[done.tool], done)
            case events.Refused() as refused if refused.call:
                for series in (self.tools[refused.action], *self._of_run(entry.run)):
                    series.denied += 1
            case _:
                pass

    def wait(self, approval: Approval, age_s: float) -> None:
        """Add one approval that waits."""
        self.oldest_s = max(self.oldest_s, age_s)
        for series in (self.tools[approval.tool], *self._of_run(approval.run)):
            series.waiting += 1
            series.oldest_s = max(series.oldest_s, age_s)

    def _of_run(self, run: str) -> list[Series]:
        """Give the series of a run's agent and of its version; none for a run that began too early."""
        started = self._started.get(run)
        if started is None:
            return []
        return [self.agents[started.agent], self.versions[f"{started.agent} {started.manifest[:12]}"]]

    def _called(self, run: str, series: Series, done: Any) -> None:
        """Add a call to its model or tool; what of it tells on a run, to that, too."""
        series.count += 1
        series.failed += done.kind.endswith("_failed")
        series.reused += bool(getattr(done, "reused", False))
        series.ms.append(done.ms)
        _pay(series, done.usage)
        for one in (series, *self._of_run(run)):
            one.tool_errors += done.kind == "tool_failed"
            one.cached += bool(getattr(done, "cached", False))
            one.cached_tokens += cached_tokens(done)

    def _ended(self, run: str, ended: events.RunEnded) -> None:
        if ended.status == "waiting":
            return
        for series in self._of_run(run):
            series.count += 1
            series.statuses[ended.status] += 1
            series.failed += ended.status == "failed"
            series.ms.append(ended.usage.seconds * 1000)
            _pay(series, ended.usage)


def cached_tokens(done: events.Event) -> int:
    """Tell how many tokens of a prompt the provider's own cache held."""
    if not isinstance(done, events.ModelDone):
        return 0
    used: dict[str, Any] = done.reply.get("usage_metadata") or {}
    details: dict[str, Any] = used.get("input_token_details") or {}
    return int(details.get("cache_read") or 0)


def _pay(series: Series, usage: Any) -> None:
    series.tokens += usage.input_tokens + usage.output_tokens
    if usage.usd is None:
        series.unpriced += 1
    else:
        series.usd += usage.usd
