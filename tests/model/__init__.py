"""What must hold of the pure core: golden numbers worked by hand, the algebra of the score, and hostile input."""
