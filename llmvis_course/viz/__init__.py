"""Pictures and plots. Every function draws on the `ax` it is given and returns it.

Nothing is said by colour alone. Nothing in the package imports this folder but `widgets`.
"""

from .charts import (
    BOXES,
    attention_map,
    curves,
    errors,
    flow_chart,
    score_bars,
    seed_dots,
    word_bars,
)
from .flows import ways, with_intervals
from .games import digit_bars, line_game, moving
from .latents import bound_ladder, code_map, decoded_map, kl_bars, plane_codes, sheet
from .palette import BLACK, BLUE, CYCLE, GREEN, GREY, ORANGE, PINK, SKY, VERMILION, YELLOW
from .pictures import (
    as_array,
    filmstrip,
    heat_maps,
    heat_over,
    picture_grid,
    show_picture,
    word_maps,
    writing_maps,
)
from .seeing import influence_map, signed_map
from .verdicts import Compared, compare, verdict_table
from .weights_of_losses import trade_off, tug_of_war

__all__ = [
    "BLACK", "BLUE", "BOXES", "CYCLE", "Compared", "GREEN", "GREY", "ORANGE", "PINK", "SKY",
    "VERMILION", "YELLOW", "as_array", "attention_map", "bound_ladder", "code_map", "compare",
    "curves", "decoded_map", "digit_bars", "errors", "filmstrip", "flow_chart", "heat_maps",
    "heat_over", "influence_map", "kl_bars", "line_game", "moving", "picture_grid", "plane_codes",
    "score_bars", "seed_dots", "sheet", "show_picture", "signed_map", "trade_off", "tug_of_war",
    "verdict_table", "ways", "with_intervals", "word_bars", "word_maps", "writing_maps",
]  # fmt: skip
