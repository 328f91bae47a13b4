"""What can be known of why a replay differs."""

from datetime import UTC, datetime, tzinfo

from interlock.runtime.replay.differences import lines_of
from interlock.runtime.replay.player import Divergence
from interlock.runtime.replay.recording import Recording

_DATE = "[date]"


def dated(found: Divergence, recording: Recording, now: datetime) -> tuple[str, ...]:
    """Tell that the two differ by the day alone, where they do: something looks at a calendar of its own.

    Args:
        now: when the replay took place.
    """
    recorded, happened = found.recorded, found.found
    if recorded is None or happened is None or recorded.kind != happened.kind:
        return ()
    before = "\n".join(lines_of(recorded, recording.bodies))
    after = "\n".join(lines_of(happened, {**recording.bodies, **found.bodies}))
    for zone in (UTC, None):
        then, today = _day(datetime.fromisoformat(recorded.at), zone), _day(now, zone)
        if then != today and before != after and before.replace(then, _DATE) == after.replace(today, _DATE):
            return (
                f"they differ by the date alone, {then} when it was recorded and {today} now: something in this node "
                "takes today's date from elsewhere; take it from runtime.context.clock",
            )
    return ()


def _day(at: datetime, zone: tzinfo | None) -> str:
    return at.astimezone(zone).date().isoformat()
