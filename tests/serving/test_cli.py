"""The command line: what it prints, where, and with which exit status."""

import sqlite3
from pathlib import Path

import pytest
from tests.serving.conftest import Cli
