"""What can be asked over HTTP, a module each: a function that makes a router of what it is given."""
