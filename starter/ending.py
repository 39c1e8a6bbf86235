"""How a process ends that has connected: at once, with its output written."""

from madan_sara.config.ending import exit_process

__all__ = ["exit_process"]
