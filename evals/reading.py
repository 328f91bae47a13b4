"""Read suites from YAML; whatever is wrong is named with its file and line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from interlock.evals.suite import Suite
from interlock.runtime.errors import SuiteBroken

Where = tuple[int | str, ...]

HINTS = {
    "extra_forbidden": "remove the key, or correct its spelling",
    "missing": "add the key",
    "string_type": "put the value in quotes, so that YAML reads it as text",
}


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a date stays text: suites compare what was said."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_suites(path: Path) -> list[Suite]:
    """Read one suite, or all in a folder (`*.yaml`, by name).

    Raises:
        SuiteBroken: a file cannot be read or has a wrong shape, or there is none.
    """
    if not path.exists():
        raise SuiteBroken(
            what="there is none", where=str(path), fix="write a suite there, or record one with `interlock eval record`"
        )
    if not path.is_dir():
        return [read_suite(path)]
    files = sorted(path.glob("*.yaml"))
    if not files:
        raise SuiteBroken(
            what="no suite found", where=str(path), fix="put a *.yaml suite there, or name another folder"
        )
    return [read_suite(file) for file in files]


def read_suite(path: Path) -> Suite:
    """Read one suite.

    Raises:
        SuiteBroken: with the line and what to do.
    """
    root = _parsed(path)
    data: Any = {} if root is None else _plain(root, path)
    try:
        return Suite.model_validate(data).model_copy(update={"path": path})
    except ValidationError as error:
        raise _refused(error, root, path) from error


def _parsed(path: Path) -> yaml.Node | None:
    try:
        root: yaml.Node | None = yaml.compose(path.read_text("utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteBroken(what=f"cannot be read: {error}", where=str(path), fix="name a UTF-8 YAML file") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SuiteBroken(
            what=f"is not YAML: {error.problem or error.context}",
            where=f"{path}:{mark.line + 1 if mark else 1}",
            fix="check indentation, quotes and brackets there",
        ) from error
    except yaml.YAMLError as error:
        raise SuiteBroken(what=f"is not YAML: {error}", where=str(path), fix="save it as plain UTF-8 text") from error
    return root


def _plain(node: yaml.Node, path: Path) -> Any:
    """Turn a node into data, refusing a key that stands twice: YAML would silently keep the last."""
    for mapping in _mappings(node):
        seen = set[str]()
        for key, _ in mapping.value:
            name = str(key.value)
            if name in seen:
                raise SuiteBroken(
                    what=f"key {name!r} stands twice",
                    where=f"{path}:{key.start_mark.line + 1}",
                    fix="keep one of them",
                )
            seen.add(name)
    loader = _Loader("")
    try:
        return loader.construct_document(node)
    except yaml.constructor.ConstructorError as error:
        mark = error.problem_mark
        raise SuiteBroken(
            what=f"is not plain YAML: {error.problem}",
            where=f"{path}:{mark.line + 1 if mark else 1}",
            fix="use text, numbers, lists and mappings only",
        ) from error
    finally:
        loader.dispose()


def _mappings(node: yaml.Node) -> Sequence[yaml.MappingNode]:
    """List every mapping in the tree; an alias that leads back to itself is visited once."""
    found, seen, todo = list[yaml.MappingNode](), set[int](), [node]
    while todo:
        here = todo.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        if isinstance(here, yaml.MappingNode):
            found.append(here)
            todo += [part for pair in here.value for part in pair]
        elif isinstance(here, yaml.SequenceNode):
            todo += here.value
    return found


def _refused(error: ValidationError, root: yaml.Node | None, path: Path) -> SuiteBroken:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the file"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    message = "no such key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    return SuiteBroken(
        what=f"{place}: {message[:1].lower()}{message[1:]}{more}",
        where=f"{path}:{_line(root, first['loc'])}",
        fix=HINTS.get(first["type"], "correct it there"),
    )


def _line(node: yaml.Node | None, loc: Where) -> int:
    """Find the line of a place in the data: of its key, where it has one, or of the nearest thing around it."""
    line = _start(node)
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if pair is None:
                break
            line, node = _start(pair[0]), pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = _start(node)
        # Anything else is a step inside pydantic's own location, such as the name of a union's member.
    return line


def _start(node: yaml.Node | None) -> int:
    return 1 if node is None else int(node.start_mark.line) + 1
