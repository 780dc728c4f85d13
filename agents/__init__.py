"""What runs: the Faust app and its agents, the HTTP page, the command line. Imports `streams`, never the other way."""

import os

# A worker is one core by design: else numpy's BLAS keeps a thread for each other core, which spins while it waits for work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
