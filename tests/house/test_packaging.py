import os

import pytest

from checkout import PACKAGE, ROOT, folders, project


def test_every_link_leads_to_the_root_folder_of_its_name() -> None:
    assert {name: os.readlink(PACKAGE / name) for name in folders()} == {name: f"../../{name}" for name in folders()}


def test_wheels_are_built_from_exactly_the_linked_folders() -> None:
    build = project()["tool"]["hatch"]["build"]

    assert build["only-include"] == ["src/interlock/__init__.py", "src/interlock/py.typed", *_in_order()]
    assert build["targets"]["wheel"]["sources"] == {
        "src/interlock": "interlock",
        **{name: f"interlock/{name}" for name in _in_order()},
    }


def test_pyright_is_shown_every_linked_folder() -> None:
    shown: list[str] = project()["tool"]["pyright"]["include"]

    assert [path for path in shown if path.startswith("src/")] == [
        "src/interlock/__init__.py",
        *(f"src/interlock/{name}" for name in _in_order()),
    ]


@pytest.mark.parametrize("name", folders())
def test_no_folder_of_the_package_hides_files_from_the_wheel(name: str) -> None:
    inner = {path.parent for path in (ROOT / name).rglob("*.py")}

    assert [path for path in inner if not (path / "__init__.py").exists()] == []


def _in_order() -> list[str]:
    """Give the folders as pyproject lists them, once it is sure that none is missing or too many."""
    listed = [path for path in project()["tool"]["hatch"]["build"]["only-include"] if not path.startswith("src/")]
    assert sorted(listed) == folders()
    return listed
