"""What runs: the Faust app and its agents, the HTTP page, the command line. Imports `streams`, never the other way."""
