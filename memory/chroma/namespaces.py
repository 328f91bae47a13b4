"""Namespaces as they lie in the table: bytes that put a namespace next to all that are below it."""

from collections.abc import Iterable, Sequence

from langgraph.store.base import ListNamespacesOp, MatchCondition

Namespace = tuple[str, ...]

END, AFTER_END = b".", b"/"
"""Ends every label; LangGraph lets no label hold it. And the byte that follows it."""


def encoded(namespace: Sequence[str]) -> bytes:
    return b"".join(label.encode("utf-8", "surrogatepass") + END for label in namespace)


def decoded(raw: bytes) -> Namespace:
    return tuple(label.decode("utf-8", "surrogatepass") for label in raw.split(END)[:-1])


def span(prefix: Sequence[str]) -> tuple[bytes, bytes]:
    """Give the bytes from which on, and before which, lie a namespace and all below it."""
    start = encoded(prefix)
    return start, start[:-1] + AFTER_END if start else b"\xff"


def listed(namespaces: Iterable[Namespace], op: ListNamespacesOp) -> list[Namespace]:
    """Answer a listing: those that meet its conditions, cut to its depth, sorted, one page of them."""
    met = [name for name in namespaces if all(_meets(name, condition) for condition in op.match_conditions or ())]
    cut = sorted({name[: op.max_depth] for name in met})
    return cut[op.offset : op.offset + op.limit]


def _meets(namespace: Namespace, condition: MatchCondition) -> bool:
    path = tuple(condition.path)
    if len(path) > len(namespace):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(wanted in ("*", label) for label, wanted in zip(part, path, strict=True))
