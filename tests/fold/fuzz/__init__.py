"""Kernels that read what strangers send, fed with broken things, beside plain readers of the same.

    python -m tests.fold.fuzz 500000     then the tests of this folder once more, each place in an array checked by numba: 100 s

A kernel may say no to anything unusual; where it says yes, it must have read what the plain reader reads. All it reads lies
between two pages that nobody may touch: see `edge.py`.
"""
