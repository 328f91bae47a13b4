"""The journal as figures."""

import asyncio
import re
from pathlib import Path
from typing import Any

from tests.serving.conftest import Cli

from interlock.runtime.home import Home
from interlock.serving.figures import PrometheusEndpoint, Series


def test_quantiles_are_measured_values() -> None:
    series = Series(ms=[float(n) for n in range(1, 101)])

    assert [series.quantile(share) for share in (0.5, 0.95, 0.99)] == [50, 95, 99]
    assert Series().quantile(0.5) == 0


def test_stats_count_runs_tools_denials_and_what_waits(cli: Cli, project: str, tmp_path: Path) -> None:
    cli("run", project, "How much is in the till?", "--user", "1")
    cli("run", project, "Pay out 50 from the till.", "--user", "1")

    found = cli("stats", "--json", "--picture", str(tmp_path / "stats.svg")).json

    assert [one["statuses"] for one in found["agents"].values()] == [{"done": 1}]
    assert found["tools"]["till"]["count"] == 1
    assert found["models"]["embedded"]["p50_ms"] > 0
    assert found["approvals"]["waiting"] == 1
    assert "till" in (tmp_path / "stats.svg").read_text()
    assert "█" in cli("stats").out


def test_the_prometheus_endpoint_speaks_its_text_format(cli: Cli, project: str, tmp_path: Path) -> None:
    cli("run", project, "How much is in the till?", "--user", "1")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    home = Home(tmp_path / "home")
    asyncio.run(PrometheusEndpoint(home=home)({"type": "http"}, None, send))
    home.close()

    lines = sent[1]["body"].decode().splitlines()
    assert sent[0]["status"] == 200
    assert 'interlock_tool_calls_total{tool="till"} 1' in lines
    assert all(re.fullmatch(r"# TYPE \w+ (counter|gauge|summary)|\w+(\{[^{}]*\})? [0-9.E+-]+", line) for line in lines)
