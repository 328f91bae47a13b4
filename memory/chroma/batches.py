"""What a batch of operations asks for, checked before anything is done."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from langgraph.store.base import GetOp, ListNamespacesOp, Op, PutOp, SearchOp, validate_op_namespace

from interlock.memory.chroma.encoding import Encoder
from interlock.memory.chroma.filters import check
from interlock.memory.chroma.namespaces import encoded
from interlock.memory.chroma.values import packed
from interlock.runtime.errors import BadInput

Text = tuple[str, int, str]
"""A path into a value, which of the texts there, and the text."""


@dataclass(frozen=True, kw_only=True)
class Put:
    """An operation that writes or deletes, read out."""

    namespace: bytes
    key: bytes
    value: str | None
    """As JSON; None: the item is to go."""
    ttl: float | None
    texts: Sequence[Text]
    where: str


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Operations, and what of them is to be written or embedded."""

    ops: Sequence[Op]
    puts: Sequence[Put]
    """The last one for each item."""
    queries: Sequence[str] = field(default=())
    fields: Sequence[str] = field(default=())

    @staticmethod
    def of(ops: Iterable[Op], encoder: Encoder | None) -> "Batch":
        """Check operations.

        Raises:
            InvalidNamespaceError, FilterRefused, ItemRefused: one of them cannot be done.
        """
        given = list(ops)
        puts: dict[tuple[bytes, bytes], Put] = {}
        for op in given:
            _check(op)
            if isinstance(op, PutOp):
                put = _put(op, encoder)
                puts[put.namespace, put.key] = put
        asked = dict.fromkeys(op.query for op in given if isinstance(op, SearchOp) and op.query)
        shown = dict.fromkeys(text for put in puts.values() for _, _, text in put.texts)
        return Batch(ops=given, puts=[*puts.values()], queries=[*asked] if encoder else [], fields=[*shown])


def _check(op: Op) -> None:
    if not isinstance(cast(object, op), GetOp | PutOp | SearchOp | ListNamespacesOp):
        raise BadInput(what=f"no operation of a store: {op!r}", where="batch", fix="use LangGraph's operations")
    validate_op_namespace(op)
    if isinstance(op, SearchOp):
        check(op.filter)
    if isinstance(op, ListNamespacesOp):
        for condition in op.match_conditions or ():
            if condition.match_type not in ("prefix", "suffix"):
                what = f"no way to match namespaces: {condition.match_type!r}"
                raise BadInput(what=what, where="list_namespaces", fix="use prefix or suffix")


def _put(op: PutOp, encoder: Encoder | None) -> Put:
    where = f"item {op.key!r} in {op.namespace!r}"
    if not op.namespace:
        raise BadInput(what="no namespace", where=where, fix="give at least one label")
    return Put(
        namespace=encoded(op.namespace),
        key=key_of(op.key),
        value=None if op.value is None else packed(op.value, where),
        ttl=op.ttl,
        texts=encoder.texts(op) if encoder else (),
        where=where,
    )


def key_of(key: object) -> bytes:
    return str(key).encode("utf-8", "surrogatepass")
