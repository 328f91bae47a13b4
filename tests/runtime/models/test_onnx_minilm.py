"""The embedding model by ONNX Runtime gives what it gives by torch."""

import shutil
from pathlib import Path
from typing import cast

import pytest

from interlock.runtime.errors import ModelMissing
from interlock.runtime.models.embeddings import MiniLM, minilm
from interlock.runtime.models.onnx_minilm import ABOUT, MODEL, OnnxMiniLM, farthest, write_onnx

pytest.importorskip("onnx", reason="needed to write the model: pip install 'interlock[onnx]'")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    write_onnx(folder, cast(MiniLM, minilm()))
    return folder


def test_vectors_of_texts_and_tokens_are_those_of_torch(written: Path) -> None:
    texts = ["Who owns the red bicycle?", "", "naïve café 12.5 %", "\u202eright to left", "[MASK] me", "x" * 3_000]

    assert farthest(OnnxMiniLM(written), cast(MiniLM, minilm()), texts) < 1e-5


def test_it_bears_the_same_name_and_is_found_by_its_folder(written: Path) -> None:
    by_onnx = minilm(written)

    assert isinstance(by_onnx, OnnxMiniLM)
    assert (by_onnx.name, by_onnx.dimensions) == (minilm().name, 384)


def test_a_model_that_was_changed_is_refused(written: Path, tmp_path: Path) -> None:
    shutil.copytree(written, tmp_path / "copy")
    with (tmp_path / "copy" / MODEL).open("ab") as model:
        model.write(b"x")

    with pytest.raises(ModelMissing, match=r"model\.onnx changed since it was written"):
        OnnxMiniLM(tmp_path / "copy")


@pytest.mark.parametrize("about", ["", "{}", "[]", '{"sha256": 5}'])
def test_a_folder_that_holds_no_such_model_is_refused(tmp_path: Path, about: str) -> None:
    (tmp_path / ABOUT).write_text(about)

    with pytest.raises(ModelMissing, match="no model for ONNX Runtime"):
        minilm(tmp_path)
