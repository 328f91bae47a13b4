"""Private keys that lie in a home: made when they are first needed, readable by their owner alone."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def kept_key(path: Path) -> "Ed25519PrivateKey":
    """Read an Ed25519 key, or make it; of several processes that make it at once, the first wins.

    Raises:
        OSError: the file can neither be read nor made.
        ValueError: it holds no key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not path.exists():
        new = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Ed25519PrivateKey.generate().private_bytes_raw())
            os.fsync(file.fileno())
        try:
            os.link(new, path)
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
