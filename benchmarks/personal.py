"""Personal data and secrets in text: how much is found, how much of what is found is one, and the CPU for each text.

Personal data is measured on presidio's labelled synthetic sentences (../shared/data/pii, see its README), the patterned
kinds: cards, IBANs, phone numbers, e-mail and IP addresses, social security numbers and links. A finding is right where
it overlaps a label of its kind. The rules were looked over once with the misses on these sentences before one's eyes;
other texts will see somewhat lower figures. Secrets are measured on texts that _secrets.py makes.

The peer is langchain's PII middleware with all its detectors, on all kinds and on those of them that it knows.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from _report import arguments, finish, table
from _secrets import Case, cases
from interlock.runtime import personal, secrets

DATA: Final = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "pii" / "synth_v2.json"
KINDS: Final = {
    "CREDIT_CARD": "card", "IBAN_CODE": "iban", "PHONE_NUMBER": "phone", "EMAIL_ADDRESS": "email", "US_SSN": "ssn",
    "IP_ADDRESS": "ip", "DOMAIN_NAME": "link",
}  # fmt: skip
THEIRS: Final = {"email": "email", "credit_card": "card", "ip": "ip", "url": "link"}
Span = tuple[str, int, int]
"""A kind, and where it stands."""
Find = Callable[[str], Iterable[Span]]


@dataclass(kw_only=True)
class Found:
    """Counts by kind."""

    right: Counter[str] = field(default_factory=Counter[str])
    missed: Counter[str] = field(default_factory=Counter[str])
    wrong: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0
    texts: int = 0

    def add(self, labels: Sequence[Span], findings: Sequence[Span]) -> None:
        """Compare what was found in one text with what is there."""
        hit: set[Span] = set()
        for label in labels:
            over = [each for each in findings if _overlap(label, each)]
            (self.right if over else self.missed)[label[0]] += 1
            hit.update(over)
        self.wrong.update(each[0] for each in findings if each not in hit)

    @property
    def recall(self) -> float:
        return self.right.total() / max(self.right.total() + self.missed.total(), 1)

    @property
    def precision(self) -> float:
        return self.right.total() / max(self.right.total() + self.wrong.total(), 1)

    @property
    def ms(self) -> float:
        return 1000 * self.seconds / max(self.texts, 1)

    def figures(self) -> dict[str, float]:
        return {"recall": round(self.recall, 4), "precision": round(self.precision, 4), "cpu_ms": round(self.ms, 4)}


def main() -> int:
    options = arguments(__doc__, secrets=20, seed=1)
    rows: list[tuple[str, ...]] = []
    figures: dict[str, Any] = {}
    if DATA.is_file():
        figures |= on_sentences(rows)
    else:
        print(f"personal data: not measured, for there is no {DATA}")
    made = list(cases(options.secrets, options.seed))
    hidden = measured(((case.text, _label(case)) for case in made), _our_secrets)
    rows.append(_row(f"secrets, {len(made):,} texts", hidden))
    figures["secrets"] = hidden.figures()
    table("Personal data and secrets", ("", "recall", "precision", "CPU ms a text"), rows, note=_missed(made))
    finish(figures, as_json=options.json)
    return 0


def on_sentences(rows: list[tuple[str, ...]]) -> dict[str, Any]:
    """Measure us, and the peer, on presidio's sentences."""
    texts = list(sentences())
    ours = measured(texts, _ours)
    rows += [(f"  {kind}", *_one(ours, kind), "") for kind in KINDS.values()]
    rows.insert(0, _row(f"personal data, {len(texts):,} sentences", ours))
    figures: dict[str, Any] = {"personal": ours.figures()}
    if (theirs := _langchains()) is None:
        print("langchain is not installed: its middleware is not measured")
        return figures
    known = set(THEIRS.values())
    peer = measured(texts, theirs)
    partly = measured([(text, [label for label in labels if label[0] in known]) for text, labels in texts], theirs)
    rows.append(_row("langchain's middleware", peer))
    rows.append(_row("  on the kinds that it knows", partly))
    return figures | {"langchain": peer.figures(), "langchain_known_kinds": partly.figures()}


def sentences() -> Iterable[tuple[str, list[Span]]]:
    for row in json.loads(DATA.read_text(encoding="utf-8")):
        spans = [each for each in row["spans"] if each["entity_type"] in KINDS]
        labels = [(KINDS[each["entity_type"]], each["start_position"], each["end_position"]) for each in spans]
        yield row["full_text"], labels


def measured(texts: Iterable[tuple[str, list[Span]]], find: Find) -> Found:
    """Search every text."""
    found = Found()
    for text, labels in texts:
        began = time.process_time()
        findings = list(find(text))
        found.seconds += time.process_time() - began
        found.texts += 1
        found.add(labels, findings)
    return found


def _ours(text: str) -> Iterable[Span]:
    return ((each.kind, each.start, each.end) for each in personal.find(text))


def _our_secrets(text: str) -> Iterable[Span]:
    return (("secret", start, end) for start, end in secrets.spans(text))


def _langchains() -> Find | None:
    try:
        from langchain.agents.middleware import PIIMiddleware
    except ImportError:
        return None
    detectors = {ours: PIIMiddleware(theirs).detector for theirs, ours in THEIRS.items()}

    def find(text: str) -> Iterable[Span]:
        for kind, detector in detectors.items():
            for match in detector(text):
                yield kind, match["start"], match["end"]

    return find


def _missed(made: Sequence[Case]) -> str:
    """Tell of which kinds of secrets some were not found, and what was taken for one."""
    found = [(case, list(secrets.spans(case.text))) for case in made]
    missed = Counter(case.kind for case, spans in found if case.span and not any(_over(case.span, s) for s in spans))
    taken = {case.text[slice(*spans[0])] for case, spans in found if spans and not case.span}
    return f"secrets missed: {dict(missed) or 'none'}; taken for one: {sorted(taken)[:5] or 'nothing'}"


def _over(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _label(case: Case) -> list[Span]:
    return [("secret", *case.span)] if case.span else []


def _overlap(one: Span, other: Span) -> bool:
    return one[0] == other[0] and _over(one[1:], other[1:])


def _row(name: str, found: Found) -> tuple[str, ...]:
    return name, f"{100 * found.recall:.2f} %", f"{100 * found.precision:.2f} %", f"{found.ms:.3f}"


def _one(found: Found, kind: str) -> tuple[str, str]:
    right = found.right[kind]
    return f"{right} of {right + found.missed[kind]}", f"{right} of {right + found.wrong[kind]}"


if __name__ == "__main__":
    sys.exit(main())
