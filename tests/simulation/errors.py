"""What a simulated life can end with, apart from its end."""


class Violation(BaseException):
    """Something happened that must never happen.

    Args:
        checker: which rule was broken.
        what: how, in words.
    """

    def __init__(self, checker: str, what: str) -> None:
        super().__init__(f"{checker}: {what}")
        self.checker = checker
        self.what = what


class LifeOver(BaseException):
    """The life is over; what still hangs in it is let go."""
