"""The weighted score of a channel for one message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from madan_sara.contracts.campaign import Urgency
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import ChannelAssessment, FactorScores
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.reading import read, require
from madan_sara.contracts.recipient import ChannelEngagement, CustomerType, Device
from madan_sara.contracts.violations import quoted
from madan_sara.policy import data

#: How many messages the base rate weighs against a channel's own history: with 20
#: messages behind it, a channel's own rate counts for half.
PRIOR_MESSAGES: Final = 20

#: Weights of the reactions in the engagement rate. Source: the starting figures.
OPEN_WEIGHT: Final = 0.3
CLICK_WEIGHT: Final = 0.4
REPLY_WEIGHT: Final = 0.3

#: Decimals a total is rounded to, so that equal sums tie in any order of addition.
TOTAL_DECIMALS: Final = 6

_RECOMMENDED_CHANNELS: Final = 3
_HOURS: Final = range(24)
#: More than any sender has sent; what is larger is a mistake, or no number.
_MOST_MESSAGES: Final = 1e15
_CHANNEL_RANK: Final = {channel: rank for rank, channel in enumerate(Channel)}


@dataclass(frozen=True)
class Engagement:
    """Messages sent on one channel and the reactions to them, as counts."""

    messages: float
    opens: float
    clicks: float
    replies: float

    @classmethod
    def from_history(cls, history: ChannelEngagement) -> "Engagement":
        """Counts behind reported rates; without a count they stand for `PRIOR_MESSAGES`."""
        sent = PRIOR_MESSAGES if history.messages_sent is None else history.messages_sent
        return cls(
            messages=sent,
            opens=sent * history.open_rate,
            clicks=sent * history.click_rate,
            replies=sent * history.reply_rate,
        )

    def __add__(self, other: "Engagement") -> "Engagement":
        return Engagement(
            messages=self.messages + other.messages,
            opens=self.opens + other.opens,
            clicks=self.clicks + other.clicks,
            replies=self.replies + other.replies,
        )

    def rate(self) -> float:
        """Weighted reactions per message, 0 to 1; a message counts each reaction once."""
        if self.messages <= 0:
            return 0.0
        opened, clicked, replied = (
            min(1.0, max(0.0, count / self.messages))
            for count in (self.opens, self.clicks, self.replies)
        )
        return _weighted(opened, clicked, replied)


def best_first(channel: Channel, total: float) -> tuple[float, int]:
    """Sort key: the higher total first, ties in the order of `Channel`."""
    return -total, _CHANNEL_RANK[channel]


def engagement_factor(channel: Channel, engagement: Engagement | None) -> float:
    """The engagement rate of a channel compared with its average.

    With e the channel's own rate over n messages, b its base rate and k the weight of
    the base (`PRIOR_MESSAGES`): s = (n e + k b) / (n + k), factor = s / (s + b). Written as
    1 / (1 + b / s) each operation keeps the order of its operand under any rounding: a further
    reaction never lowers the factor.

    Relative, because nearly all raw rates lie below 0.5: by them a channel never tried, at
    0.5, would beat one with twice the average rate. So the average is 0.5, twice the
    average 0.67, and a channel tried and never answered falls below 0.5. Smoothed, so that
    one answered message of one does not outweigh 40 of 100.

    Returns:
        0 to 1; 0.5 where nothing was ever sent.
    """
    if engagement is None or engagement.messages <= 0:
        return data.UNKNOWN_SCORE
    average = data.BASE_ENGAGEMENT[channel]
    base = _weighted(average.open_rate, average.click_rate, average.reply_rate)
    sent = engagement.messages
    smoothed = (sent * engagement.rate() + PRIOR_MESSAGES * base) / (sent + PRIOR_MESSAGES)
    return 1 / (1 + base / smoothed)


class ChannelSelector:
    """Scores channels by five weighted factors, and chooses by that score."""

    def score(
        self,
        channel: Channel,
        *,
        customer_type: CustomerType | None,
        device: Device | None,
        urgency: Urgency | None,
        local_hour: int | None,
        engagement: Engagement | None,
    ) -> tuple[FactorScores, float]:
        """Score one channel for one message.

        Args:
            channel: the channel to score.
            customer_type: of the recipient; None: unknown, as for the next three.
            device: the recipient reads on.
            urgency: of the campaign.
            local_hour: 0 to 23, the recipient's hour the message would be sent at.
            engagement: the recipient's reactions on this channel.

        Returns:
            The factors and their weighted sum, each 0 to 1.

        Raises:
            InvalidRequestError: a word is unknown; names the known ones.
        """
        for kind, word, field in (
            (Channel, channel, "channel"),
            (CustomerType, customer_type, "customer_type"),
            (Device, device, "device"),
            (Urgency, urgency, "urgency"),
        ):
            # A plain word is found like its member; nothing is asked twice of a member.
            if not isinstance(word, kind) and (word is not None or field == "channel"):
                read(kind, word, field)
        if engagement is not None:
            _require_counts(engagement)
        if local_hour is not None and not _is_hour(local_hour):
            raise InvalidRequestError(
                f"local_hour: {quoted(local_hour)} is not an hour from 0 to 23"
            )
        unknown = data.UNKNOWN_SCORE
        by_type = data.CUSTOMER_TYPE_SCORES[channel]
        by_part = data.DAY_PART_SCORES[channel]
        factors = FactorScores(
            customer_type=by_type[customer_type] if customer_type else unknown,
            engagement=engagement_factor(channel, engagement),
            device=data.DEVICE_SCORES[channel][device] if device else unknown,
            urgency=data.URGENCY_SCORES[channel][urgency] if urgency else unknown,
            time_of_day=(
                unknown if local_hour is None else by_part[data.DayPart.of_hour(local_hour)]
            ),
        )
        return factors, _total(factors)

    def select_channel(self, assessments: Sequence[ChannelAssessment]) -> Channel | None:
        """The best-scored channel of those not ruled out; ties in the order of `Channel`."""
        ranked = sorted(
            best_first(assessment.channel, assessment.total)
            for assessment in read(list[ChannelAssessment], assessments, "assessments")
            if assessment.ruled_out is None and assessment.total is not None
        )
        return list(Channel)[ranked[0][1]] if ranked else None

    def get_channel_recommendations(
        self,
        customer_type: CustomerType | str,
        engagement: Mapping[Channel, Engagement] | None = None,
    ) -> list[Channel]:
        """Three channels for a segment, the best first.

        Args:
            customer_type: the segment.
            engagement: the segment's reactions by channel. Where there are any, channels
                rank by their customer type and engagement factors; else by best practice.

        Raises:
            InvalidRequestError: a word is unknown; names the known ones.
        """
        segment = read(CustomerType, customer_type, "customer_type")
        known = {
            read(Channel, channel, "engagement"): seen
            for channel, seen in _by_channel(engagement).items()
            if _require_counts(seen).messages > 0
        }
        if not known:
            return list(data.RECOMMENDATIONS[segment])
        weights = data.FACTOR_WEIGHTS
        totals = {
            channel: round(
                weights["customer_type"] * data.CUSTOMER_TYPE_SCORES[channel][segment]
                + weights["engagement"] * engagement_factor(channel, known.get(channel)),
                TOTAL_DECIMALS,
            )
            for channel in Channel
        }
        ranked = sorted(Channel, key=lambda channel: best_first(channel, totals[channel]))
        return ranked[:_RECOMMENDED_CHANNELS]


def _is_hour(value: object) -> bool:
    return isinstance(value, int) and value in _HOURS


def _require_counts(engagement: object) -> Engagement:
    """Reactions that can be counted with.

    Raises:
        InvalidRequestError: they are none.
    """
    counts = require(Engagement, engagement, "engagement")
    for name, count in vars(counts).items():
        if not (isinstance(count, int | float) and 0 <= count <= _MOST_MESSAGES):
            raise InvalidRequestError(f"engagement.{name}: {quoted(count)} is no number of them")
    return counts


def _by_channel(engagement: object) -> Mapping[object, Engagement]:
    if not isinstance(engagement, Mapping | None):
        raise InvalidRequestError(
            f"engagement: must be a mapping of channels, not {type(engagement).__name__}"
        )
    return engagement or {}


def _weighted(opened: float, clicked: float, replied: float) -> float:
    return OPEN_WEIGHT * opened + CLICK_WEIGHT * clicked + REPLY_WEIGHT * replied


def _total(factors: FactorScores) -> float:
    scores: dict[str, float] = factors.model_dump()
    total = sum(weight * scores[name] for name, weight in data.FACTOR_WEIGHTS.items())
    return round(total, TOTAL_DECIMALS)
