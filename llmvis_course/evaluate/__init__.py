"""The judge, which measures what a picture shows, and the scores it gives to a system."""

from .judge import Judge, Verdict, own_error
from .scores import Score, describes, evaluate, format_table, score, wilson_interval

__all__ = [
    "Judge",
    "Score",
    "Verdict",
    "describes",
    "evaluate",
    "format_table",
    "own_error",
    "score",
    "wilson_interval",
]
