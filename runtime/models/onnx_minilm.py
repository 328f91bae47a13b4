"""MiniLM by ONNX Runtime: the vectors that torch makes, by less work, and without importing torch."""

import importlib
import importlib.util
import json
import shutil
import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interlock.runtime.errors import ModelMissing
from interlock.runtime.models.embeddings import BATCH, MiniLM, Reading, TokenVectors, digest_of, unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

MODEL, TOKENIZER, ABOUT = "model.onnx", "tokenizer.json", "onnx.json"
INPUTS, OUTPUT = ("input_ids", "attention_mask"), "tokens"
OPSET = 17
ALIKE = 1e-5
"""By how much a number of a vector may differ from torch's."""
PROBES = ("Where did I leave the bike?", "Ünïcödé costs 12.50 €, \U0001f642", "word " * 300, "a")


class OnnxMiniLM(MiniLM):
    """all-MiniLM-L6-v2 from a folder that `write_onnx` has made. It bears the name of the weights it was made from."""

    def __init__(self, folder: Path) -> None:
        self._told = _read_about(folder)
        self._prepare(folder, None)

    @property
    def name(self) -> str:
        return str(self._told["name"])

    @property
    def dimensions(self) -> int:
        return int(self._told["dimensions"])

    def _compute(self, texts: list[str]) -> list[Reading]:
        # Texts of like length go together: the short ones are filled up to the longest.
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        made: dict[int, Reading] = {}
        for start in range(0, len(order), BATCH):
            page = order[start : start + BATCH]
            made |= dict(zip(page, self._page([texts[place] for place in page]), strict=True))
        return [made[place] for place in range(len(texts))]

    def _page(self, texts: list[str]) -> list[Reading]:
        import numpy as np

        read = self._tokenizer.encode_batch(texts)
        masks = np.array([one.attention_mask for one in read], dtype=np.int64)
        fed = dict(zip(INPUTS, (np.array([one.ids for one in read], dtype=np.int64), masks), strict=True))
        (found,) = self.model().run([OUTPUT], fed)
        parts = zip(read, masks, found, strict=True)
        return [_reading(one.tokens, mask > 0, vectors, self._special) for one, mask, vectors in parts]

    @cached_property
    def _special(self) -> frozenset[str]:
        return frozenset(self._told["special"])

    @cached_property
    def _tokenizer(self) -> Any:
        tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(str(self._folder / TOKENIZER))
        tokenizer.enable_truncation(int(self._told["longest"]))
        tokenizer.enable_padding()
        return tokenizer

    def model(self) -> Any:
        """Give the session of ONNX Runtime, opened."""
        with self._lock:
            if self._model is None:
                runtime: Any = importlib.import_module("onnxruntime")
                options = runtime.SessionOptions()
                # One thread: a text is too short to share, and idle helpers spin where cores are few.
                options.intra_op_num_threads = options.inter_op_num_threads = 1
                file = str(self._folder / MODEL)
                self._model = runtime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
            return self._model


def write_onnx(folder: Path, source: MiniLM) -> OnnxMiniLM:
    """Write a model for ONNX Runtime into a folder, and compare what it gives with the source.

    Raises:
        ModelMissing: the package `onnx` is not installed, or the vectors are not the same.
    """
    if importlib.util.find_spec("onnx") is None:
        fix = "install it: pip install 'interlock[onnx]'; it is needed only to write the model"
        raise ModelMissing(what="the package onnx is not installed", where=str(folder), fix=fix)
    folder.mkdir(parents=True, exist_ok=True)
    model = source.model()
    _export(model, folder / MODEL)
    shutil.copy(source.folder / TOKENIZER, folder / TOKENIZER)
    about = {
        "name": source.name,
        "dimensions": source.dimensions,
        "longest": model.max_seq_length,
        "special": model.tokenizer.all_special_tokens,
        "sha256": {name: digest_of(folder / name) for name in (MODEL, TOKENIZER)},
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")
    made = OnnxMiniLM(folder)
    if (far := farthest(made, source)) > ALIKE:
        (folder / ABOUT).unlink()
        fix = "use the model by torch; the versions of torch and onnx do not go together"
        raise ModelMissing(what=f"the written model gives other vectors (by {far:.1e})", where=str(folder), fix=fix)
    return made


def farthest(one: MiniLM, other: MiniLM, texts: Sequence[str] = PROBES) -> float:
    """Tell by how much any number of two models' vectors of texts differs; without end where they read other words."""
    import numpy as np

    ones, others = one.tokens(texts), other.tokens(texts)
    if [tokens.words for tokens in ones] != [tokens.words for tokens in others]:
        return float("inf")
    pairs = [(a.vectors, b.vectors) for a, b in zip(ones, others, strict=True)]
    return max(float(np.abs(a - b).max(initial=0.0)) for a, b in [*pairs, (one.embed(texts), other.embed(texts))])


def _export(model: Any, file: Path) -> None:
    import torch

    class Network(torch.nn.Module):
        """The transformer alone: pooling is done on what it gives."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = model[0].auto_model

        def forward(self, ids: Any, mask: Any) -> Any:
            segments = torch.zeros_like(ids)
            return self.inner(input_ids=ids, attention_mask=mask, token_type_ids=segments).last_hidden_state

    shown = model.tokenizer(["two texts", "of unequal length"], padding=True, return_tensors="pt")
    axes = {name: {0: "texts", 1: "tokens"} for name in (*INPUTS, OUTPUT)}
    with warnings.catch_warnings():
        # The exporter that torch recommends instead needs one package more, and writes the same network.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Network().eval(), tuple(shown[name] for name in INPUTS), str(file), input_names=list(INPUTS),
            output_names=[OUTPUT], dynamic_axes=axes, opset_version=OPSET, dynamo=False,
        )  # fmt: skip


def _reading(tokens: Sequence[str], mask: Any, vectors: "Matrix", special: frozenset[str]) -> Reading:
    import numpy as np

    there: list[int] = np.flatnonzero(mask).tolist()
    inner = [place for place in there if tokens[place] not in special]
    sentence = unit(vectors[there].mean(axis=0)[None, :])[0]
    return Reading(sentence, TokenVectors(words=tuple(tokens[i] for i in inner), vectors=unit(vectors[inner])))


def _read_about(folder: Path) -> dict[str, Any]:
    """Read what a folder says of its model, and refuse files that are not those that were written."""
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        digests: dict[str, str] = about["sha256"]
        wrong = [name for name in (MODEL, TOKENIZER) if digest_of(folder / name) != digests[name]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelMissing(what=f"this is no model for ONNX Runtime: {error}", where=str(folder), fix=_FIX) from error
    if wrong:
        raise ModelMissing(what=f"{' and '.join(wrong)} changed since it was written", where=str(folder), fix=_FIX)
    return about


_FIX = "write it anew with `interlock memory onnx FOLDER`"
