"""What happens to effects when workers are killed with kill -9 at random points, or stop and live on as zombies.

A run makes seven calls in three rounds: with a tool that nobody can ask, with one that can be asked what has become of
a call, and with one that may be repeated; one call needs two people. In each trial the workers are killed up to three
times, and others go on; what is in doubt is answered by somebody who looks. Counted is what the world holds in the end.
A zombie is stopped, time passes until its lease is over, another worker finishes, and the zombie lives on.
"""

import random
import signal
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from _crashes import DONE, EXPECTED, STOPPED, WAITING, World, answer, child, ended, stop, work, writable
from _postgres import POSTGRES, Server, machines, running
from _report import arguments, finish, table
from interlock.runtime.journal.audit import verify

_MOST_STARTS = 60
_JUMP_S = 4_000.0


@dataclass(kw_only=True)
class Count:
    """What a kind of trial came to."""

    trials: int = 0
    kills: int = 0
    hits: int = 0
    """Workers that were killed in the middle of their work."""
    doubled: int = 0
    lost: int = 0
    unfinished: int = 0
    broken: int = 0
    """Workers that ended by an error of their own."""
    in_doubt: int = 0
    """Questions to people."""
    journals_broken: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list[str])


def main() -> None:
    options = arguments(__doc__, trials=300, seed=1, flags=POSTGRES)
    chance = random.Random(options.seed)  # noqa: S311  # repeatable trials
    with tempfile.TemporaryDirectory(prefix="interlock-crash-") as scratch, ExitStack() as stack:
        server = stack.enter_context(running(fsync=True)) if options.postgres else None
        usual_s = min(timed(new_world(Path(scratch) / f"usual-{n}", server)) for n in range(5))
        counts = {"one worker": Count(), "two workers": Count(), "a zombie": Count()}
        for trial in range(options.trials):
            kind = list(counts)[trial % len(counts)]
            world = new_world(Path(scratch) / str(trial), server)
            run_trial(kind, world, counts[kind], chance, usual_s)
    show(counts, usual_s)
    finish(
        {
            "usual_ms": round(usual_s * 1000, 1),
            "kinds": {kind: {k: v for k, v in vars(it).items() if k != "notes"} for kind, it in counts.items()},
            "doubled": sum(it.doubled for it in counts.values()),
            "lost": sum(it.lost for it in counts.values()),
            "trials": options.trials,
        },
        as_json=options.json,
    )


def new_world(place: Path, server: Server | None) -> World:
    """Make a world in which nothing has happened yet."""
    if server is None:
        (place / "home").mkdir(parents=True)
        return World(place)
    url = server.url()
    machines(place, url, 2)
    return World(place, url)


def timed(world: World) -> float:
    """Tell how long the run takes that nobody disturbs, people's answers included."""
    began = time.monotonic()
    while (status := ended(child(lambda: work(world)))) == WAITING:
        ended(child(lambda: answer(world)))
    assert status == DONE, status
    return time.monotonic() - began


def run_trial(kind: str, world: World, count: Count, chance: random.Random, usual_s: float) -> None:
    began = time.monotonic()
    if kind == "a zombie":
        zombie = child(lambda: work(world))
        time.sleep(chance.random() * usual_s * 0.6)
        stop(zombie, signal.SIGSTOP)
        while ended(child(lambda: writable(world))) != DONE:  # in a write that nobody else could pass
            stop(zombie, signal.SIGCONT)
            time.sleep(0.001)
            stop(zombie, signal.SIGSTOP)
        world.jump(_JUMP_S)
        undisturbed(world, count, machine=1)
        stop(zombie, signal.SIGCONT)
        count.kills += 1
        note(world, count, {"zombie": ended(zombie)}, allowed={DONE, WAITING, STOPPED})
    else:
        workers = 2 if kind == "two workers" else 1
        for _ in range(chance.randint(1, 3)):
            pids = [child(partial(work, world, machine)) for machine in range(workers)]
            time.sleep(chance.random() * usual_s)
            stop(chance.choice(pids), signal.SIGKILL)
            count.kills += 1
            note(world, count, {str(n): ended(pid) for n, pid in enumerate(pids)}, allowed={DONE, WAITING, STOPPED, -9})
            ended(child(lambda: answer(world)))
        undisturbed(world, count, machine=chance.randrange(2))
    judge(world, count)
    count.trials += 1
    count.seconds += time.monotonic() - began


def undisturbed(world: World, count: Count, machine: int = 0) -> None:
    """Let workers and people go on until all is done."""
    for _ in range(_MOST_STARTS):
        status = ended(child(lambda: work(world, machine)))
        if status == DONE:
            return
        note(world, count, {"last": status}, allowed={WAITING})
        ended(child(lambda: answer(world)))
    count.unfinished += 1


def note(world: World, count: Count, statuses: dict[str, int], allowed: set[int]) -> None:
    count.hits += sum(status == -signal.SIGKILL for status in statuses.values())
    for who, status in statuses.items():
        if status not in allowed:
            count.broken += 1
            count.notes.append(f"{world.place.name}: worker {who} ended with {status}")


def judge(world: World, count: Count) -> None:
    """Compare what happened with what was to happen."""
    found = Counter((name, n) for name, n, _key in world.effects())
    count.doubled += sum(times - 1 for times in found.values())
    count.lost += sum(1 for effect in EXPECTED if not found[effect])
    if sorted(found) != EXPECTED or max(found.values()) > 1:
        count.notes.append(f"{world.place.name}: {world.effects()}")
    home = world.home()
    count.in_doubt += sum(1 for asked in home.approvals.list(state=None) if asked.question == "in_doubt")
    if not (verdict := verify(home.database)).ok:
        count.journals_broken += 1
        count.notes.append(f"{world.place.name}: {[(f.row, f.problem) for f in verdict.findings]}")
    home.close()


def show(counts: dict[str, Count], usual_s: float) -> None:
    names = ("trials", "kills", "hits", "doubled", "lost", "unfinished", "broken", "in_doubt", "journals_broken")
    rows = [(kind, *(str(getattr(it, name)) for name in names)) for kind, it in counts.items()]
    notes = "\n".join(line for it in counts.values() for line in it.notes[:10])
    title = f"Effects after kill -9 (a run that nobody disturbs takes {usual_s * 1000:.0f} ms)"
    table(title, ("trials with", *(name.replace("_", " ") for name in names)), rows, note=notes)


if __name__ == "__main__":
    main()
