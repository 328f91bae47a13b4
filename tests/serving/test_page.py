"""A run as one page: self-contained, and all of it escaped."""

import re
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.serving.conftest import Cli

from interlock.serving.html.bars import ticks
from interlock.serving.html.drawing import drawn
from interlock.serving.html.layout import laid_out


def test_the_page_of_a_run_needs_no_network_and_no_script(cli: Cli, project: str, tmp_path: Path) -> None:
    run = cli("run", project, "Pay out 50 from the <b>till</b>.", "--user", "1", "--json").json["run"]
    file = tmp_path / "run.html"

    assert cli("trace", run, "--html", str(file)).status == 0

    text = file.read_text()
    assert re.findall(r"https?://|<script|<link|@import|url\((?!#)", text) == []
    assert "<b>till</b>" not in text
    assert "&lt;b&gt;till&lt;/b&gt;" in text
    assert 'class="graph"' in text
    assert text.count('class="row"') == 2


def test_the_list_of_runs_is_filtered(cli: Cli, project: str) -> None:
    cli("run", project, "How much is in the till?", "--user", "1")
    waiting = cli("run", project, "Pay out 50 from the till.", "--user", "2", "--json").json["run"]

    assert [r["run"] for r in cli("trace", "--user", "2", "--json").json] == [waiting]
    assert [r["run"] for r in cli("trace", "--status", "waiting", "--since", "1h", "--json").json] == [waiting]
    assert cli("trace", "--agent", "nobody", "--json").json == []
    assert cli("trace", "--min-usd", "1", "--json").json == []
    assert len(cli("trace", "--max-usd", "0", "--json").json) == len(cli("trace", "--json").json) > 0
    assert cli("trace", "--since", "soon").status == 2


def test_the_page_of_a_run_that_waited_cuts_the_waiting_out_and_says_how_long(
    cli: Cli, project: str, tmp_path: Path
) -> None:
    waiting = cli("run", project, "Pay out 50 from the till.", "--user", "1", "--json").json
    cli("approvals", "approve", waiting["approvals"][0]["id"], "--user", "boss")
    file = tmp_path / "run.html"

    cli("trace", waiting["run"], "--html", str(file))

    assert re.search(r"<em>waited [\d.]+ s</em>", file.read_text())


@given(st.floats(min_value=0.01, max_value=1e9))
def test_a_time_axis_has_few_round_ticks(whole: float) -> None:
    found = ticks(whole)

    assert found[0] == 0
    assert 2 <= len(found) <= 10
    assert found[-1] <= 0.88 * whole


def test_a_graph_is_laid_out_in_the_order_of_the_path_with_loops_going_back() -> None:
    nodes = ["start", "plan", "check", "act", "respond", "end"]
    edges = [
        ("start", "plan"), ("plan", "check"), ("check", "act"), ("act", "check"), ("check", "respond"),
        ("respond", "act"), ("respond", "end"),
    ]  # fmt: skip

    boxes = laid_out(nodes, edges, ["start", "plan", "check", "act", "check", "respond", "end"])

    assert [boxes[name].column for name in nodes] == [0, 1, 2, 3, 3, 4]
    assert boxes["act"].y < boxes["respond"].y


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), min_size=1, max_size=14))
def test_any_graph_can_be_drawn_and_no_two_boxes_overlap(edges: list[tuple[str, str]]) -> None:
    nodes = list(dict.fromkeys(name for edge in edges for name in edge))

    boxes = laid_out(nodes, edges, nodes[:1])

    assert drawn(nodes, edges, nodes[:1], Counter()).count("<rect") == len(nodes)
    assert len({(box.x, box.y) for box in boxes.values()}) == len(nodes)
