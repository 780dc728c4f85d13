"""What must hold between blocks and rows: strays, repeats, rejects, holes, order, positions."""
