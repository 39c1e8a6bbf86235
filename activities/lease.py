"""The time a run has from its look at the facts to its call."""

from datetime import timedelta
from typing import Final

#: From opening an attempt to the first octet of its call; the time until the provider can take
#: anything comes on top. A run that is held up longer may have been taken for dead.
LEASE: Final = timedelta(seconds=5)
