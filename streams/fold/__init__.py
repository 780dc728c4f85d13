"""The compiled core: kernels over arrays, each a rule of the score. Python that owns the arrays is in `streams.model`."""

import os

os.environ.setdefault("NUMBA_CPU_NAME", "generic")  # before numba is imported. Portable, and as fast: within 5 %
