"""Small valid objects to vary in tests, and strategies over them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st

from madan_sara.contracts.campaign import Campaign, OutreachCampaign, Urgency
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.recipient import ContactInfo, CustomerType, Device, RecipientProfile
from madan_sara.contracts.settings import ChannelDeduplication, OrchestratorSettings
from madan_sara.policy.frequency import RecentClaim
from madan_sara.policy.routing import RoutingFacts
from madan_sara.policy.selector import Engagement
from madan_sara.policy.templates import RenderedMessages

#: A Tuesday; 10:00 in New York.
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
START = datetime(2026, 11, 1, tzinfo=UTC)

ADDRESSES = {
    "email": "jane@example.com",
    "phone": "+12025550123",
    "instagram_handle": "@jane",
    "facebook_id": "jane.fb",
    "linkedin_id": "jane.li",
    "twitter_handle": "@jane_tw",
    "user_id": "u-1",
}


def campaign(**changes: Any) -> Campaign:
    written = {"name": "Spring", "channels": list(Channel), "start_date": START, **changes}
    return OutreachCampaign(**written).resolved()


def profile(**changes: Any) -> RecipientProfile:
    return RecipientProfile(**{"contact_info": ContactInfo(**ADDRESSES), **changes})


def facts(**changes: Any) -> RoutingFacts:
    given: dict[str, Any] = {
        "campaign": campaign(),
        "settings": OrchestratorSettings(),
        "profile": profile(),
        "content": MessageContent({"default": "Hello!"}),
        "text_limits": dict.fromkeys(Channel),
        **changes,
    }
    rendered = RenderedMessages(given.pop("content"), given.pop("profile"))
    return RoutingFacts(rendered=rendered, **given)


def claim(
    *,
    campaign_id: UUID | None = None,
    channel: Channel | None = Channel.EMAIL,
    sent_at: datetime | None = None,
    texts: tuple[str, ...] = (),
) -> RecentClaim:
    return RecentClaim(
        message_id=uuid4(),
        campaign_id=campaign_id or uuid4(),
        channel=channel,
        claimed_at=sent_at or NOW,
        sent_at=sent_at,
        texts=texts,
    )


channels = st.sampled_from(Channel)
engagements = st.builds(
    lambda messages, opened, clicked, replied: Engagement(
        messages, messages * opened, messages * clicked, messages * replied
    ),
    st.integers(0, 500),
    *[st.floats(0, 1)] * 3,
)


@st.composite
def routing_facts(draw: st.DrawFn) -> RoutingFacts:
    """Facts with any mixture of reasons for and against each channel."""
    chosen = draw(st.lists(channels, min_size=1, unique=True))
    order = draw(st.permutations(chosen))
    unreachable = draw(st.sets(st.sampled_from(sorted(ADDRESSES)), max_size=2))
    addresses = set(ADDRESSES) - unreachable
    limits = dict.fromkeys(Channel) | draw(st.dictionaries(channels, st.just(3), max_size=2))
    unserved = draw(st.sets(channels, max_size=2))
    return facts(
        campaign=campaign(
            channels=chosen,
            channel_priority=draw(st.none() | st.just({"default": order})),
            urgency=draw(st.sampled_from(Urgency)),
        ),
        settings=OrchestratorSettings(
            max_fallback_attempts=draw(st.integers(1, 8)),
            channel_deduplication=draw(st.sampled_from(ChannelDeduplication)),
        ),
        profile=profile(
            contact_info=ContactInfo(**{field: ADDRESSES[field] for field in addresses}),
            customer_type=draw(st.none() | st.sampled_from(CustomerType)),
            device_preference=draw(st.none() | st.sampled_from(Device)),
            preferences={"preferred_channel": draw(st.none() | channels)},
        ),
        recent_channels=draw(st.dictionaries(channels, st.just(NOW))),
        suppressed=draw(st.dictionaries(channels, st.just("complained"), max_size=2)),
        engagement=draw(st.dictionaries(channels, engagements, max_size=4)),
        text_limits={key: limit for key, limit in limits.items() if key not in unserved},
        force=draw(st.booleans()),
    )
