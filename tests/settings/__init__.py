"""What must hold of settings."""
