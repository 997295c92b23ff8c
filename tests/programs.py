"""Programs that tests need and that pip does not install."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str, package: str) -> str:
    """Where it is; without it the test is skipped, and fails under CI=true, where nothing may be skipped."""
    if found := shutil.which(name):
        return found
    problem = f"there is no {name}; install the package {package} to run this test"
    if os.environ.get("CI") == "true":
        pytest.fail(problem, pytrace=False)
    pytest.skip(problem)
