"""Settings of the whole test run."""

import os

# tests run side by side: linear algebra on several threads each would only make them wait for each other
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from hypothesis import settings  # noqa: E402  (after the threads are settled)

# where a change is judged the same examples are drawn each time; everywhere else new ones are
settings.register_profile("usual", deadline=None)  # a test that takes long on a busy machine is right all the same
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("usual")
if os.environ.get("CI"):
    settings.load_profile("ci")
