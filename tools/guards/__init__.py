"""What stands around a tool's attempts: cache, fallback, circuit breaker, rate and concurrency limits."""

from interlock.tools.guards.guards import Guarded, Guards, Run, guarded

__all__ = ["Guarded", "Guards", "Run", "guarded"]
