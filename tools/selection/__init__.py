"""Selection: of hundreds of tools, the few that fit what is asked."""

from interlock.tools.selection.select import Select as Select
from interlock.tools.selection.selection import Selector as Selector
