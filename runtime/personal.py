"""Find personal data of patterned kinds in text: cards, IBANs, phone numbers, e-mail and IP addresses, SSNs, links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import pairwise


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One piece of personal data: `text[start:end]`."""

    kind: str
    start: int
    end: int


_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"')]+", re.IGNORECASE)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b")
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){11,18}(?![\w-])")
_SSN = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-])")
_IP = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f.:]*)(?![\w:])")
_PHONE = re.compile(r"(?<![\w.-])(?:\+|00)?\(?\d(?:[ ().\-/]{0,2}\d){6,14}(?:\s?(?:x|ext\.?)\s?\d{1,6})?(?![\w-])")


def find(text: str) -> list[Finding]:
    """List what was found, in order of place; findings do not overlap, surer kinds win."""
    found: list[Finding] = []
    for finding in _candidates(text):
        if all(finding.end <= other.start or finding.start >= other.end for other in found):
            found.append(finding)
    return sorted(found, key=lambda finding: finding.start)


def mask(text: str) -> tuple[str, tuple[str, ...]]:
    """Replace personal data by `[kind]`, and name the kinds that were replaced."""
    found = find(text)
    for finding in reversed(found):
        text = f"{text[: finding.start]}[{finding.kind}]{text[finding.end :]}"
    return text, tuple(dict.fromkeys(finding.kind for finding in found))


def _candidates(text: str) -> Iterator[Finding]:
    for kind, pattern, holds in _KINDS:
        for match in pattern.finditer(text):
            if holds(match.group()):
                yield Finding(kind=kind, start=match.start(), end=match.end())


def _always(_found: str) -> bool:
    return True


def _is_iban(found: str) -> bool:
    """Check ISO 13616's remainder: 1 modulo 97."""
    plain = found.replace(" ", "")
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _is_card(found: str) -> bool:
    """Check Luhn's sum over 12 to 19 digits."""
    digits = [int(c) for c in reversed(found) if c.isdigit()]
    doubled = (sum(divmod(2 * d, 10)) for d in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


def _is_ip(found: str) -> bool:
    try:
        ip_address(found)
    except ValueError:
        return False
    return len(found) > len("::1")


def _is_phone(found: str) -> bool:
    """Tell a phone number from a plain number: it has 8 to 15 digits, and a plus, brackets or groups."""
    digits = sum(c.isdigit() for c in found)
    grouped = found.startswith(("+", "00", "(")) or sum(a.isdigit() and not b.isdigit() for a, b in pairwise(found)) > 1
    return grouped and 8 <= digits <= 15  # noqa: PLR2004  # E.164 ends at 15


_KINDS = (
    ("email", _EMAIL, _always),
    ("link", _URL, _always),
    ("iban", _IBAN, _is_iban),
    ("card", _CARD, _is_card),
    ("ssn", _SSN, _always),
    ("ip", _IP, _is_ip),
    ("phone", _PHONE, _is_phone),
)
