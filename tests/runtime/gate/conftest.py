"""A till with agents around it, on a clock that stands still, and people who answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.graphs.conftest import Agents, Till

from interlock import Caller
from interlock.runtime.clock import ManualClock
from interlock.runtime.home import Home

ADA = Caller(user="ada", roles=("lead",))
BEN = Caller(user="ben", roles=("lead",))
TWO_OF = """
@id("look") permit (principal, action == Action::"look", resource);
@id("small") permit (principal, action == Action::"pay", resource)
when { context.args.amount.lessThanOrEqual(decimal("50.00")) };
@id("large") @decision("ask") @reason("more than 50") @roles("lead") @quorum("2") @expires("2h")
permit (principal, action == Action::"pay", resource) when { context.args.amount.greaterThan(decimal("50.00")) };
@id("huge") @reason("more than 500") forbid (principal, action == Action::"pay", resource)
when { context.args.amount.greaterThan(decimal("500.00")) };
"""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def home(tmp_path: Path, clock: ManualClock) -> Iterator[Home]:
    home = Home(tmp_path / "home", clock=clock)
    yield home
    home.close()


@pytest.fixture
def till() -> Till:
    return Till()


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return tmp_path / "policy.cedar"


@pytest.fixture
def agents(till: Till, tmp_path: Path, policy: Path) -> Agents:
    agents = Agents(till, tmp_path)
    policy.write_text(TWO_OF)
    return agents
