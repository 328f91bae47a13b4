"""`memory learn`: a ranker from one's own questions, kept only if it finds more than the fixed weights do."""

from pathlib import Path
from typing import Annotated

import typer

from interlock.serving.cli.options import AsJson, HomePath, Tenant, User, home_at
from interlock.serving.cli.output import Machine


def learn(
    questions: Annotated[
        Path, typer.Argument(help='A file of lines like {"question": "...", "answers": ["<id of a memory>"]}.')
    ],
    user: User,
    out: Annotated[Path, typer.Option("--out", help="Where to write the ranker.")] = Path("ranker.json"),
    at: Annotated[int, typer.Option(min=1, help="How many memories count as found first.")] = 10,
    tenant: Tenant = "default",
    agent: Annotated[str | None, typer.Option("--agent", help="By whose memory: a folder, or module:attr.")] = None,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Learn from judged questions how to rank a user's memories, and write it down if it gains where it was tried."""
    from interlock.memory.learning import judged, questions_in, tried
    from interlock.runtime.memories import Owner
    from interlock.serving.memories import memory_of

    machine = Machine(json)
    asked = questions_in(questions)
    opened = home_at(home)
    store = memory_of(agent).open(opened.path, opened.clock)
    found = tried(judged(store, Owner(tenant=tenant, user=user), asked), at=at)
    if found.gains:
        found.ranker.save(out)
    machine.write(
        {
            "questions": found.questions,
            "before": round(found.before, 4),
            "after": round(found.after, 4),
            "error": round(found.error, 4),
            "written": str(out) if found.gains else None,
        }
    )
    typer.echo(
        f"{found.questions} questions, each held back once: {100 * found.before:.1f} % of the answers among the first"
        f" {at} by the fixed weights, {100 * found.after:.1f} % by what was learned (± {100 * found.error:.1f})",
        err=True,
    )
    typer.echo(f"written to {out}" if found.gains else "no gain beyond chance: nothing was written", err=True)
    return 0 if found.gains else 1
