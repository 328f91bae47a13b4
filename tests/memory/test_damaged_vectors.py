"""Vectors that a crash left unreadable are made again from the table; what merely cannot be written is left alone."""

import resource
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.killed import Hashed

from interlock.memory import Memory, WritePolicy
from interlock.memory.index import Index, IndexDamaged
from interlock.memory.layout import folder_of
from interlock.memory.store import Store
from interlock.runtime.clock import SystemClock
from interlock.runtime.errors import HomeUnusable
from interlock.runtime.memories import Note, Owner

ANN = Owner(tenant="default", user="ann")
MANY = 1_100
"""More than Chroma keeps in its log alone."""


def opened(home: Path) -> Store:
    return Memory(write=WritePolicy(per_hour=None), embedder=Hashed()).open(home, SystemClock())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose vectors Chroma has written to a graph."""
    home = tmp_path_factory.mktemp("whole")
    store = opened(home)
    store.add_all([Note(text=f"The parcel {n * 7919} lies in shelf {n}.") for n in range(MANY)], ANN)
    store.close()
    return home


@pytest.fixture
def vectors(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "home")
    return folder_of(tmp_path / "home", ANN.tenant, ANN.user) / "vectors"


@contextmanager
def small_files() -> Generator[None]:
    """Let no file grow beyond a few kilobytes, as on a full disk."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def graph(vectors: Path, name: str) -> Path:
    (file,) = vectors.glob(f"*/{name}")
    return file


DAMAGES: dict[str, Callable[[Path], object]] = {
    "vectors cut off": lambda v: graph(v, "data_level0.bin").write_bytes(
        graph(v, "data_level0.bin").read_bytes()[:999]
    ),
    "lengths gone": lambda v: graph(v, "length.bin").unlink(),
    "header cut off": lambda v: graph(v, "header.bin").write_bytes(b"\1\0"),
    "header of nonsense": lambda v: graph(v, "header.bin").write_bytes(b"\xff" * 100),
    "ids of nonsense": lambda v: graph(v, "index_metadata.pickle").write_bytes(b"nonsense"),
    "no database": lambda v: (v / "chroma.sqlite3").write_bytes(b"no database" * 999),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_chroma_cannot_read_is_made_again(vectors: Path, tmp_path: Path, damage: str) -> None:
    DAMAGES[damage](vectors)

    store = opened(tmp_path / "home")
    found = store.search("The parcel 7919 lies in shelf 1.", ANN).items
    forgotten = store.forget(ANN, id=found[0].id)

    assert found[0].text == "The parcel 7919 lies in shelf 1."
    assert forgotten is not None
    assert len(store.list(ANN, limit=-1)) == MANY - 1
    store.close()
    assert graph(vectors, "data_level0.bin").stat().st_size > MANY


def test_what_cannot_be_written_is_not_taken_for_damaged(vectors: Path) -> None:
    (vectors / "chroma.sqlite3").write_bytes(b"no database" * 999)

    with small_files(), pytest.raises(HomeUnusable, match="Chroma: ") as raised:
        Index(vectors, embedder=Hashed.name)

    assert not isinstance(raised.value, IndexDamaged)
