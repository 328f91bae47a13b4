"""Under which manifest a thread waits, and whether another may go on with it."""

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from interlock.runtime.errors import ManifestChanged
from interlock.runtime.home import Home
from interlock.runtime.journal.manifests import changes, manifest_of
from interlock.runtime.storage.database import Transaction

LIVE = frozenset({"model", "model_settings", "policy", "budget"})
"""What may change while a thread waits: it is what operators change so that a run can go on."""


def check_manifest(home: Home, run: str, now: dict[str, Any], accepted: Sequence[str]) -> None:
    """Let a waiting run be taken up only by what it was begun with, or by what declares to take it over.

    Args:
        accepted: manifests, by hash or how it begins, whose runs may be taken over.

    Raises:
        ManifestChanged: the graph, its prompts or its tools are other ones now.
    """
    begun = manifest_of(home.journal, run)
    if begun is None or any(begun.hash.startswith(one) for one in accepted if one):
        return
    found = changes(_fixed(begun.facts), _fixed(now))
    if found:
        raise ManifestChanged(
            what=f"it was begun under manifest {begun.hash[:12]}, and is no longer the same: {'; '.join(found)}",
            where=f"run {run}",
            fix=f'declare Agent(takes_over=["{begun.hash[:12]}"]) if it can go on, or start a new thread',
        )


def kept_manifest(tx: Transaction, home: Home, manifest: dict[str, Any]) -> str:
    """Keep a manifest with the journal, and give the digest under which it lies there."""
    return home.journal.store(tx, "", orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS))


def hashed(value: Any) -> str:
    """Hash JSON data: hexadecimal SHA-256."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _fixed(manifest: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in manifest.items() if name not in LIVE}
