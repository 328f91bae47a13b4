"""Policies: what an agent may do, written in Cedar and checked against its tools."""

from interlock.runtime.policies.cedar import CedarPolicies, check
from interlock.runtime.policies.compiled import Considered, Explanation
from interlock.runtime.policies.rules import Finding

__all__ = ["CedarPolicies", "Considered", "Explanation", "Finding", "check"]
