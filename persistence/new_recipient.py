"""What a recipient of a campaign is stored as.

Apart from the store, so that a process which only judges rows loads no database driver.
"""

from typing import NamedTuple


class NewRecipient(NamedTuple):
    """Somebody to add to a campaign, checked; a tuple, because COPY takes tuples."""

    recipient_id: str
    request_digest: str
    #: The profile as JSON, without what is missing.
    profile: str
