"""Find the graph that AGENT names: a folder with an agent.py, or `module:attr`."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from interlock.graphs.patterns import Compiled, assembly_of
from interlock.runtime.errors import AgentNotFound, InterlockError


def load_graph(agent: str, *, model: str | None = None) -> Compiled:
    """Load a graph and note where it came from, so that another process can go on with its runs.

    Args:
        model: used instead of the one that the agent names.

    Raises:
        AgentNotFound: there is no such folder, module or attribute, or it holds no graph of ours.
    """
    folder = Path(agent)
    graph: Compiled
    if folder.is_dir() or "/" in agent or ":" not in agent:
        graph, source = _from_folder(folder, agent), str(folder.resolve())
    else:
        graph, source = _from_module(agent), agent
    assembly = assembly_of(graph)
    if assembly is None:
        raise AgentNotFound(
            what=f"its `graph` is a {type(graph).__name__}",
            where=agent,
            fix="make it with interlock.graphs, such as tool_loop(agent)",
        )
    assembly.source = source
    if model is not None:
        assembly.use_model(model)
    return graph


def _from_folder(folder: Path, agent: str) -> Any:
    file = folder / "agent.py"
    if not file.is_file():
        what = "there is no agent.py in it" if folder.is_dir() else "there is no such folder"
        raise AgentNotFound(what=what, where=agent, fix="`interlock init DIR` makes an agent project")
    module = _package_module(folder.resolve())
    return _attribute(module, "graph", agent)


def _package_module(folder: Path) -> ModuleType:
    """Import agent.py as part of a package named after its folder, so that its imports cannot meet other modules."""
    package = folder.name.replace("-", "_")
    known = sys.modules.get(package)
    if known is None or list(getattr(known, "__path__", [])) != [str(folder)]:
        if known is not None:
            package = f"{package}_{abs(hash(str(folder))):x}"
        module = ModuleType(package)
        module.__path__ = [str(folder)]
        sys.modules[package] = module
    return _imported(f"{package}.agent", str(folder / "agent.py"))


def _from_module(agent: str) -> Any:
    name, _, attr = agent.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    return _attribute(_imported(name, agent), attr, agent)


def _imported(name: str, where: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except InterlockError:
        raise
    except ModuleNotFoundError as error:
        raise AgentNotFound(
            what=f"it imports {error.name!r}, which is not installed",
            where=where,
            fix="install it, or correct the import",
        ) from error
    except Exception as error:
        raise AgentNotFound(
            what=f"it cannot be imported: {type(error).__name__}: {error}", where=where, fix="correct the file"
        ) from error


def _attribute(module: ModuleType, name: str, where: str) -> Any:
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
        if found is None:
            raise AgentNotFound(what=f"it has no `{name}`", where=where, fix=f"write `{name} = tool_loop(agent)` in it")
    return found
