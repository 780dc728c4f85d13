"""What people say about users: whose accounts are one person's, and facts about them."""
