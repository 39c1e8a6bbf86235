"""The end of a process that has connected: at once, with its output written."""

from madan_sara.config.ending import exit_process

__all__ = ["exit_process"]
