"""Settings of the whole test run."""

import os

# tests run side by side: linear algebra on several threads each would only make them wait for each other
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
