"""Verify what `interlock audit export` wrote: python verify_export.py EXPORT [KEPT_HEAD]. Needs only `cryptography`.

KEPT_HEAD: a file with a line of `interlock audit seal`. Each row carries SHA-256(hash of the row before, newline, its
head); seals, and the cut that stands for rows that were removed by rule, are signed with Ed25519.
"""

import hashlib
import hmac
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def signed(seal, what="seal"):
    text = f"interlock {what} 1\n{seal['seq']}\n{seal['hash']}\n{seal['at']}".encode()
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(seal["key"])).verify(bytes.fromhex(seal["signature"]), text)
    except (InvalidSignature, ValueError):
        return False
    return not kept or seal["key"] == kept["key"]


def problems(lines):
    previous, first, last, hashes, wanted, found, gone, ended = "0" * 64, 0, 0, {}, {}, {}, {}, {}
    for line in map(json.loads, lines):
        match line["type"]:
            case "cut" if not last and signed(line, "cut"):
                previous, first, last, hashes[line["seq"]] = line["hash"], line["seq"], line["seq"], line["hash"]
            case "row":
                seq, head = line["seq"], json.loads(line["head"])
                if seq != last + 1 or head["seq"] != seq:
                    yield f"row {seq}: rows were removed, inserted or moved before it"
                if hashlib.sha256(f"{previous}\n{line['head']}".encode()).hexdigest() != line["hash"]:
                    yield f"row {seq}: it was changed, or what stood before it was"
                previous, last, hashes[seq], wanted[head["content"]] = line["hash"], seq, line["hash"], seq
                gone |= {seq: head["facts"]["payloads"]} if head["kind"] == "erased" else {}
            case "seal" if not signed(line) or hashes.setdefault(line["seq"], line["hash"]) != line["hash"]:
                yield f"row {line['seq']}: it is not the row that was sealed"
            case "payload":
                key, body = bytes.fromhex(line["key"]), line["body"].encode()
                found[line["digest"]] = hmac.digest(key, body, "sha256").hex() == line["digest"]
            case "end":
                ended = line
    yield from (f"row {wanted.get(digest, '?')}: its content was changed" for digest, good in found.items() if not good)
    if (ended.get("rows"), ended.get("head")) != (last - first, previous) or max(hashes, default=0) > last:
        yield f"row {last + 1}: the export was cut off"
    if kept and not (signed(kept) and hashes.get(kept["seq"]) == kept["hash"]):
        yield f"row {kept['seq']}: it is missing, or not the row whose head was kept"
    told.extend([f"rows 1 to {first} were removed by rule"] if first else [])
    told.extend(f"{count} contents were erased, as row {seq} tells" for seq, count in gone.items())


exported, *heads = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:])
kept, told = json.loads(heads[0]) if heads else None, []
wrong = list(problems(exported.splitlines()))
print("\n".join(wrong) or "; ".join(["whole", *told]))
sys.exit(bool(wrong))
