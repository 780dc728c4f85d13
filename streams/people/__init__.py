"""Whose account is whose, what is known of users beyond their clicks, and what both make of rows: controls, links, facts, persons."""
