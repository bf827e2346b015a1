"""The only part that knows every other: from a sentence to a picture, and the whole flow chart."""

from .flow_chart import (
    Attempt,
    FlowChart,
    Result,
    lead_away_from_what_was_seen,
    share_shown,
)
from .painted import PaintedByGAN
from .text_to_image import GUIDANCE, SHIFT, STEPS, NotUnderstood, TextToImage, Trace
from .token_drawer import TokenDrawer

__all__ = [
    "GUIDANCE",
    "SHIFT",
    "STEPS",
    "Attempt",
    "FlowChart",
    "NotUnderstood",
    "PaintedByGAN",
    "Result",
    "TextToImage",
    "TokenDrawer",
    "Trace",
    "lead_away_from_what_was_seen",
    "share_shown",
]
