"""What holds for all users: the rules by which alerts are raised."""
