"""What Clout computes and how it is kept: no Faust app, no clock of its own, nothing done at import."""
