"""The score: pure functions over numpy columns. Imports the standard library, msgspec, numpy and xxhash, nothing else."""
