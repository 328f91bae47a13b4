"""The roles that an agent declares are the ones that its policy may name."""

from pathlib import Path
from typing import Any

import pytest

from interlock import Agent
from interlock.graphs import tool_loop
from interlock.runtime.errors import BadInput, PolicyBroken

POLICY = '@decision("ask") @roles("lead") permit (principal in Role::"clerk", action in Action::"tool", resource);'


@pytest.mark.parametrize("roles", [["lead", "clerk"], None])
def test_a_policy_that_names_the_agents_roles_is_taken(roles: Any, tmp_path: Path) -> None:
    (policy := tmp_path / "policy.cedar").write_text(POLICY)

    tool_loop(Agent(name="desk", policy=policy, roles=roles))


def test_a_policy_that_names_another_role_is_refused_with_its_place(tmp_path: Path) -> None:
    (policy := tmp_path / "policy.cedar").write_text(POLICY)

    with pytest.raises(PolicyBroken) as raised:
        tool_loop(Agent(name="desk", policy=policy, roles=["lead", "clerks"]))
    assert (raised.value.what, raised.value.where) == ("there is no role 'clerk'", f"{policy}:1:60")


@pytest.mark.parametrize("roles", ["lead", ["lead", ""]])
def test_what_is_no_list_of_names_is_refused(roles: Any) -> None:
    with pytest.raises(BadInput, match="is no list of names"):
        Agent(name="desk", roles=roles)
