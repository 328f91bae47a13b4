"""Reminders: what waits for people is told again, and what has waited too long is ended."""

from datetime import datetime

from interlock.runtime.gate.approvals import Approval
from interlock.runtime.home import Home
from interlock.runtime.journal.events import ApprovalReminded


def sweep(home: Home, *, after_s: float) -> tuple[list[Approval], list[Approval]]:
    """Put a reminder on record for every approval that has waited so long since the last, and end those that expired.

    Call it as often as reminders are wanted; it is safe from several processes.

    Returns:
        what was reminded of, and what has expired.
    """
    now = home.clock.now()
    reminded: list[Approval] = []
    with home.database.transaction() as tx:
        over = home.approvals.list(state="expired")
        expired = [approval for approval in over if home.approvals.end_if_over(tx, approval.id)]
        for approval in home.approvals.list():
            if (now - _last_told(home, approval)).total_seconds() < after_s:
                continue
            left = (approval.expires_at - now).total_seconds()
            event = ApprovalReminded(
                approval=approval.id, tool=approval.tool, roles=approval.decision.roles, left_s=round(left, 3)
            )
            home.journal.append(tx, approval.scope, approval.place, event)
            reminded.append(approval)
    return reminded, expired


def _last_told(home: Home, approval: Approval) -> datetime:
    told = [
        entry.at
        for entry in home.journal.of_kind("approval_reminded")
        if isinstance(entry.event, ApprovalReminded) and entry.event.approval == approval.id
    ]
    return max(told, default=approval.asked_at)
