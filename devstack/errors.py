"""The one error of the development stack."""


class DevstackError(Exception):
    """The stack cannot run on this machine; the message says why and what to do."""
