"""The journal read as figures: latency, success, cost, tokens, errors, denials and waiting approvals."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import Any

from interlock.runtime.home import Home
from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Entry

QUANTILES = (0.5, 0.95, 0.99)


@dataclass(kw_only=True)
class Series:
    """What is known of one agent, tool, model or version."""

    count: int = 0
    failed: int = 0
    denied: int = 0
    reused: int = 0
    tokens: int = 0
    usd: Decimal = Decimal(0)
    unpriced: int = 0
    """How many had no known price; unknown is not zero."""
    ms: list[float] = field(default_factory=list[float])
    statuses: Counter[str] = field(default_factory=Counter[str])

    def quantile(self, share: float) -> float:
        """Give the smallest measured value that so large a share does not pass; 0 where nothing was measured."""
        values = sorted(self.ms)
        return values[max(0, ceil(share * len(values)) - 1)] if values else 0.0

    def as_json(self) -> dict[str, Any]:
        """Give the series as JSON data."""
        return {
            "count": self.count,
            "failed": self.failed,
            "denied": self.denied,
            "reused": self.reused,
            "tokens": self.tokens,
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
    now = home.clock.now()
    ages = [(now - one.asked_at).total_seconds() for one in pending]
    return Figures(
        agents=dict(reader.agents),
        versions=dict(reader.versions),
        models=dict(reader.models),
        tools=dict(reader.tools),
        waiting=len(pending),
        oldest_s=max(ages, default=0.0),
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
                _add(self.models[self._model_of.get(done.call, "?")], done)
            case events.ToolDone() | events.ToolFailed() as done:
                _add(self.tools[done.tool], done)
            case events.Refused() as refused if refused.call:
                self.tools[refused.action].denied += 1
            case _:
                pass

    def _ended(self, run: str, ended: events.RunEnded) -> None:
        started = self._started.get(run)
        if started is None or ended.status == "waiting":
            return
        for series in (self.agents[started.agent], self.versions[f"{started.agent} {started.manifest[:12]}"]):
            series.count += 1
            series.statuses[ended.status] += 1
            series.failed += ended.status == "failed"
            series.ms.append(ended.usage.seconds * 1000)
            _pay(series, ended.usage)


def _add(series: Series, done: Any) -> None:
    series.count += 1
    series.failed += done.kind.endswith("_failed")
    series.reused += bool(getattr(done, "reused", False))
    series.ms.append(done.ms)
    _pay(series, done.usage)


def _pay(series: Series, usage: Any) -> None:
    series.tokens += usage.input_tokens + usage.output_tokens
    if usage.usd is None:
        series.unpriced += 1
    else:
        series.usd += usage.usd


def exposition(found: Figures) -> str:
    """Write the figures in Prometheus' text format, version 0.0.4."""
    lines: list[str] = []
    for kind, table in (("agent", found.agents), ("model", found.models), ("tool", found.tools)):
        noun = "runs" if kind == "agent" else "calls"
        label = [(f'{kind}="{_escaped(name)}"', series) for name, series in table.items()]
        base = f"interlock_{kind}"
        lines += _family(f"{base}_{noun}_total", "counter", ((of, one.count) for of, one in label))
        lines += _family(f"{base}_failures_total", "counter", ((of, one.failed) for of, one in label))
        lines += _family(f"{base}_tokens_total", "counter", ((of, one.tokens) for of, one in label))
        lines += _family(f"{base}_usd_total", "counter", ((of, one.usd) for of, one in label))
        lines += _family(f"{base}_unpriced_total", "counter", ((of, one.unpriced) for of, one in label))
        if kind == "tool":
            lines += _family(f"{base}_denials_total", "counter", ((of, one.denied) for of, one in label))
            lines += _family(f"{base}_reused_total", "counter", ((of, one.reused) for of, one in label))
        lines += _summary(f"{base}_seconds", label)
    lines += _family("interlock_approvals_waiting", "gauge", [("", found.waiting)])
    lines += _family("interlock_approvals_oldest_seconds", "gauge", [("", round(found.oldest_s, 3))])
    return "\n".join(lines) + "\n"


def _family(name: str, kind: str, values: Iterable[tuple[str, Any]]) -> list[str]:
    rows = [f"{name}{{{of}}} {value}" if of else f"{name} {value}" for of, value in values]
    return [f"# TYPE {name} {kind}", *rows] if rows else []


def _summary(name: str, labelled: list[tuple[str, Series]]) -> list[str]:
    rows: list[str] = []
    for of, one in labelled:
        rows += [f'{name}{{{of},quantile="{share}"}} {one.quantile(share) / 1000:.6f}' for share in QUANTILES]
        rows += [f"{name}_sum{{{of}}} {sum(one.ms) / 1000:.6f}", f"{name}_count{{{of}}} {len(one.ms)}"]
    return [f"# TYPE {name} summary", *rows] if rows else []


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


@dataclass(frozen=True, kw_only=True)
class PrometheusEndpoint:
    """An ASGI application that answers every GET with the figures of a home."""

    home: Home

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = exposition(figures(self.home)).encode()
        headers = [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
