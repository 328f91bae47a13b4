"""Find secrets in text: keys, tokens and passwords in the forms in which they are issued and written down."""

import re
from collections.abc import Iterator
from typing import Final

_ISSUED: Final = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS access keys
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{22,}"  # GitHub
    r"|\bgl(?:pat|dt|rt|cbt)-[\w-]{20,}"  # GitLab
    r"|\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic
    r"|\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}\b|\bwhsec_[A-Za-z0-9+/=]{24,}"  # Stripe
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bhooks\.slack\.com/services/[\w/]{20,}"  # Slack
    r"|\bAIza[\w-]{35}(?![\w-])|\bya29\.[\w-]{20,}|\bGOCSPX-[\w-]{28}(?![\w-])"  # Google
    r"|\bnpm_[A-Za-z0-9]{36}\b|\bpypi-[\w-]{40,}|\bdckr_pat_[\w-]{20,}|\bhf_[A-Za-z0-9]{30,}\b"
    r"|\bSG\.[\w-]{20,}\.[\w-]{20,}|\bSK[0-9a-f]{32}\b|\bkey-[0-9a-f]{32}\b"  # SendGrid, Twilio, Mailgun
    r"|\bdo[por]_v1_[0-9a-f]{64}\b|\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b|\bATATT3[\w=-]{60,}"  # DigitalOcean, Shopify
    r"|\b\d{8,10}:AA[\w-]{33}(?![\w-])|\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"  # Telegram, age
    r"|\bAccountKey=[A-Za-z0-9+/]{86}=="  # Azure
    r"|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"  # JSON web tokens
)
_KEY: Final = re.compile(
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_NAMED: Final = re.compile(
    r"(?i:(?<![a-z])(?:password|passwd|passphrase|passcode|pwd|secret|credentials?"
    r"|(?:api|access|secret|private|account|signing|encryption|master)[ _-]?key"
    r"|(?:auth|access|api|refresh|session|bot)[ _-]?token"
    r"|bearer|authorization: basic)(?![a-z]))"
    r"[\"']?(?:\s*(?:is|:=|:|=>|=)\s*|\s+)[\"']?(?P<secret>(?=\S*\d)(?=\S*[A-Za-z])[^\s\"',;]{7,}[^\s\"',;.!?])"
)
_IN_LINK: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]*:(?P<secret>[^\s/@]+)@", re.IGNORECASE)

_PATTERNS: Final = (_ISSUED, _KEY, _NAMED, _IN_LINK)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Say where secrets stand in a text, in their order; the name before a password is left out."""
    found = sorted(span for pattern in _PATTERNS for span in _matches(pattern, text))
    start, end = -1, -1
    for first, last in found:
        if first >= end:
            if end > 0:
                yield start, end
            start = first
        end = max(end, last)
    if end > 0:
        yield start, end


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    group = "secret" if "secret" in pattern.groupindex else 0
    return (match.span(group) for match in pattern.finditer(text))


def present(text: str) -> bool:
    """Tell whether a text holds a secret."""
    return next(spans(text), None) is not None


def masked(text: str) -> str:
    """Replace every secret by `[secret]`."""
    for start, end in reversed(list(spans(text))):
        text = f"{text[:start]}[secret]{text[end:]}"
    return text
