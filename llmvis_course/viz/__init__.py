"""Pictures and plots. Every function draws on the `ax` it is given and returns it.

Nothing is said by colour alone. Nothing in the package imports this folder but `widgets`.
"""

from .charts import BOXES, attention_map, curves, errors, flow_chart, score_bars, word_bars
from .flows import ways, with_intervals
from .palette import BLACK, BLUE, CYCLE, GREEN, GREY, ORANGE, PINK, SKY, VERMILION, YELLOW
from .pictures import (
    as_array,
    filmstrip,
    heat_over,
    picture_grid,
    show_picture,
    word_maps,
    writing_maps,
)
from .verdicts import Compared, compare, verdict_table

__all__ = [
    "BLACK", "BLUE", "BOXES", "CYCLE", "GREEN", "GREY", "ORANGE", "PINK", "SKY", "VERMILION",
    "YELLOW", "Compared", "as_array", "attention_map", "compare", "curves", "errors", "filmstrip",
    "flow_chart", "heat_over", "picture_grid", "score_bars", "show_picture", "verdict_table",
    "ways", "with_intervals", "word_bars", "word_maps", "writing_maps",
]  # fmt: skip
