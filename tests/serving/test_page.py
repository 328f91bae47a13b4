"""A run as one page: self-contained, and all of it escaped."""

import re
from pathlib import Path

from tests.serving.conftest import Cli


def test_the_page_of_a_run_needs_no_network_and_no_script(cli: Cli, project: str, tmp_path: Path) -> None:
    run = cli("run", project, "Pay out 50 from the <b>till</b>.", "--user", "1", "--json").json["run"]
    file = tmp_path / "run.html"

    assert cli("trace", run, "--html", str(file)).status == 0

    text = file.read_text()
    assert re.findall(r"https?://|<script|<link|@import|url\((?!#)", text) == []
    assert "<b>till</b>" not in text
    assert "&lt;b&gt;till&lt;/b&gt;" in text
    assert 'class="graph"' in text
    assert text.count('class="row"') > 3


def test_the_list_of_runs_is_filtered(cli: Cli, project: str) -> None:
    cli("run", project, "How much is in the till?", "--user", "1")
    waiting = cli("run", project, "Pay out 50 from the till.", "--user", "2", "--json").json["run"]

    assert [r["run"] for r in cli("trace", "--user", "2", "--json").json] == [waiting]
    assert [r["run"] for r in cli("trace", "--status", "waiting", "--since", "1h", "--json").json] == [waiting]
    assert cli("trace", "--agent", "nobody", "--json").json == []
    assert cli("trace", "--min-usd", "1", "--json").json == []
    assert cli("trace", "--since", "soon").status == 2
