"""The figures for Prometheus: its text format, version 0.0.4, and an endpoint that serves it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from interlock.runtime.home import Home
from interlock.serving.figures import QUANTILES, Figures, Series, Table, figures

_COUNTERS = (
    ("failures_total", "failed"),
    ("tool_errors_total", "tool_errors"),
    ("denials_total", "denied"),
    ("reused_total", "reused"),
    ("cache_hits_total", "cached"),
    ("tokens_total", "tokens"),
    ("cached_tokens_total", "cached_tokens"),
    ("usd_total", "usd"),
    ("unpriced_total", "unpriced"),
)
_GAUGES = (("approvals_waiting", "waiting"), ("approvals_oldest_seconds", "oldest_s"))


def exposition(found: Figures) -> str:
    """Write the figures in Prometheus' text format, version 0.0.4."""
    lines: list[str] = []
    for kind in ("agent", "version", "model", "tool"):
        noun = "calls" if kind in ("model", "tool") else "runs"
        table: Table = getattr(found, f"{kind}s")
        labelled = [(f'{kind}="{_escaped(name)}"', series) for name, series in table.items()]
        for name, field in ((f"{noun}_total", "count"), *_COUNTERS):
            values = ((of, getattr(one, field)) for of, one in labelled)
            lines += _family(f"interlock_{kind}_{name}", "counter", values)
        for name, field in _GAUGES:
            values = ((of, getattr(one, field)) for of, one in labelled)
            lines += _family(f"interlock_{kind}_{name}", "gauge", values)
        lines += _summary(f"interlock_{kind}_seconds", labelled)
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
