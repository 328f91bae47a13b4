"""Texts with secrets in them, and texts with what merely looks like one, made from a seed.

The secrets have the forms that their issuers document; their characters are random. They stand in the sentences, files
and commands in which they are passed on. One hand made these texts and the rules that are measured on them: the figures
tell that the known forms are covered and that their likes are left alone, not what there is in the wild.
"""

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_LETTERS: Final = string.ascii_letters + string.digits
_HEX: Final = "0123456789abcdef"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A text, and where a secret stands in it; None where none does."""

    kind: str
    text: str
    span: tuple[int, int] | None


@dataclass(frozen=True)
class _Chance:
    random: random.Random

    def of(self, alphabet: str, length: int) -> str:
        return "".join(self.random.choices(alphabet, k=length))

    def base64(self, size: int) -> str:
        return base64.b64encode(self.random.randbytes(size)).decode()

    def token(self) -> str:
        """Make a JSON web token."""
        parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": self.of(string.digits, 8), "iat": 1_700_000_000})
        written = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
        return ".".join([*written, self.of(_LETTERS + "-_", 43)])

    def pem(self, what: str) -> str:
        lines = "\n".join(self.base64(48) for _line in range(6))
        return f"-----BEGIN {what}-----\n{lines}\n-----END {what}-----"

    def word(self) -> str:
        """Make a password as people do: at least eight characters, with a digit."""
        return (
            self.of(string.ascii_lowercase, 5) + self.of(string.digits, 3) + self.random.choice(["", "!x", "#Q", "-Zz"])
        )


ISSUED: Final[dict[str, Callable[[_Chance], str]]] = {
    "aws access key": lambda c: "AKIA" + c.of(string.ascii_uppercase + string.digits, 16),
    "github token": lambda c: c.random.choice(["ghp_", "gho_", "ghs_"]) + c.of(_LETTERS, 36),
    "gitlab token": lambda c: "glpat-" + c.of(_LETTERS + "_-", 20),
    "openai key": lambda c: c.random.choice(["sk-", "sk-proj-"]) + c.of(_LETTERS, 48),
    "anthropic key": lambda c: "sk-ant-api03-" + c.of(_LETTERS + "_-", 93) + "AA",
    "stripe key": lambda c: c.random.choice(["sk_live_", "rk_live_", "sk_test_"]) + c.of(_LETTERS, 24),
    "slack token": lambda c: f"xoxb-{c.of(string.digits, 12)}-{c.of(string.digits, 12)}-{c.of(_LETTERS, 24)}",
    "google key": lambda c: "AIza" + c.of(_LETTERS + "_-", 35),
    "npm token": lambda c: "npm_" + c.of(_LETTERS, 36),
    "pypi token": lambda c: "pypi-AgEIcHlwaS5vcmc" + c.of(_LETTERS + "_-", 60),
    "hugging face token": lambda c: "hf_" + c.of(_LETTERS, 34),
    "sendgrid key": lambda c: f"SG.{c.of(_LETTERS, 22)}.{c.of(_LETTERS, 43)}",
    "twilio key": lambda c: "SK" + c.of(_HEX, 32),
    "digitalocean token": lambda c: "dop_v1_" + c.of(_HEX, 64),
    "telegram token": lambda c: f"{c.of('123456789', 9)}:AA{c.of(_LETTERS, 33)}",
    "web token": lambda c: c.token(),
    "private key": lambda c: c.pem(c.random.choice(["", "RSA ", "EC ", "OPENSSH "]) + "PRIVATE KEY"),
    "pgp key": lambda c: c.pem("PGP PRIVATE KEY BLOCK"),
}  # fmt: skip
AROUND: Final = (
    "Here you go: {}", "use {} for the deployment please", "{}", "KEY={}", "export TOKEN='{}'", '{{"key": "{}"}}',
    "curl -H 'X-Auth: {}' https://api.example", "I pasted {} into the ticket, is that bad?", "The old one was {}.",
)  # fmt: skip
NAMED: Final = (
    "the password is {}", "password: {}", "DB_PASSWORD={}", "my passphrase is {}", '"client_secret": "{}"',
    "api_key = '{}'", "API key: {}", "Authorization: Bearer {}", "postgres://app:{}@db.example:5432/shop",
    "redis://:{}@cache.example",
    "pwd={};", "access_token={}", "aws_secret_access_key = {}", "auth token is {}", "SECRET: {}",
)  # fmt: skip
PLAIN: Final[tuple[Callable[[_Chance], str], ...]] = (
    lambda c: f"Order {c.of(string.digits, 6)} was sent on 2026-0{c.of('123456789', 1)}-1{c.of(string.digits, 1)}.",
    lambda c: f"request id {c.of(_HEX, 8)}-{c.of(_HEX, 4)}-4{c.of(_HEX, 3)}-a{c.of(_HEX, 3)}-{c.of(_HEX, 12)} failed",
    lambda c: f"commit {c.of(_HEX, 40)} broke the build",
    lambda c: f"sha256:{c.of(_HEX, 64)}  archive.tar.gz",
    lambda c: f"data:image/png;base64,{c.base64(60)}",
    lambda c: f"tracking number 1Z{c.of(string.ascii_uppercase + string.digits, 16)}",
    lambda c: f"https://shop.example/item/{c.of(_LETTERS, 11)}?ref={c.of(_LETTERS, 8)}",
    lambda c: f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{c.of(_LETTERS, 43)} ann@laptop",
    lambda c: f"-----BEGIN PUBLIC KEY-----\n{c.base64(48)}\n-----END PUBLIC KEY-----",
    lambda _c: "I forgot my password, can you send me a link to reset it?",
    lambda _c: "A password needs at least 8 characters, one digit and one capital.",
    lambda _c: "Put your key there: api_key=<YOUR_API_KEY>, password: ********",
    lambda _c: "The secret of good bread is time; the access key to the cellar hangs by the door.",
    lambda c: f"Her flight is LH{c.of(string.digits, 3)}, booking {c.of(string.ascii_uppercase, 6)}.",
    lambda _c: "const password = process.env.DB_PASSWORD; const token = getToken(user.id);",
    lambda c: f"The serial number is SN-{c.of(string.digits, 4)}-{c.of(string.ascii_uppercase, 4)}.",
    lambda _c: "Bearer bonds were issued in 1987, said the treasurer.",
    lambda c: f"sk-learn {c.of('0123456789', 1)}.{c.of('0123456789', 1)} and pk-{c.of(string.digits, 3)} are fine",
    lambda _c: "password:  see the vault, entry shop-db",
)  # fmt: skip


def cases(of_each: int, seed: int) -> Iterator[Case]:
    """Make so many texts of each kind, and as many again without a secret."""
    chance = _Chance(random.Random(seed))  # noqa: S311
    for _again in range(of_each):
        for kind, make in ISSUED.items():
            yield _placed(kind, chance.random.choice(AROUND), make(chance))
        for around in NAMED:
            yield _placed("password or key by name", around, chance.word())
        for _like in range(len(ISSUED) + len(NAMED)):
            yield Case(kind="none", text=chance.random.choice(PLAIN)(chance), span=None)


def _placed(kind: str, around: str, secret: str) -> Case:
    before = around.partition("{}")[0].replace("{{", "{")
    return Case(kind=kind, text=around.format(secret), span=(len(before), len(before) + len(secret)))
