"""The one error of the development stack."""


class DevstackError(Exception):
    """Something on this machine stands in the way; the message says what and what to do."""
