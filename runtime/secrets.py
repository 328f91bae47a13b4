"""Find secrets in text: keys, tokens and passwords in the forms in which they are issued and written down."""

import re
from collections.abc import Iterator
from typing import Final

_ISSUED: Final = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS access keys
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{22,}"  # GitHub
    r"|\bglpat-[\w-]{20,}"  # GitLab
    r"|\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic
    r"|\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}\b"  # Stripe
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|\bAIza[\w-]{35}\b"  # Google
    r"|\bnpm_[A-Za-z0-9]{36}\b|\bpypi-[\w-]{40,}"
    r"|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"  # JSON web tokens
)
_KEY: Final = re.compile(
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----.*?(?:-----END (?:[A-Z]+ )*PRIVATE KEY-----|\Z)", re.DOTALL
)
_NAMED: Final = re.compile(
    r"(?i:\b(?:password|passwd|passphrase|pwd|secret|api[ _-]?key|access[ _-]?key|auth[ _-]?token|bearer)\b)"
    r"[\"']?(?:\s*(?:is|:|=)\s*|\s+)[\"']?(?P<secret>(?=\S*\d)(?=\S*[A-Za-z])[^\s\"',;]{7,}[^\s\"',;.!?])"
)
_IN_LINK: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:(?P<secret>[^\s/@]+)@", re.IGNORECASE)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Say where secrets stand in a text; the name before a password is left out."""
    for pattern in (_ISSUED, _KEY, _NAMED, _IN_LINK):
        for match in pattern.finditer(text):
            yield match.span("secret" if "secret" in pattern.groupindex else 0)


def present(text: str) -> bool:
    """Tell whether a text holds a secret."""
    return next(spans(text), None) is not None


def masked(text: str) -> str:
    """Replace every secret by `[secret]`."""
    for start, end in sorted(spans(text), reverse=True):
        text = f"{text[:start]}[secret]{text[end:]}"
    return text
