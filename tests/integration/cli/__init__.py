"""The command line beside running workers."""
