"""How the two constants of the curve are found: who counts, steady traffic out of one week, and the fit."""
