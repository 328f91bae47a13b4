"""Evaluation: suites of cases, scorers, reports and baselines, for anything that takes a case."""

from interlock.evals.baseline import Comparison, compare
from interlock.evals.reading import read_suite, read_suites
from interlock.evals.report import Report, load_report
from interlock.evals.runner import Options, Watch, run_suites
from interlock.evals.suite import Case, Expect, Suite
from interlock.evals.target import Answer, Observation, Place, Say, Subject, Target, Turn, answering

__all__ = [
    "Answer",
    "Case",
    "Comparison",
    "Expect",
    "Observation",
    "Options",
    "Place",
    "Report",
    "Say",
    "Subject",
    "Suite",
    "Target",
    "Turn",
    "Watch",
    "answering",
    "compare",
    "load_report",
    "read_suite",
    "read_suites",
    "run_suites",
]
