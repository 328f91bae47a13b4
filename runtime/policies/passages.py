"""What policies can speak of: one action for each tool and each other passage of the gate, as Cedar sees them."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cedarpy import Schema

from interlock.runtime.contract import ToolContract
from interlock.runtime.policies.values import Attribute, CedarJson, attributes_of, record_schema
from interlock.runtime.ports import Request

Uid = dict[str, str]
GROUP: Final = "tool"
HINTS: Final = ("read_only", "destructive", "idempotent", "open_world")
USER: Final = ("name", "tenant")
CONTEXT: Final[Mapping[str, dict[str, Any]]] = {
    "agent": {"type": "String"},
    "integrity": {"type": "String"},
    "confidentiality": {"type": "String"},
    "sources": {"type": "Set", "element": {"type": "String"}},
    "found": {"type": "Set", "element": {"type": "String"}},
}
"""What a policy may look at beside `args`. `found`: the kinds of personal data and secrets that stand in it."""
OF_TOOLS: Final[Mapping[str, dict[str, Any]]] = {
    "plan": {"type": "String"},
    "choice": {"type": "String"},
    "carries": {"type": "Boolean"},
}
"""What it may look at beside that where a tool is called: the parts of an `Origin`."""


@dataclass(frozen=True, kw_only=True)
class Passage:
    """One action, what it acts on, and its typed arguments."""

    action: str
    resource_type: str
    resource_id: Callable[[Request], str]
    arguments: Mapping[str, Attribute]
    contract: ToolContract | None = None

    @property
    def uid(self) -> Uid:
        return _uid("Action", self.action)

    def resource(self, request: Request) -> Uid:
        return _uid(self.resource_type, self.resource_id(request))

    def as_action(self) -> dict[str, Any]:
        """Describe the action for a Cedar schema."""
        known = CONTEXT if self.contract is None else {**CONTEXT, **OF_TOOLS}
        context = {name: {**part, "required": True} for name, part in known.items()}
        context["args"] = {**record_schema(self.arguments), "required": True}
        return {
            "memberOf": [{"id": GROUP}] if self.contract else [],
            "appliesTo": {
                "principalTypes": ["User"],
                "resourceTypes": [self.resource_type],
                "context": {"type": "Record", "attributes": context},
            },
        }


@dataclass(frozen=True, kw_only=True)
class World:
    """What a policy may speak of."""

    passages: Mapping[str, Passage]
    schema: Schema
    roles: Collection[str] | None
    """None: any name is a role."""


def passages(contracts: Sequence[ToolContract]) -> dict[str, Passage]:
    """List every action there is: the tools', and the gate's own."""
    found = {
        contract.name: Passage(
            action=contract.name,
            resource_type="Tool",
            resource_id=lambda request: request.action,
            arguments=attributes_of(contract.arguments),
            contract=contract,
        )
        for contract in contracts
    }
    return found | _BUILT_IN


def cedar_schema(known: Mapping[str, Passage]) -> str:
    """Write the Cedar schema, as JSON text, that policies are checked against."""
    boolean = {"type": "Boolean"}
    attributes: dict[str, dict[str, Any]] = {
        "User": {name: {"type": "String"} for name in USER},
        "Role": {},
        "Tool": {"name": {"type": "String"}} | dict.fromkeys(HINTS, boolean),
        "Model": {},
        "Memory": {"owner": {"type": "Entity", "name": "User"}},
        "Channel": {},
    }
    types = {name: {"shape": {"type": "Record", "attributes": part}} for name, part in attributes.items()}
    types["User"]["memberOfTypes"] = ["Role"]  # type: ignore[assignment]  # JSON is not one type
    actions: dict[str, dict[str, Any]] = {passage.action: passage.as_action() for passage in known.values()}
    actions[GROUP] = {}
    return json.dumps({"": {"entityTypes": types, "actions": actions}}, sort_keys=True)


def standing_entities(known: Mapping[str, Passage]) -> str:
    """Write the entities that stand for the life of a policy set: tools and actions."""
    entities: list[dict[str, Any]] = [{"uid": _uid("Action", GROUP), "attrs": {}, "parents": []}]
    for passage in known.values():
        parents = [_uid("Action", GROUP)] if passage.contract else []
        entities.append({"uid": passage.uid, "attrs": {}, "parents": parents})
        if contract := passage.contract:
            attributes = {"name": contract.name} | {hint: getattr(contract, hint) for hint in HINTS}
            entities.append({"uid": _uid("Tool", contract.name), "attrs": attributes, "parents": []})
    return json.dumps(entities)


def own_entities(user: str, tenant: str, roles: tuple[str, ...]) -> str:
    """Write the entities that belong to one caller: the user, and the user's memory."""
    principal = user_uid(user, tenant)
    parents = [_uid("Role", role) for role in dict.fromkeys(roles)]
    owner: CedarJson = {"__entity": principal}
    return json.dumps([
        {"uid": principal, "attrs": {"name": user, "tenant": tenant}, "parents": parents},
        {"uid": _uid("Memory", principal["id"]), "attrs": {"owner": owner}, "parents": []},
    ])  # fmt: skip


def user_uid(user: str, tenant: str) -> Uid:
    """Name a user so that no two tenants' users share a name, whatever characters they are written with."""
    return _uid("User", f"{_escaped(tenant)}/{_escaped(user)}")


def _escaped(name: str) -> str:
    return name.replace("%", "%25").replace("/", "%2F")


def _uid(kind: str, name: str) -> Uid:
    return {"type": kind, "id": name}


def _own_memory(request: Request) -> str:
    return user_uid(request.user, request.tenant)["id"]


def _model(request: Request) -> str:
    return str(request.arguments.get("model", ""))


def _optional(**kinds: str) -> dict[str, Attribute]:
    schema = {"properties": {name: {"type": kind} for name, kind in kinds.items()}}
    return attributes_of(schema)


def _texts(name: str) -> dict[str, Attribute]:
    return attributes_of({"properties": {name: {"type": "array", "items": {"type": "string"}}}})


_BUILT_IN: Final[dict[str, Passage]] = {
    passage.action: passage
    for passage in (
        Passage(
            action="call_model",
            resource_type="Model",
            resource_id=_model,
            arguments=_optional(model="string", tools="boolean"),
        ),
        Passage(
            action="read_memory",
            resource_type="Memory",
            resource_id=_own_memory,
            arguments=_optional(query="string"),
        ),
        Passage(
            action="write_memory",
            resource_type="Memory",
            resource_id=_own_memory,
            arguments=_optional(text="string", kind="string", said_by="string", sensitivity="string"),
        ),
        Passage(
            action="prune_memory",
            resource_type="Memory",
            resource_id=_own_memory,
            arguments={},
        ),
        Passage(
            action="take_input",
            resource_type="Channel",
            resource_id=lambda _request: "input",
            arguments=_optional(text="string"),
        ),
        Passage(
            action="make_plan",
            resource_type="Channel",
            resource_id=lambda _request: "plan",
            arguments=_optional(steps="integer", effects="integer") | _texts("tools"),
        ),
        Passage(
            action="take_result",
            resource_type="Tool",
            resource_id=lambda request: str(request.arguments["tool"]),
            arguments=_optional(tool="string"),
        ),
        Passage(
            action="reply",
            resource_type="Channel",
            resource_id=lambda _request: "reply",
            arguments=_optional(text="string") | _texts("ungrounded"),
        ),
    )
}
