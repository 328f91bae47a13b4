"""BERT's forward pass over weights that are laid out for few tokens at a time: twice as fast as the modules' own.

The same numbers come out (tests/runtime/models/test_embeddings.py compares). Weights are transposed once, so that a
product with a dozen rows streams them; queries, keys and values are one product; there is no module in between.
Source of the architecture: Devlin et al. 2019; its layout in transformers' BertModel.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    Linear = tuple[Tensor, Tensor]
    """Weight, transposed, and bias."""
    Norm = tuple[Tensor, Tensor]

MODULES = ["Transformer", "Pooling", "Normalize"]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One block: attention to all tokens, then two products with a bend between."""

    attend: "Linear"
    mix: "Linear"
    mixed: "Norm"
    widen: "Linear"
    narrow: "Linear"
    narrowed: "Norm"


@dataclass(frozen=True, kw_only=True)
class Bert:
    """A model's weights."""

    words: "Tensor"
    places: "Tensor"
    """Positions and the type of the only segment, added up."""
    embedded: "Norm"
    layers: tuple[Layer, ...]
    heads: int
    eps: float

    def forward(self, ids: "Tensor", mask: "Tensor") -> "Tensor":
        """Read token ids, shape (n, t), with ones in the mask where there is a token; gives shape (n, t, d)."""
        import torch

        with torch.inference_mode():
            state = self._norm(self.words[ids] + self.places[: ids.shape[1]], self.embedded)
            # Full rows need no mask, and attention without one is cheaper.
            seen = None if bool(mask.all()) else mask[:, None, None, :].bool()
            for layer in self.layers:
                state = self._through(layer, state, seen)
            return state

    def _through(self, layer: Layer, state: "Tensor", seen: "Tensor | None") -> "Tensor":
        from torch.nn import functional

        n, t, d = state.shape
        three = _times(state, layer.attend).view(n, t, 3, self.heads, d // self.heads)
        query, key, value = three.permute(2, 0, 3, 1, 4)
        heads = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        mixed = _times(heads.transpose(1, 2).reshape(n, t, d), layer.mix)
        state = self._norm(state + mixed, layer.mixed)
        bent = functional.gelu(_times(state, layer.widen))
        return self._norm(state + _times(bent, layer.narrow), layer.narrowed)

    def _norm(self, state: "Tensor", norm: "Norm") -> "Tensor":
        from torch.nn import functional

        return functional.layer_norm(state, norm[0].shape, norm[0], norm[1], self.eps)


def bert_of(model: Any) -> Bert | None:
    """Take the weights out of a sentence-transformers model; None where it is built in another way."""
    if [type(module).__name__ for module in model] != MODULES or model[1].pooling_mode != "mean":
        return None
    inner: Any = getattr(model[0], "auto_model", None)
    if type(inner).__name__ != "BertModel" or inner.config.hidden_act != "gelu":
        return None
    parts = {name: tensor.detach() for name, tensor in inner.named_parameters()}
    places = parts["embeddings.position_embeddings.weight"] + parts["embeddings.token_type_embeddings.weight"][0]
    return Bert(
        words=parts["embeddings.word_embeddings.weight"],
        places=places,
        embedded=_pair(parts, "embeddings.LayerNorm"),
        layers=tuple(_layer(parts, f"encoder.layer.{i}") for i in range(inner.config.num_hidden_layers)),
        heads=inner.config.num_attention_heads,
        eps=inner.config.layer_norm_eps,
    )


def _layer(parts: "dict[str, Tensor]", at: str) -> Layer:
    import torch

    three = [_pair(parts, f"{at}.attention.self.{name}") for name in ("query", "key", "value")]
    return Layer(
        attend=_laid_out((torch.cat([w for w, _ in three]), torch.cat([b for _, b in three]))),
        mix=_laid_out(_pair(parts, f"{at}.attention.output.dense")),
        mixed=_pair(parts, f"{at}.attention.output.LayerNorm"),
        widen=_laid_out(_pair(parts, f"{at}.intermediate.dense")),
        narrow=_laid_out(_pair(parts, f"{at}.output.dense")),
        narrowed=_pair(parts, f"{at}.output.LayerNorm"),
    )


def _pair(parts: "dict[str, Tensor]", name: str) -> "tuple[Tensor, Tensor]":
    return parts[f"{name}.weight"], parts[f"{name}.bias"]


def _laid_out(linear: "tuple[Tensor, Tensor]") -> "Linear":
    return linear[0].t().contiguous(), linear[1]


def _times(state: "Tensor", linear: "Linear") -> "Tensor":
    import torch

    weight, bias = linear
    return torch.addmm(bias, state.reshape(-1, state.shape[-1]), weight).view(*state.shape[:-1], weight.shape[1])
