"""Checks of what the command line says."""

import argparse


def positive(text: str) -> int:
    """A whole number of at least one.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above zero")
    return int(text)
