"""Two players on one line, the digits that were drawn, and frames that move."""

import io
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from .palette import BLACK, BLUE, GREY, ORANGE, SKY


def line_game(
    x: Float[Tensor, " n"],
    p: Float[Tensor, " n"],
    q: Float[Tensor, " n"],
    d: Float[Tensor, " n"],
    *,
    ax: Axes,
    title: str = "",
) -> Axes:
    """The density of real data (filled), that of drawn data (dashed), and D(x) (dotted).

    A grey line lies at 1/2, where the discriminator cannot tell.
    """
    ax.fill_between(x.numpy(), p.detach().numpy(), color=SKY, alpha=0.5, label="real, p(x)")
    ax.plot(x, q.detach(), color=ORANGE, linestyle="--", label="drawn, q(x)")
    ax.plot(x, d.detach(), color=BLACK, linestyle=":", label="D(x)")
    ax.axhline(0.5, color=GREY, linewidth=0.6)
    ax.set_xlim(float(x.min()), float(x.max()))
    ax.set_ylim(0, 1.05)
    ax.set_xlabel("x")
    ax.set_title(title, fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def digit_bars(told: Sequence[int | None], *, ax: Axes, title: str = "", least: float = 0) -> Axes:
    """How much of the drawings shows each digit, and how much none that can be told.

    A dashed line lies at `least`, from which a digit counts as drawn.
    """
    shares = [sum(digit == k for digit in told) / len(told) for k in range(10)]
    ax.bar(range(10), shares, color=BLUE)
    ax.bar(10, 1 - sum(shares), color="white", edgecolor=GREY, hatch="//")
    ax.set_xticks(range(11), [*map(str, range(10)), "?"])
    if least:
        ax.axhline(least, color=BLACK, linestyle="--", linewidth=0.8)
    ax.set_ylabel("share of drawings")
    ax.set_title(title, fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def moving(draw: Callable[[int, Axes], object], frames: int, *, seconds: float = 0.2) -> bytes:
    """A GIF whose k-th frame is what `draw(k, ax)` draws, each shown for some `seconds`."""
    figure, pictures = Figure(figsize=(5.2, 2.8), dpi=70, layout="tight"), []
    canvas = FigureCanvasAgg(figure)
    for k in range(frames):
        figure.clear()
        draw(k, figure.subplots())
        canvas.draw()
        whole = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        pictures.append(whole.quantize(16))
    stored, first = io.BytesIO(), pictures[0]
    style = {"save_all": True, "append_images": pictures[1:], "loop": 0}
    first.save(stored, "GIF", duration=int(1000 * seconds), **style)
    return stored.getvalue()
