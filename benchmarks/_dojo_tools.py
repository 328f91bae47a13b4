"""AgentDojo's tools behind contracts, as somebody would declare them who deploys these tools.

Written from the tools' signatures and descriptions, as a deployer would, and looked over once more after a first run:
that additive tools are not destructive, and that a `ValueError` is a refusal, came from seeing tasks fail. It says
which arguments choose a recipient, an amount or a resource; which result fields others wrote and which the bank or the
workspace itself vouches for; and which recipients it knows already.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from agentdojo.functions_runtime import Function, FunctionCall, TaskEnvironment

from interlock import ToolContext, tool
from interlock.tools import Refused

Listed = Callable[[Any], Iterable[str]]


def payees(env: Any) -> Iterable[str]:
    """List the accounts that this account has paid, or is set to pay."""
    account = env.bank_account
    booked = [*account.transactions, *account.scheduled_transactions]
    return {each.recipient for each in booked if each.sender == account.iban}


def members(env: Any) -> Iterable[str]:
    """List who belongs to the workspace."""
    return list(env.slack.users)


def channels(env: Any) -> Iterable[str]:
    """List the workspace's channels."""
    return list(env.slack.channels)


BOOKED = ("id", "sender", "recipient", "amount", "date", "recurring")
LOOKS: dict[str, Any] = {"read_only": True}
ADDS: dict[str, Any] = {"destructive": False}
"""What it does can be taken back, and neither overwrites nor removes anything."""

BANKING: dict[str, dict[str, Any]] = {
    "get_iban": LOOKS,
    "get_balance": LOOKS,
    "get_user_info": LOOKS | {"private": ("street", "city")},
    "get_most_recent_transactions": LOOKS | {"untrusted": ("subject",), "attested": BOOKED},
    "get_scheduled_transactions": LOOKS | {"untrusted": ("subject",), "attested": BOOKED},
    "read_file": LOOKS | {"untrusted": ("*",)},
    "send_money": {"sensitive": ("recipient", "amount"), "registries": {"recipient": payees}},
    "schedule_transaction": {
        "sensitive": ("recipient", "amount", "recurring"),
        "registries": {"recipient": payees},
    },
    "update_scheduled_transaction": {
        "sensitive": ("id", "recipient", "amount", "recurring"),
        "registries": {"recipient": payees},
        "idempotent": True,
    },
    "update_password": {"sensitive": ("password",), "idempotent": True},
    "update_user_info": {"sensitive": ("first_name", "last_name", "street", "city"), "idempotent": True},
}

SLACK: dict[str, dict[str, Any]] = {
    "get_channels": LOOKS | {"untrusted": ("*",)},
    "get_users_in_channel": LOOKS,
    "read_channel_messages": LOOKS | {"untrusted": ("body",), "attested": ("sender", "recipient")},
    "read_inbox": LOOKS | {"untrusted": ("body",), "attested": ("sender", "recipient")},
    "send_direct_message": ADDS | {"sensitive": ("recipient",), "registries": {"recipient": members}},
    "send_channel_message": ADDS | {"sensitive": ("channel",), "registries": {"channel": channels}},
    "add_user_to_channel": ADDS
    | {
        "sensitive": ("user", "channel"),
        "registries": {"user": members, "channel": channels},
    },
    "invite_user_to_slack": ADDS | {"sensitive": ("user", "user_email")},
    "remove_user_from_slack": {"sensitive": ("user",)},
    "get_webpage": LOOKS | {"open_world": True, "sensitive": ("url",)},
    "post_webpage": {"open_world": True, "sensitive": ("url",)},
}

PROMISES = {"banking": BANKING, "slack": SLACK}


class World:
    """One task's environment, and the calls that took effect in it."""

    def __init__(self, env: TaskEnvironment) -> None:
        self.env = env
        self.made: list[FunctionCall] = []

    def tools(self, suite: str, functions: "Iterable[Function[Any, Any]]") -> list[Any]:
        """Put the suite's functions behind their contracts."""
        return [self._tool(function, PROMISES[suite][function.name]) for function in functions]

    def _tool(self, function: "Function[Any, Any]", promise: dict[str, Any]) -> Any:
        def run(**arguments: Any) -> Any:
            parts = {name: part.extract_dep_from_env(self.env) for name, part in function.dependencies.items()}
            try:
                result = function.run(**arguments, **parts)
            except ValueError as error:  # these tools check before they change anything
                raise Refused(str(error)) from error
            self.made.append(FunctionCall(function=function.name, args=arguments))
            return result

        signature = inspect.signature(function.run)
        shown = [part for name, part in signature.parameters.items() if name not in function.dependencies]
        run.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
        run.__annotations__ = {part.name: part.annotation for part in shown} | {"return": signature.return_annotation}
        run.__doc__ = function.description
        run.__name__ = function.name
        listed = {name: self._listing(registry) for name, registry in promise.get("registries", {}).items()}
        return tool(**promise | {"registries": listed}, timeout=10)(run)

    def _listing(self, registry: Listed) -> Callable[[ToolContext], Iterable[str]]:
        return lambda _context: registry(self.env)
