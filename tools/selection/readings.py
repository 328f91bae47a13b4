"""What MiniLM reads in tools: the summary of each, all that its contract says, and every piece of that."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zipfile import BadZipFile

from interlock.runtime.contract import ToolContract
from interlock.runtime.models.embeddings import Embedder, TokenVectors
from interlock.tools.selection.words import document, spaced

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Small = NDArray[np.int8]

SCALE: Final = 256.0
"""Pieces are kept as whole numbers of -127 to 127: their unit rows times this."""
_AT_ONCE: Final = 64
"""Tools that are read at once: the embedder remembers their texts, and gives their pieces without reading again."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One tool's."""

    summary: "Floats"
    whole: "Floats"
    pieces: tuple[str, ...]
    """The tokenizer's, of all that the contract says; never none."""
    rows: "Small"
    """Shape (len(pieces), d)."""
    head: int
    """How many of the pieces tell what it is called and what it is for."""


def readings(contracts: Sequence[ToolContract], embedder: Embedder, store: Path | None) -> list[Reading]:
    """Read tools, but for those that are in the store as they are."""
    keys = [_key(each, embedder.name) for each in contracts]
    kept = _load(store)
    missing = {key: each for key, each in zip(keys, contracts, strict=True) if key not in kept}
    if missing:
        kept.update(zip(missing, _read(list(missing.values()), embedder), strict=True))
        _save(store, {key: kept[key] for key in dict.fromkeys(keys)})
    return [kept[key] for key in keys]


def _summary(contract: ToolContract) -> str:
    return f"{spaced(contract.name)}: {contract.description}"


def _key(contract: ToolContract, embedder: str) -> str:
    texts = "\0".join((embedder, _summary(contract), document(contract)))
    return sha256(texts.encode("utf-8", "replace")).hexdigest()


def _read(contracts: list[ToolContract], embedder: Embedder) -> list[Reading]:
    found: list[Reading] = []
    for begin in range(0, len(contracts), _AT_ONCE):
        part = contracts[begin : begin + _AT_ONCE]
        summaries, documents = [_summary(each) for each in part], [document(each) for each in part]
        vectors = embedder.embed([*summaries, *documents])
        briefs, fulls = embedder.tokens(summaries), embedder.tokens(documents)
        found += [
            _reading(vectors[place], vectors[len(part) + place], len(briefs[place].words), fulls[place])
            for place in range(len(part))
        ]
    return found


def _reading(summary: "Floats", whole: "Floats", brief: int, full: TokenVectors) -> Reading:
    import numpy as np

    pieces, rows = full.words, full.vectors
    if not pieces:
        pieces, rows = ("",), np.zeros((1, len(whole)), dtype=np.float32)
    small = np.clip(np.round(rows * SCALE), -127, 127).astype(np.int8)
    head = min(max(brief - 1, 1), len(pieces))  # the summary has a colon more
    return Reading(summary=summary, whole=whole, pieces=pieces, rows=small, head=head)


def _load(store: Path | None) -> dict[str, Reading]:
    import numpy as np

    if store is None or not store.exists():
        return {}
    try:
        with np.load(store, allow_pickle=False) as kept:
            pieces = [tuple(text.split(" ")) for text in kept["pieces"].tolist()]
            rows = np.split(kept["rows"], np.cumsum([len(own) for own in pieces])[:-1])
            parts = zip(kept["summaries"], kept["wholes"], pieces, rows, kept["heads"].tolist(), strict=True)
            made = [
                Reading(summary=summary, whole=whole, pieces=own, rows=part, head=head)
                for summary, whole, own, part, head in parts
            ]
            return dict(zip(kept["keys"].tolist(), made, strict=True))
    except (OSError, ValueError, KeyError, BadZipFile):
        return {}  # a store that cannot be read is made anew


def _save(store: Path | None, found: dict[str, Reading]) -> None:
    import numpy as np

    if store is None:
        return
    part = store.with_suffix(f".{os.getpid()}.part.npz")  # two processes may write at once
    every = list(found.values())
    np.savez(
        part,
        keys=np.array(list(found)),
        summaries=np.stack([each.summary for each in every]),
        wholes=np.stack([each.whole for each in every]),
        pieces=np.array([" ".join(each.pieces) for each in every]),
        heads=np.array([each.head for each in every]),
        rows=np.concatenate([each.rows for each in every]),
    )
    part.replace(store)
