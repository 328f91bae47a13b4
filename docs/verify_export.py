"""Verify what `interlock audit export` wrote: python verify_export.py EXPORT [KEPT_HEAD]

Needs Python 3.11 and `cryptography`; nothing of Interlock. KEPT_HEAD is a file with a line that `interlock audit seal`
printed earlier. Each row carries SHA-256(hash of the row before, newline, its head); seals are signed with Ed25519.
"""

import hashlib
import hmac
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def signed(seal):
    text = f"interlock seal 1\n{seal['seq']}\n{seal['hash']}\n{seal['at']}"
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(seal["key"]))
        key.verify(bytes.fromhex(seal["signature"]), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def problems(lines, kept):
    previous, last, hashes, wanted, found, ended = "0" * 64, 0, {}, {}, {}, None
    for line in map(json.loads, lines):
        match line["type"]:
            case "row":
                seq, head = line["seq"], json.loads(line["head"])
                if seq != last + 1 or head["seq"] != seq:
                    yield f"row {seq}: rows were removed, inserted or moved before it"
                if hashlib.sha256(f"{previous}\n{line['head']}".encode()).hexdigest() != line["hash"]:
                    yield f"row {seq}: it was changed, or what stood before it was"
                previous, last, hashes[seq] = line["hash"], seq, line["hash"]
                wanted[head["content"]] = seq
            case "seal" if not signed(line) or hashes.get(line["seq"]) != line["hash"]:
                yield f"row {line['seq']}: it is not the row that was sealed"
            case "payload":
                digest = hmac.digest(bytes.fromhex(line["key"]), line["body"].encode(), "sha256").hex()
                found[line["digest"]] = digest == line["digest"]
            case "end":
                ended = line
    yield from (f"row {wanted.get(digest, '?')}: its content was changed" for digest, good in found.items() if not good)
    if ended is None or (ended["rows"], ended["head"]) != (last, previous):
        yield f"row {last + 1}: the export was cut off"
    if kept and not (signed(kept) and hashes.get(kept["seq"]) == kept["hash"]):
        yield f"row {kept['seq']}: it is missing, or not the row whose head was kept"


given = [Path(name).read_text(encoding="utf-8") for name in sys.argv[1:]]
wrong = list(problems(given[0].splitlines(), json.loads(given[1]) if given[1:] else None))
print("\n".join(wrong) or "whole")
sys.exit(bool(wrong))
