"""Whatever people do with approvals, in whatever order: each is used once at most, and as it was given."""

import asyncio
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.graphs.conftest import Agents, Till, call, calls
from tests.runtime.gate.conftest import TWO_OF

from interlock import Caller, Session
from interlock.graphs import tool_loop
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import ApprovalRefused, NotFound
from interlock.runtime.home import Home

ACTS = st.tuples(
    st.sampled_from(["approve", "approve", "deny", "edit", "resume", "later", "much later"]),
    st.sampled_from(["ada", "ben", "cem", "eve"]),
    st.integers(0, 1),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ACTS, min_size=4, max_size=14))
def test_each_approval_is_used_once_at_most_and_only_with_its_quorum(acts: list[tuple[str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(clock=ManualClock(), till=Till(), folder=Path(folder))
        asyncio.run(desk.play(acts))


@dataclass(kw_only=True)
class Desk:
    """Two payments of eve's that wait, and people who answer from another process."""

    clock: ManualClock
    till: Till
    folder: Path

    def home(self) -> Home:
        return Home(self.folder / "home", clock=self.clock)

    async def play(self, acts: list[tuple[str, str, int]]) -> None:
        here, there = self.home(), self.home()
        agents = Agents(self.till, self.folder)
        (self.folder / "policy.cedar").write_text(TWO_OF)
        asked = calls(*(call("pay", f"c{n}", amount=f"{n}00") for n in (1, 2)))
        async with Session(tool_loop(agents.make(asked, "Told.")), home=here, thread="t", user="eve") as opened:
            await opened.send("pay")
            for act, who, which in acts:
                if act == "resume":
                    with suppress(NotFound):
                        await opened.resume()
                elif act in ("later", "much later"):
                    self.clock.advance(600.0 if act == "later" else 8_000.0)
                else:
                    answer(there, act, Caller(user=who, roles=("lead",)), which)
        self.judge(there)
        here.close()
        there.close()

    def judge(self, home: Home) -> None:
        """Hold what was paid against what was approved, and try to use again what is over."""
        every = home.approvals.list(state=None)
        used = [one for one in every if one.state == "used"]
        assert sorted(self.till.paid) == sorted(Decimal(str(one.arguments["amount"])) for one in used)
        assert all(len(set(one.approved_by)) >= one.quorum == 2 for one in used)
        assert not any(given.by == "eve" for one in every for given in one.answers)
        for one in every:
            if one.state != "pending":
                with pytest.raises(ApprovalRefused):
                    home.approvals.answer(one.id, approve=True, by=Caller(user="dan", roles=("lead",)))


def answer(home: Home, act: str, by: Caller, which: int) -> None:
    with suppress(ApprovalRefused):
        for one in home.approvals.list(state=None)[which : which + 1]:
            if act == "edit":
                home.approvals.edit(one.id, {"amount": "150"}, by=by)
            else:
                home.approvals.answer(one.id, approve=act == "approve", by=by)
