import pytest
from importlinter.cli import lint_imports

from checkout import ROOT, folders, project


def test_imports_go_down(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)

    status = lint_imports(no_cache=True)

    assert status == 0, capsys.readouterr().out


def test_every_folder_stands_on_a_floor() -> None:
    layers: list[str] = project()["tool"]["importlinter"]["contracts"][0]["layers"]

    assert sorted(name.strip() for floor in layers for name in floor.split("|")) == [
        f"interlock.{name}" for name in folders()
    ]
