"""What the API answers, as types: the API describes its answers by them, the client reads answers into them. Pure.

More fields may come: whoever reads ignores those that are not known.
"""
