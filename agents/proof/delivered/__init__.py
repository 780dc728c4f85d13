"""Do alerts arrive? Receivers that fail in every way, processes that are killed, and each alert counted."""
