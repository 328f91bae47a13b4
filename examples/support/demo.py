"""Show the support agent at work: every command below is one that you could type, and a process of its own.

Runs in a scratch folder that is removed at the end. Stops with an error as soon as something is not as it should be.
"""

import json
import os
import shlex
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

AGENT = Path(__file__).resolve().parent
PROGRAM = Path(sys.executable).with_name("interlock")
DONE, REFUSED, WAITING = 0, 2, 3


class Demo:
    """One home, and the commands that are run in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {**os.environ, "INTERLOCK_HOME": str(home), "SUPPORT_DB": str(home / "support.db")}

    def show(self, *words: str, exits: int = DONE) -> str:
        """Run a command before the reader's eyes, and give what it printed on stdout."""
        print(f"\n$ interlock {shlex.join(words)}", flush=True)
        done = self._run(words)
        print(done.stdout, done.stderr, sep="", end="", flush=True)
        expect(done.returncode == exits, f"exit status {exits}, not {done.returncode}")
        return done.stdout

    def ask(self, text: str, *, thread: str, exits: int = DONE) -> str:
        """Say something to the agent as customer 7, and give its reply."""
        return self.show("run", str(AGENT), text, "--user", "7", "--thread", thread, exits=exits)

    def facts(self, *words: str) -> Any:
        """Run a command quietly, and read its JSON."""
        return json.loads(self._run((*words, "--json")).stdout)

    def refunds(self, order: int) -> list[str]:
        """Read from the shop's own database what was paid back for an order."""
        with sqlite3.connect(self.home / "support.db") as shop:
            rows = shop.execute("SELECT cents FROM refunds WHERE order_id = ?", (order,)).fetchall()
        shop.close()
        return [f"{cents / 100:.2f}" for (cents,) in rows]

    def _run(self, words: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
        command = [str(PROGRAM), *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="interlock-demo-") as scratch:
        demo = Demo(Path(scratch))
        answer_from_the_database(demo)
        pay_back_a_little(demo)
        ask_a_person_before_paying_back_much(demo)
        remember_across_threads(demo)
        show_what_happened(demo)
        forget_the_customer(demo)
    print("\nAll of it was as it should be.")


def answer_from_the_database(demo: Demo) -> None:
    title("An order's status, from the shop's database")
    reply = demo.ask("Where is order 1042?", thread="monday")
    expect("1042" in reply, "an answer about order 1042")


def pay_back_a_little(demo: Demo) -> None:
    title("A small refund is done at once")
    demo.ask("Please refund 30.00 for order 1033.", thread="monday")
    expect(demo.refunds(1033) == ["30.00"], "30.00 paid back once")


def ask_a_person_before_paying_back_much(demo: Demo) -> None:
    title("A large refund waits for a team lead, and is then done once")
    demo.ask("Please refund 89.00 for order 1017.", thread="tuesday", exits=WAITING)
    expect(demo.refunds(1017) == [], "nothing paid back yet")
    demo.show("approvals")
    (approval,) = demo.facts("approvals", "list")
    answer = ("approvals", "approve", approval["id"], "--user", "lena", "--role", "lead")
    demo.show(*answer)
    expect(demo.refunds(1017) == ["89.00"], "89.00 paid back once")
    demo.show(*answer, exits=REFUSED)
    expect(demo.refunds(1017) == ["89.00"], "89.00 still paid back once, after a second answer")


def remember_across_threads(demo: Demo) -> None:
    title("What a customer says in one conversation is known in the next")
    demo.ask("I prefer e-mail to phone calls.", thread="wednesday")
    reply = demo.ask("How do I prefer to be contacted?", thread="friday")
    expect("e-mail" in reply, "an answer that names e-mail")


def show_what_happened(demo: Demo) -> None:
    title("Everything stands in the journal, and the journal can be verified")
    demo.show("trace")
    waited = next(run for run in demo.facts("trace") if "89.00" in run["asked"])
    demo.show("trace", waited["run"])
    demo.show("audit", "verify")


def forget_the_customer(demo: Demo) -> None:
    title("A customer is forgotten: a signed receipt says so, and a search of every byte proves it")
    receipt = str(demo.home / "receipt.json")
    demo.show("memory", "forget", "--user", "7", "--yes", "--receipt", receipt)
    demo.show("memory", "verify", receipt)
    demo.show("audit", "verify")
    expect(demo.facts("memory", "list", "--user", "7") == [], "nothing remembered of customer 7")
    expect(demo.refunds(1017) == ["89.00"], "the shop's own books untouched")


def title(text: str) -> None:
    print(f"\n== {text}", flush=True)


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise SystemExit(f"the demo expected {what}")


if __name__ == "__main__":
    main()
