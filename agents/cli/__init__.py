"""The command `clout`: data on stdout, talk on stderr. Each module holds one or two commands and is imported when one is called."""
