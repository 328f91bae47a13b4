"""`policy`: check what the policies say, before and after."""

from typing import TYPE_CHECKING, Annotated

import typer

from interlock.serving.cli.options import AgentName, AsJson, Roles, Tenant, User, caller_of
from interlock.serving.cli.output import Machine

if TYPE_CHECKING:
    from interlock.runtime.errors import PolicyBroken


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(_app, name="policy")


_app = typer.Typer(help="Check and explain policies.", no_args_is_help=True)


@_app.command()
def check(agent: AgentName, json: AsJson = False) -> int:
    """Check an agent's policy against its tools."""
    from interlock.graphs.patterns import assembly_of
    from interlock.runtime.errors import PolicyBroken
    from interlock.serving.loading import load_graph

    machine = Machine(json)
    try:
        assembly = assembly_of(load_graph(agent))
    except PolicyBroken as error:
        return _refused(error, machine)
    assert assembly is not None  # noqa: S101  # load_graph refuses others
    findings = assembly.policies.findings
    version = assembly.policies.version
    machine.write({"ok": True, "version": version, "warnings": [vars(f) for f in findings]})
    if not json:
        for finding in findings:
            typer.echo(f"{finding.severity}: {finding.what} ({finding.where}); {finding.fix}")
        typer.echo(f"policy of {assembly.agent.name} fits its {len(assembly.tools)} tools; version {version[:12]}")
    return 0


def _refused(error: "PolicyBroken", machine: Machine) -> int:
    """Name each error by itself."""
    errors = [error, *error.more]
    machine.write({"ok": False, "errors": [{"what": e.what, "where": e.where, "fix": e.fix} for e in errors]})
    for each in errors:
        typer.echo(f"error: {each.what} ({each.where}); {each.fix}", err=True)
    typer.echo(f"the policy cannot be used: {len(errors)} to mend", err=True)
    return error.exit_status


@_app.command()
def explain(
    agent: AgentName,
    tool: Annotated[
        str,
        typer.Argument(
            help="The tool, or take_input, make_plan, take_result, call_model, read_memory, write_memory, reply."
        ),
    ],
    arguments: Annotated[str, typer.Argument(help="Its arguments as JSON.")] = "{}",
    user: User = "anonymous",
    tenant: Tenant = "default",
    role: Roles = None,
    untrusted: Annotated[bool, typer.Option("--untrusted", help="As if untrusted text had led here.")] = False,
    json: AsJson = False,
) -> int:
    """Show what the policies say about one request, and which of them say it."""
    from interlock.serving.explaining import explained

    machine = Machine(json)
    found = explained(agent, tool, arguments, caller=caller_of(user, tenant, role), untrusted=untrusted)
    machine.write(found)
    if not json:
        typer.echo(f"{found['outcome']}: {found['reason'] or ', '.join(found['policies'])}")
        for change in found["changes"]:
            limit = f" at {change['limit']}" if change["limit"] is not None else ""
            typer.echo(f"  changed: {change['do']} {change['field']}{limit} (by {', '.join(found['policies'])})")
        for one in found["considered"]:
            typer.echo(f"  {one['id']:28} {one['effect']:8} {one['applies']!s:12} {one['reason']}")
    return 0
