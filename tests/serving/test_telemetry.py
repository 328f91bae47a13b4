"""Runs as spans and metrics at a real OTLP/HTTP endpoint, under the published names."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.serving.conftest import Cli

from interlock.runtime.home import Home
from interlock.serving.telemetry import Telemetry

pytest.importorskip("opentelemetry.exporter.otlp.proto.http")

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

PUBLISHED = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI")} | {"error.type"}


class Collector:
    """An OTLP/HTTP endpoint that keeps what it is sent."""

    def __init__(self) -> None:
        bodies: list[tuple[str, bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.bodies = bodies
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> list[Any]:
        requests = [ExportTraceServiceRequest.FromString(body) for path, body in self.bodies if path == "/v1/traces"]
        return [s for r in requests for of in r.resource_spans for scope in of.scope_spans for s in scope.spans]

    def metrics(self) -> list[Any]:
        requests = [ExportMetricsServiceRequest.FromString(b) for path, b in self.bodies if path == "/v1/metrics"]
        return [m for r in requests for of in r.resource_metrics for scope in of.scope_metrics for m in scope.metrics]


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def sent(cli: Cli, project: str, tmp_path: Path, collector: Collector) -> Collector:
    """The collector, after a run with one tool call was sent to it."""
    run = cli("run", project, "How much is in the till?", "--user", "1", "--json").json["run"]
    traces = TracerProvider()
    traces.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{collector.url}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{collector.url}/v1/metrics"))
    meters = MeterProvider([reader])
    home = Home(tmp_path / "home")
    Telemetry(traces, meters).send(home.journal, run)
    home.close()
    traces.shutdown()
    meters.shutdown()
    return collector


def test_a_run_is_a_tree_of_spans_under_published_names(sent: Collector) -> None:
    spans = sent.spans()
    root = next(span for span in spans if span.name.startswith("invoke_agent"))
    inside = [span.name for span in spans if span.parent_span_id == root.span_id]

    assert sorted(inside) == ["chat embedded", "chat embedded", "execute_tool till"]
    names = {attribute.key for span in spans for attribute in span.attributes}
    assert names - {"interlock.run"} <= PUBLISHED
    assert {"gen_ai.usage.input_tokens", "gen_ai.tool.call.id", "gen_ai.conversation.id"} <= names


def test_what_was_used_is_measured_under_published_names(sent: Collector) -> None:
    found = {metric.name: metric for metric in sent.metrics()}

    assert set(found) == {gen_ai_metrics.GEN_AI_CLIENT_TOKEN_USAGE, gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION}
    assert sum(point.count for point in found["gen_ai.client.operation.duration"].histogram.data_points) == 2


def test_no_content_leaves_the_house(sent: Collector) -> None:
    assert all(b"How much" not in body for _, body in sent.bodies)
