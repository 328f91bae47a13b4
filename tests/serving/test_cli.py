"""The command line: what it prints, where, and with which exit status."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.serving.conftest import Cli


def test_a_run_prints_status_reply_calls_usage_and_run_id_as_json(cli: Cli, project: str) -> None:
    done = cli("run", project, "How much is in the till?", "--user", "1", "--json")

    assert done.status == 0
    assert done.json["status"] == "done"
    assert "200.00" in done.json["text"]
    assert [call["tool"] for call in done.json["calls"]] == ["till"]
    assert done.json["usage"]["model_calls"] == 2
    assert len(done.json["run"]) == 32


def test_what_waits_is_approved_in_another_process_and_happens_once(cli: Cli, project: str, tmp_path: Path) -> None:
    waiting = cli("run", project, "Pay out 50 from the till.", "--user", "1", "--json")
    assert waiting.status == 3
    id = waiting.json["approvals"][0]["id"]

    command = [str(Path(sys.executable).with_name("interlock")), "approvals", "approve", id, "--user", "boss", "--json"]
    other = subprocess.run([*command, "--home", str(tmp_path / "home")], capture_output=True, text=True, check=False)

    assert other.returncode == 0, other.stderr
    assert [(c["tool"], c["outcome"]) for c in json.loads(other.stdout)["calls"]] == [("pay_out", "done")]
    assert cli("approvals", "approve", id, "--user", "boss").status == 2


def test_a_denied_approval_ends_the_run_without_the_effect(cli: Cli, project: str) -> None:
    waiting = cli("run", project, "Pay out 50 from the till.", "--user", "1", "--json")

    denied = cli("approvals", "deny", waiting.json["approvals"][0]["id"], "--user", "boss", "--note", "no", "--json")

    assert denied.status == 0
    assert [(c["tool"], c["outcome"]) for c in denied.json["calls"]] == [("pay_out", "refused")]


def test_approvals_alone_lists_what_waits(cli: Cli, project: str) -> None:
    cli("run", project, "Pay out 50 from the till.", "--user", "1")

    assert [a["tool"] for a in cli("approvals", "list", "--json").json] == ["pay_out"]


def test_the_trace_lists_runs_and_shows_one(cli: Cli, project: str) -> None:
    run = cli("run", project, "How much is in the till?", "--user", "1", "--json").json["run"]

    assert [r["run"] for r in cli("trace", "--json").json] == [run]
    assert {"run_started", "tool_done", "replied", "run_ended"} <= {e["kind"] for e in cli("trace", run, "--json").json}
    assert "till" in cli("trace", run[:30]).out


def test_audit_verify_names_the_row_that_was_changed(cli: Cli, project: str, tmp_path: Path) -> None:
    cli("run", project, "How much is in the till?", "--user", "1")
    assert cli("audit", "verify").status == 0
    with sqlite3.connect(tmp_path / "home" / "journal.db") as journal:
        journal.execute("UPDATE events SET head = replace(head, 'till', 'tall') WHERE seq = 4")
    journal.close()

    broken = cli("audit", "verify", "--json")

    assert broken.status == 1
    assert broken.json["findings"][0]["row"] == 4


def test_the_policy_is_checked_and_explained(cli: Cli, project: str) -> None:
    assert cli("policy", "check", project, home=False).status == 0

    found = cli("policy", "explain", project, "pay_out", '{"amount": "30"}', "--json", home=False)

    assert (found.json["outcome"], found.json["policies"]) == ("ask", ["pay-large"])


def test_an_explanation_says_what_would_be_changed_and_by_which_policy(cli: Cli, project: str) -> None:
    policy = Path(project) / "policy.cedar"
    cap = '@id("cap") @reason("no more today") @cap("amount: 15")'
    policy.write_text(f'{policy.read_text()}\n{cap} forbid (principal, action == Action::"pay_out", resource);\n')

    told = cli("policy", "explain", project, "pay_out", '{"amount": "18"}', home=False)

    assert told.out.splitlines()[:2] == ["transform: no more today", "  changed: cap amount at 15 (by cap)"]


def test_a_result_can_be_explained_and_one_of_no_tool_cannot(cli: Cli, project: str) -> None:
    found = cli("policy", "explain", project, "take_result", '{"tool": "till", "value": 3}', "--json", home=False)
    refused = cli("policy", "explain", project, "take_result", "{}", home=False)

    assert found.json["outcome"] == "allow"
    assert (refused.status, "the result of a tool" in refused.err) == (2, True)


def test_a_policy_that_names_no_such_argument_is_refused_with_its_line(cli: Cli, project: str) -> None:
    policy = Path(project) / "policy.cedar"
    policy.write_text(policy.read_text().replace("context.args.amount.less", "context.args.amout.less"))

    refused = cli("policy", "check", project, home=False)

    assert refused.status == 2
    assert "amout" in refused.err
    assert "policy.cedar:" in refused.err


def test_everything_that_is_wrong_with_a_policy_is_named_with_its_place(cli: Cli, project: str) -> None:
    (Path(project) / "policy.cedar").write_text(
        "permit (principal, action, resource) whn { true };\n"
        '@roels("lead")\n'
        'permit (principal, action == Action::"pay_out", resource) when { context.args.amout > 1 };\n'
        'forbid (principal, action == Action::"payout", resource);\n'
    )

    refused = cli("policy", "check", project, "--json", home=False)

    assert (refused.status, refused.json["ok"]) == (2, False)
    assert [error["where"].partition("policy.cedar:")[2] for error in refused.json["errors"]] == [
        "1:38", "2:2", "3:79", "4:38",
    ]  # fmt: skip
    assert refused.err.count("policy.cedar:") == 4
    assert "did you mean 'amount'?" in refused.err
    assert "did you mean 'pay_out'?" in refused.err


def test_the_graph_is_drawn(cli: Cli, project: str) -> None:
    assert "think" in cli("graph", project, home=False).out


def test_suites_run_and_the_exit_status_tells(cli: Cli, project: str) -> None:
    assert cli("eval", "run", project, home=False).status == 0
    suite = Path(project) / "evals" / "first.yaml"
    suite.write_text(suite.read_text().replace('"42"', '"43"'))

    failed = cli("eval", "run", project, "--json", home=False)

    assert failed.status == 1
    assert failed.json["totals"]["passed"] == 1


def test_a_report_is_compared_with_a_baseline(cli: Cli, project: str, tmp_path: Path) -> None:
    report = str(tmp_path / "report.json")
    cli("eval", "run", project, "--out", report, home=False)

    assert cli("eval", "compare", report, report, home=False).status == 0


def test_memory_is_listed_and_forgotten(cli: Cli, tmp_path: Path) -> None:
    from interlock.memory import Memory
    from interlock.runtime.clock import SystemClock
    from interlock.runtime.home import Home
    from interlock.runtime.memories import Note, Owner

    home = Home(tmp_path / "home")
    _ = home.database
    store = Memory().open(home.path, SystemClock())
    store.add(Note(text="I prefer e-mail."), Owner(tenant="default", user="7"))
    store.close()
    home.close()

    assert [m["text"] for m in cli("memory", "list", "--user", "7", "--json").json] == ["I prefer e-mail."]
    assert cli("memory", "list", "--user", "8", "--json").json == []
    assert cli("memory", "forget", "--user", "7", "--yes").status == 0
    assert cli("memory", "list", "--user", "7", "--json").json == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "nowhere", "hi"], "there is no such folder"),
        (["run", "no.such.module:graph", "hi"], "which is not installed"),
        (["trace", "abc"], "nothing has been recorded here"),
        (["run"], "Missing argument"),
        (["fly"], "No such command"),
    ],
)
def test_bad_usage_says_what_is_wrong_and_ends_with_2(cli: Cli, words: list[str], says: str) -> None:
    done = cli(*words, home=words[0] not in ("fly",))

    assert done.status == 2
    assert says in done.err


def test_an_unknown_run_is_named(cli: Cli, project: str) -> None:
    cli("run", project, "How much is in the till?", "--user", "1")

    unknown = cli("trace", "zzz")

    assert (unknown.status, "no run 'zzz'" in unknown.err) == (2, True)


def test_an_unknown_thread_of_a_run_that_waits_for_nothing_is_named(cli: Cli, project: str) -> None:
    cli("run", project, "How much is in the till?", "--user", "1")

    assert "no approval 'zzz'" in cli("approvals", "approve", "zzz", "--user", "boss").err


@pytest.mark.parametrize(("text", "says"), [("", "the request is empty"), ("x" * 120_000, "has 120,000 characters")])
def test_an_empty_or_endless_message_is_refused(cli: Cli, project: str, text: str, says: str) -> None:
    done = cli("run", project, text)

    assert (done.status, says in done.err) == (2, True)


def test_a_home_that_cannot_be_made_is_named(cli: Cli, project: str, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")

    done = cli("run", project, "hi")

    assert done.status == 2
    assert str(tmp_path / "home") in done.err


def test_a_tool_that_prints_does_not_spoil_machine_output(cli: Cli, project: str) -> None:
    tools = Path(project) / "tools.py"
    tools.write_text(tools.read_text().replace("    return Till(", '    print("rattle")\n    return Till('))

    done = cli("run", project, "How much is in the till?", "--json")

    assert done.json["status"] == "done"
    assert "rattle" in done.err


def test_broken_yaml_is_named_with_its_line(cli: Cli, project: str) -> None:
    (Path(project) / "evals" / "first.yaml").write_text("suite: first\ncases: [\n")

    done = cli("eval", "run", project, home=False)

    assert done.status == 2
    assert "first.yaml:" in done.err


def test_a_tool_without_types_is_refused_when_the_agent_is_loaded(cli: Cli, project: str) -> None:
    tools = Path(project) / "tools.py"
    tools.write_text(tools.read_text().replace("percent: Decimal", "percent"))

    done = cli("run", project, "hi")

    assert done.status == 2
    assert "percent" in done.err


def test_init_does_not_write_over_anything(cli: Cli, project: str) -> None:
    assert cli("init", project, home=False).status == 2


def test_an_error_is_machine_output_too(cli: Cli) -> None:
    done = cli("run", "nowhere", "hi", "--json")

    assert (done.status, done.json["error"]["code"]) == (2, "agent-not-found")


def test_a_wrong_option_is_machine_output_too(cli: Cli) -> None:
    done = cli("trace", "--json", "--stauts", "failed")

    assert done.status == 2
    assert (done.json["error"]["code"], "--stauts" in done.json["error"]["message"]) == ("usage", True)


@pytest.mark.parametrize(("option", "says"), [("--user", "user:"), ("--tenant", "tenant:"), ("--thread", "thread ''")])
def test_an_empty_name_is_refused(cli: Cli, project: str, option: str, says: str) -> None:
    done = cli("run", project, "hi", option, "")

    assert (done.status, says in done.err) == (2, True)


def test_approvals_without_a_verb_lists_them_in_any_home(cli: Cli, project: str) -> None:
    cli("run", project, "Pay out 50 from the till.", "--user", "1")

    assert [a["tool"] for a in cli("approvals", "--json").json] == ["pay_out"]


def test_memory_explain_tells_what_would_become_of_a_text(cli: Cli, tmp_path: Path) -> None:
    said = cli("memory", "explain", "I prefer letters.", "--user", "7", "--slot", "user/channel")
    read = cli("memory", "explain", "Ignore it.", "--user", "7", "--untrusted", "--source", "search_help", "--json")

    assert said.out == "kept (kept): allowed by the write policy\n"
    assert (read.status, read.json["kept"], read.json["code"]) == (0, False, "untrusted-source")
    assert "search_help" in read.json["reason"]
    assert cli("memory", "explain", "x", "--user", "7", "--slot", "channel").status == 2
    assert not (tmp_path / "home").exists()


def test_memory_explain_asks_the_agents_own_policies(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "write.yaml").write_text("kinds: [preference]\n")
    (folder / "policy.cedar").write_text(
        'permit (principal, action, resource);\n@id("no-pin") @reason("pins are not kept")\n'
        'forbid (principal, action == Action::"write_memory", resource)\n'
        'when { context.args has text && context.args.text like "*PIN*" };\n'
    )
    (folder / "agent.py").write_text(
        "from interlock import Agent\nfrom interlock.graphs import tool_loop\nfrom interlock.memory import Memory\n"
        'graph = tool_loop(Agent(name="notes", policy="policy.cedar", memory=Memory(write="write.yaml")))\n'
    )
    asked = ("memory", "explain", "--user", "7", "--agent", str(folder), "--json")

    assert cli(*asked, "I like tea").json["code"] == "kind-not-kept"
    assert cli(*asked, "I like tea", "--kind", "preference").json["code"] == "kept"
    assert cli(*asked, "My PIN is long").json["reason"] == "pins are not kept"


def test_memory_prune_takes_a_policy_file_and_tells_first(cli: Cli, project: str, tmp_path: Path) -> None:
    from interlock.memory import Memory
    from interlock.runtime.clock import SystemClock
    from interlock.runtime.memories import Note, Owner

    assert cli("run", project, "What is 2 plus 2?", "--user", "7").status == 0
    store = Memory().open(tmp_path / "home", SystemClock())
    store.add_all([Note(text="I like tea."), Note(text="I own a boat.")], Owner(tenant="default", user="7"))
    store.close()
    (tmp_path / "prune.yaml").write_text("capacity: 1\n")
    prune = ("memory", "prune", "--user", "7", "--policy", str(tmp_path / "prune.yaml"), "--json")

    assert [one["code"] for one in cli(*prune, "--dry-run").json["removed"]] == ["capacity"]
    assert len(cli("memory", "list", "--user", "7", "--json").json) == 2
    cli(*prune)
    assert len(cli("memory", "list", "--user", "7", "--json").json) == 1
