"""Print every public name: what a folder lists in its `__all__`."""

from collections.abc import Iterator
from importlib import import_module

from checkout import sources


def public_names() -> Iterator[str]:
    for module, path in sources():
        if path.name == "__init__.py":
            yield from (f"{module}.{name}" for name in getattr(import_module(module), "__all__", ()))


if __name__ == "__main__":
    print(*sorted(public_names()), sep="\n")
