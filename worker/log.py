"""The worker's log: a line for each event, with its time."""

import logging
import time
from typing import TextIO

from temporalio.exceptions import ApplicationError

#: Errors from outside of our code: a setting, a server, a command that cannot be carried
#: out. Its words say what to do; where in the code it was met helps no reader.
_ONE_LINE_ERRORS = (ApplicationError, OSError)


def set_up_logging(stream: TextIO | None = None) -> None:
    """Log to a stream from now on, standard error unless given; once in a process."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(EventLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    # Of each request it makes, with the address asked.
    logging.getLogger("httpx").setLevel(logging.WARNING)


class EventLine(logging.Formatter):
    """One line, in UTC; with a traceback only where the violation may be our own."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        violation = record.exc_info[1] if record.exc_info else None
        if not isinstance(violation, _ONE_LINE_ERRORS):
            return super().format(record)
        bare = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None})
        return _one_line(f"{super().format(bare)}: {violation}")


def _one_line(text: str) -> str:
    """A text without characters that could pass for another line, or steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)
