"""`clout demo`: the whole of Clout on one machine, from wheels, with a feed and a live view."""
