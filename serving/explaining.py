"""What the policies of an agent say about one request."""

import json
from typing import Any, cast

from interlock.graphs.patterns import assembly_of
from interlock.runtime.contract import RESERVED
from interlock.runtime.errors import BadInput
from interlock.runtime.ports import Request
from interlock.runtime.records import Caller, Label
from interlock.serving.loading import load_graph


def explained(agent: str, action: str, arguments: str, *, caller: Caller, untrusted: bool) -> dict[str, Any]:
    """Decide on a request as the gate would, and name every policy that was considered.

    Raises:
        BadInput: the arguments are no JSON object.
        ArgumentsRefused: they do not fit the tool.
    """
    assembly = assembly_of(load_graph(agent))
    assert assembly is not None  # noqa: S101  # load_graph refuses others
    given = _object(arguments)
    if action in assembly.tools:
        given = assembly.tools[action].check(given)
    elif action not in RESERVED:
        raise BadInput(what=f"there is no tool {action!r}", where=agent, fix=f"one of {sorted(assembly.tools)}")
    value: Any = None
    if action == "take_result":
        value = given.pop("value", None)
        if given.get("tool") not in assembly.tools:
            raise BadInput(
                what=f"take_result is about the result of a tool, not of {given.get('tool')!r}",
                where="ARGUMENTS",
                fix=f"""write '{{"tool": "NAME", "value": ...}}' with one of {sorted(assembly.tools)}""",
            )
    found = assembly.policies.explain(
        Request(
            user=caller.user,
            tenant=caller.tenant,
            roles=caller.roles,
            agent=assembly.agent.name,
            action=action,
            arguments=given,
            label=Label(integrity="untrusted" if untrusted else "trusted"),
            value=value,
        )
    )
    considered = [
        {"id": one.id, "effect": one.effect, "applies": one.applies, "reason": one.reason, "where": one.where}
        for one in found.considered
    ]
    return {**found.decision.model_dump(mode="json"), "considered": considered, "version": assembly.policies.version}


def _object(text: str) -> dict[str, Any]:
    try:
        found: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(what=f"not JSON: {error}", where="ARGUMENTS", fix="""write '{"order_id": 7}'""") from error
    if not isinstance(found, dict):
        raise BadInput(what="not a JSON object", where="ARGUMENTS", fix="""write '{"order_id": 7}'""")
    return cast(dict[str, Any], found)
