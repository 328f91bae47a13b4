"""Forgetting that is proven: everywhere in a home, with a receipt that a search of the files' bytes can check."""

from interlock.serving.forgetting.forgetting import Forgetting
from interlock.serving.forgetting.holding import hold, release
from interlock.serving.forgetting.holdings import holdings
from interlock.serving.forgetting.remains import verify

__all__ = ["Forgetting", "hold", "holdings", "release", "verify"]
