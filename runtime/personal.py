"""Find personal data of patterned kinds in text: cards, IBANs, phone numbers, e-mail and IP addresses, SSNs, links."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from interlock.runtime import phones

Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One piece of personal data: `text[start:end]`."""

    kind: str
    start: int
    end: int


_EMAIL: Final = re.compile(r"(?<![\w.+%-])[\w.+%-]++@[\w-]+(?:\.[\w-]+)+")
_URL: Final = re.compile(r"(?:https?://|www\.)[^\s<>\"')]+", re.IGNORECASE)
_IBAN: Final = re.compile(r"\b([A-Z]{2})\d{2}(?: ?[A-Z0-9]){11,30}", re.IGNORECASE)
_CARD: Final = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){11,18}(?![\w-])")
_ISSUED: Final = re.compile(r"[2-6]|1800")
"""How the numbers of payment cards begin, but for a few."""
_CALLED_CARD: Final = re.compile(r"\bcard\b.{0,30}$", re.IGNORECASE)
_SSN: Final = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-])")
_IP: Final = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}"
    r"|(?=[0-9A-Fa-f]*+:[0-9A-Fa-f]*+:)[0-9A-Fa-f:]++(?:\.[0-9A-Fa-f:]++)*)(?![\w:])"
)
_IBAN_LENGTHS: Final = {
    country: int(length)
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
"""Characters of an account number, by country (ISO 13616's registry)."""


def find(text: str) -> list[Finding]:
    """List what was found, in order of place; findings do not overlap, surer kinds win."""
    found: list[Finding] = []
    for finding in _candidates(text):
        place = bisect_left(found, finding.start, key=_start)
        before, after = found[place - 1 : place], found[place : place + 1]
        if all(one.end <= finding.start for one in before) and all(finding.end <= one.start for one in after):
            found.insert(place, finding)
    return found


def _start(finding: Finding) -> int:
    return finding.start


def mask(text: str) -> tuple[str, tuple[str, ...]]:
    """Replace personal data by `[kind]`, and name the kinds that were replaced."""
    found = find(text)
    for finding in reversed(found):
        text = f"{text[: finding.start]}[{finding.kind}]{text[finding.end :]}"
    return text, tuple(dict.fromkeys(finding.kind for finding in found))


def _candidates(text: str) -> Iterator[Finding]:
    for kind, spans in _KINDS:
        for start, end in spans(text):
            yield Finding(kind=kind, start=start, end=end)


def _matching(pattern: re.Pattern[str], holds: Callable[[str], bool] = bool) -> Callable[[str], Iterator[Span]]:
    """Find by a pattern what then passes a test."""
    return lambda text: (match.span() for match in pattern.finditer(text) if holds(match.group()))


def _ibans(text: str) -> Iterator[Span]:
    """Find account numbers: as long as their country's are, and with ISO 13616's remainder, 1 modulo 97."""
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(match[1].upper(), 0)
        places = [place for place, char in enumerate(match.group()) if char != " "][:length]
        plain = "".join(match.group()[place] for place in places).upper()
        after = text[match.start() + places[-1] + 1 :][:1] if places else ""
        whole = len(plain) == length > 0 and not after.isalnum()
        if whole and int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1:
            yield match.start(), match.start() + places[-1] + 1


def _cards(text: str) -> Iterator[Span]:
    """Find payment cards: they begin as issuers' numbers do, or are called so, and have Luhn's checksum."""
    for match in _CARD.finditer(text):
        called = _ISSUED.match(match.group()) or _CALLED_CARD.search(text[max(0, match.start() - 40) : match.start()])
        if called and _is_card(match.group()):
            yield match.span()


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


_KINDS: Final[tuple[tuple[str, Callable[[str], Iterator[Span]]], ...]] = (
    ("email", _matching(_EMAIL)),
    ("link", _matching(_URL)),
    ("iban", _ibans),
    ("card", _cards),
    ("ssn", _matching(_SSN)),
    ("ip", _matching(_IP, _is_ip)),
    ("phone", phones.spans),
)
