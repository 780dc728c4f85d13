"""The compiled core: kernels over arrays, each a rule of the score. Python that owns the arrays is in `streams.model`."""
