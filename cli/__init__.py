"""The command line `madan-sara`."""
