"""Pictures as tokens: the grid over a picture, and one row of words and cells."""

from collections.abc import Sequence

from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from .palette import BLACK, GREY, SKY, YELLOW
from .pictures import as_array

KINDS = {"word": YELLOW, "picture": SKY, "marker": "white"}
"""What a token of a row can be, and the ground it is written on."""


def token_grid(
    picture: Float[Tensor, "3 h w"], tokens: Int[Tensor, "i j"], *, ax: Axes, title: str = ""
) -> Axes:
    """A picture, cut into cells, with the number of each cell's token on it."""
    rows, columns = tokens.shape
    ax.imshow(as_array(picture), extent=(0, columns, rows, 0), interpolation="nearest")
    light = as_array(picture).max(axis=2)
    tall, wide = light.shape[0] // rows, light.shape[1] // columns
    for row in range(rows):
        for column in range(columns):
            cell = light[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
            colour = BLACK if cell.mean() > 0.4 else "white"
            style = {"ha": "center", "va": "center", "color": colour, "fontsize": 7}
            ax.text(column + 0.5, row + 0.5, str(int(tokens[row, column])), **style)
            frame = {"fill": False, "edgecolor": GREY, "linewidth": 0.7}
            ax.add_patch(Rectangle((column, row), 1, 1, **frame))
    ax.set_title(title, fontsize=9)
    ax.set_axis_off()
    return ax


def token_row(texts: Sequence[str], kinds: Sequence[str], *, ax: Axes, columns: int = 12) -> Axes:
    """Tokens in the order in which they are read, `columns` a line, coloured by what they are.

    Raises ValueError unless each has one of `KINDS`.
    """
    if len(texts) != len(kinds):
        raise ValueError(f"found {len(kinds)} kinds for {len(texts)} tokens; expected as many")
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise ValueError(f"no such kind: {', '.join(unknown)}; expected {', '.join(KINDS)}")
    for k, (text, kind) in enumerate(zip(texts, kinds, strict=True)):
        left, top = k % columns, k // columns
        box = {"facecolor": KINDS[kind], "edgecolor": GREY, "linewidth": 0.7}
        ax.add_patch(Rectangle((left + 0.03, top + 0.1), 0.94, 0.8, **box))
        ax.text(left + 0.5, top + 0.5, text, ha="center", va="center", fontsize=8)
    ax.set_xlim(0, columns)
    ax.set_ylim(-(-len(texts) // columns), 0)
    ax.set_axis_off()
    return ax
