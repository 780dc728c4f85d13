"""Whose account is whose, and what is known of users beyond their clicks: controls, and what rows make of them."""
