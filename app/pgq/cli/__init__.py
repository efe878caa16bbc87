"""The command line: data on stdout, words on stderr; exit 0 good, 1 failed, 2 wrong usage, 3 wait ran out."""
