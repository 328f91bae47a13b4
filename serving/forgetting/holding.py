"""Legal holds: what is held on a person is neither erased nor pruned."""

from interlock.memory.store import Store
from interlock.runtime import erasures
from interlock.runtime.home import Home
from interlock.runtime.memories import Owner


def hold(home: Home, store: Store, owner: Owner, reason: str) -> None:
    """Keep everything of a person from being erased or pruned, until `release`."""
    erasures.hold(home.database, owner, reason)
    store.hold(owner, reason)


def release(home: Home, store: Store, owner: Owner) -> None:
    """End a hold."""
    store.release(owner)
    erasures.release(home.database, owner)
