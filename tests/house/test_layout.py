"""Ceilings and bans that hold for every file of the package."""

import ast
from collections.abc import Iterator
from pathlib import Path

from checkout import ROOT, sources

LINES_IN_A_FILE = 400
LINES_IN_A_FUNCTION = 40
BANNED_MODULES = {"time", "random", "uuid"}
BANNED_OF_DATETIME = {"now", "utcnow", "today"}
DOOR = ROOT / "runtime" / "clock.py"


def test_a_file_holds_one_idea() -> None:
    lengths = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in _files()}

    assert {name: lines for name, lines in lengths.items() if lines > LINES_IN_A_FILE} == {}


def test_a_function_does_one_thing() -> None:
    lengths = {f"{_name(path)}:{it.name}": _lines(it) for path in _files() for it in _functions(path)}

    assert {name: lines for name, lines in lengths.items() if lines > LINES_IN_A_FUNCTION} == {}


def test_imports_are_spelled_out() -> None:
    imports = [(path, it) for path in _files() for it in _nodes(path) if isinstance(it, ast.ImportFrom)]

    assert [f"{_name(path)}:{it.lineno}" for path, it in imports if it.level] == []


def test_time_chance_and_identity_come_in_by_the_door() -> None:
    assert [use for path in _files() if path != DOOR for use in _around_the_clock(path)] == []


def test_the_ban_would_see_what_the_door_lets_in() -> None:
    assert {use.rpartition(" ")[2] for use in _around_the_clock(DOOR)} == {"time", "random", "uuid", "datetime.now"}


def _files() -> list[Path]:
    return [path for _, path in sources()]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def _functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in _nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _around_the_clock(path: Path) -> list[str]:
    return [f"{_name(path)}:{line} {name}" for node in _nodes(path) for line, name in _banned(node)]


def _banned(node: ast.AST) -> list[tuple[int, str]]:
    match node:
        case ast.Import(names=names, lineno=line):
            return [(line, it.name) for it in names if it.name.partition(".")[0] in BANNED_MODULES]
        case ast.ImportFrom(module=str(module), lineno=line):
            return [(line, module)] if module.partition(".")[0] in BANNED_MODULES else []
        case ast.Attribute(value=ast.Name(id=kind) | ast.Attribute(attr=kind), attr=name, lineno=line):
            return [(line, f"{kind}.{name}")] if kind in ("datetime", "date") and name in BANNED_OF_DATETIME else []
        case _:
            return []
