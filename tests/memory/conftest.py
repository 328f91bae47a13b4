from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.memory import Memory, ReadPolicy, WritePolicy
from interlock.memory.store import Store
from interlock.runtime.clock import ManualClock
from interlock.runtime.memories import Owner
from store_peers import Shelf, shelf


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path, clock: ManualClock) -> Iterator[Store]:
    opened = Memory(write=WritePolicy(), read=ReadPolicy()).open(home, clock)
    yield opened
    opened.close()


@pytest.fixture
def ann() -> Owner:
    return Owner(tenant="acme", user="ann")


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Shelf]:
    with shelf(tmp_path / "stores") as opened:
        yield opened
