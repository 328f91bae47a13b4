"""Runs as OpenTelemetry spans and metrics, after the semantic conventions for generative AI (extra `otel`).

Read from the journal once a run has ended, so that a collector that is slow or gone never holds a run up. No content is
sent: neither prompts nor arguments nor results.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/ (spans: invoke_agent, chat, execute_tool; client metrics).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Entry, Journal
from interlock.runtime.journal.runs import find_run
from interlock.serving.figures import cached_tokens

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, MeterProvider
    from opentelemetry.trace import Tracer, TracerProvider

TOKEN_BUCKETS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864]
SECOND_BUCKETS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
Attributes = dict[str, Any]


class Telemetry:
    """Sends runs to where the given providers send.

    Args:
        traces: makes the tracer.
        metrics: makes the meter; None: no metrics.
    """

    def __init__(self, traces: "TracerProvider", metrics: "MeterProvider | None" = None) -> None:
        self._tracer: Tracer = traces.get_tracer("interlock")
        self._tokens: Histogram | None = None
        self._seconds: Histogram | None = None
        if metrics is not None:
            meter = metrics.get_meter("interlock")
            self._tokens = meter.create_histogram(
                "gen_ai.client.token.usage", unit="{token}", explicit_bucket_boundaries_advisory=TOKEN_BUCKETS
            )
            self._seconds = meter.create_histogram(
                "gen_ai.client.operation.duration", unit="s", explicit_bucket_boundaries_advisory=SECOND_BUCKETS
            )

    def send(self, journal: Journal, run: str) -> None:
        """Send one run as a tree of spans, and what it used as metrics.

        Raises:
            NotFound: there is no such run.
        """
        from opentelemetry import trace

        entries = find_run(journal, run)
        started = entries[0].event
        assert isinstance(started, events.RunStarted)  # noqa: S101  # a run's first event
        ended = next((e.event for e in reversed(entries) if isinstance(e.event, events.RunEnded)), None)
        root = self._tracer.start_span(
            f"invoke_agent {started.agent}",
            context=trace.set_span_in_context(trace.INVALID_SPAN),
            kind=trace.SpanKind.INTERNAL,
            start_time=_nanos(entries[0].at),
            attributes=_agent(entries[0], started, ended),
        )
        if ended is not None and ended.status in ("failed", "stopped"):
            root.set_attribute("error.type", ended.code or ended.status)
            root.set_status(trace.Status(trace.StatusCode.ERROR))
        inside = trace.set_span_in_context(root)
        for intended, done in _pairs(entries):
            self._call(inside, intended, done)
        root.end(_nanos(entries[-1].at))

    def _call(self, inside: Any, intended: Entry, done: Entry) -> None:
        from opentelemetry import trace

        name, kind, attributes = _described(intended.event, done.event)
        failed = done.event.kind.endswith("_failed")
        if failed:
            attributes["error.type"] = str(getattr(done.event, "error", "")).partition(":")[0]
        span = self._tracer.start_span(
            name,
            context=inside,
            kind=getattr(trace.SpanKind, kind),
            start_time=_nanos(intended.at),
            attributes=attributes,
        )
        if failed:
            span.set_status(trace.Status(trace.StatusCode.ERROR))
        span.end(_nanos(done.at))
        if kind == "CLIENT":
            self._measure(attributes, done.event)

    def _measure(self, attributes: Attributes, done: Any) -> None:
        names = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "error.type")
        known = {name: attributes[name] for name in names if name in attributes}
        if self._seconds is not None:
            self._seconds.record(done.ms / 1000, known)
        if self._tokens is not None:
            usage = {"input": done.usage.input_tokens, "output": done.usage.output_tokens}
            without_error = {name: value for name, value in known.items() if name != "error.type"}
            for kind, tokens in usage.items():
                self._tokens.record(tokens, {**without_error, "gen_ai.token.type": kind})


def _agent(entry: Entry, started: events.RunStarted, ended: events.RunEnded | None) -> Attributes:
    used: Mapping[str, int] = (
        {"input": ended.usage.input_tokens, "output": ended.usage.output_tokens} if ended is not None else {}
    )
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "interlock",
        "gen_ai.agent.name": started.agent,
        "gen_ai.agent.version": started.manifest[:12],
        "gen_ai.conversation.id": entry.thread,
        "interlock.run": entry.run,
        **{f"gen_ai.usage.{kind}_tokens": tokens for kind, tokens in used.items()},
    }


def _pairs(entries: list[Entry]) -> list[tuple[Entry, Entry]]:
    """Pair each model and tool call's intent with its outcome."""
    begun: dict[tuple[str, str], Entry] = {}
    found: list[tuple[Entry, Entry]] = []
    for entry in entries:
        event = entry.event
        if isinstance(event, events.ModelIntended | events.ToolIntended):
            begun[entry.place, event.call] = entry
        elif isinstance(event, events.ModelDone | events.ModelFailed | events.ToolDone | events.ToolFailed):
            found.append((begun.get((entry.place, event.call), entry), entry))
    return found


def _described(intended: events.Event, done: Any) -> tuple[str, str, Attributes]:
    if isinstance(intended, events.ModelIntended):
        provider, _, model = intended.model.rpartition(":")
        return f"chat {model}", "CLIENT", {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider or "interlock",
            "gen_ai.request.model": model,
            "gen_ai.usage.input_tokens": done.usage.input_tokens,
            "gen_ai.usage.output_tokens": done.usage.output_tokens,
            **({"gen_ai.usage.cache_read.input_tokens": cached} if (cached := cached_tokens(done)) else {}),
        }  # fmt: skip
    return f"execute_tool {done.tool}", "INTERNAL", {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": done.tool,
        "gen_ai.tool.call.id": done.call,
        "gen_ai.tool.type": "function",
    }  # fmt: skip


def _nanos(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1_000
