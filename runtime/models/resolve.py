"""From what an agent declares as `model=` to a chat model."""

from collections.abc import Mapping, Sequence

from langchain_core.language_models import BaseChatModel

from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import ModelMissing
from interlock.runtime.models.chat import FREE, ChatModel, Price


def resolve(
    model: "str | BaseChatModel", *, contracts: Sequence[ToolContract] = (), prices: Mapping[str, Price] | None = None
) -> ChatModel:
    """Make the gate's view of a model.

    Args:
        model: `"embedded"`, `"provider:name"`, or any `BaseChatModel`.
        prices: by the model's full name; they win over a model's own declaration.

    Raises:
        ModelMissing: the name is not known, or the package that serves it is not installed.
    """
    chat = _by_name(model) if isinstance(model, str) else model
    name = model if isinstance(model, str) else _name_of(chat)
    declared = FREE if getattr(chat, "free", False) else None
    return ChatModel(
        model=chat,
        name=name,
        price=(prices or {}).get(name, declared),
        contracts=tuple(contracts),
        max_output_tokens=_most_output(chat),
    )


def _by_name(name: str) -> BaseChatModel:
    if name == "embedded":
        from interlock.runtime.models.embedded import EmbeddedChatModel

        return EmbeddedChatModel()
    provider, colon, _model = name.partition(":")
    if not colon:
        raise ModelMissing(
            what=f"unknown model {name!r}",
            where="model=",
            fix='write "embedded" or "provider:name", such as "openai:gpt-5"',
        )
    try:
        from langchain.chat_models import init_chat_model

        return init_chat_model(name)
    except ImportError as error:
        raise ModelMissing(
            what=f"model {name!r} needs a package that is not installed" + (f" ({error.name})" if error.name else ""),
            where="model=",
            fix=f"pip install 'interlock[providers]' langchain-{provider}",
        ) from error
    except ValueError as error:
        raise ModelMissing(
            what=f"model {name!r} cannot be made: {error}", where="model=", fix="see the provider's own settings"
        ) from error


def _name_of(chat: BaseChatModel) -> str:
    own = chat.__dict__.get("model_name") or chat.__dict__.get("model")
    kind = chat._llm_type  # pyright: ignore[reportPrivateUsage]  # the only name that every chat model has
    return f"{kind}:{own}" if isinstance(own, str) and own else kind


def _most_output(chat: BaseChatModel) -> int:
    limit = chat.__dict__.get("max_tokens") or getattr(chat, "max_output_tokens", None)
    return limit if isinstance(limit, int) else 1024
