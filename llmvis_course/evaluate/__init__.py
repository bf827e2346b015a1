"""The judge, which measures what a picture shows, and the scores it gives to a system."""

from .judge import Judge, Verdict, own_error
from .scores import (
    Paired,
    Score,
    describes,
    evaluate,
    format_table,
    paired_difference,
    score,
    wilson_interval,
)

__all__ = [
    "Judge",
    "Paired",
    "Score",
    "Verdict",
    "describes",
    "evaluate",
    "format_table",
    "own_error",
    "paired_difference",
    "score",
    "wilson_interval",
]
