"""Settings of all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# Where a change is judged the same examples are drawn each time; everywhere else new ones are.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
