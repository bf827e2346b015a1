"""Interactive versions of the pictures: type a sentence, press a button, see it drawn and judged.

Made of plain ipywidgets, so that they work in JupyterLab, VS Code and Colab. Nothing here computes
what a notebook could not compute in a cell; every widget has a static twin beneath it.
"""

import html
import io
import warnings
from collections.abc import Callable, Sequence

import ipywidgets
import numpy as np
import torch
from jaxtyping import Float
from matplotlib.colors import to_rgb
from PIL import Image
from torch import Tensor

from .evaluate import Judge
from .pipeline import GUIDANCE, NotUnderstood, TextToImage, Trace
from .training.repro import make_rng
from .viz import BLUE, VERMILION, as_array, compare, heat_over, plane_codes, sheet

EXAMPLES = (
    "a large red seven at the top left",
    "a small blue three to the left of a small yellow eight",
    "three medium green fives",
    "a huge crimson 4 in the lower right corner",
    "a purple elephant",
)
SIDE = 256  # pixels on the screen


def png(array: Float[np.ndarray, "h w 3"], *, side: int = SIDE) -> bytes:
    """Colours in [0, 1] as a PNG file, enlarged with hard pixel edges."""
    small = Image.fromarray((255 * array).round().clip(0, 255).astype("uint8"))
    file = io.BytesIO()
    small.resize((side, side), Image.Resampling.NEAREST).save(file, "png")
    return file.getvalue()


def verdict_html(said, verdict, *, note: str = "") -> str:
    """A verdict as a small table: asked, seen, and a word (not only a colour) for each line."""
    rows = "".join(
        f"<tr><td>{line.name}</td><td>{line.asked}</td><td>{line.seen}</td>"
        f"<td style='color:{BLUE if line.right else VERMILION}'>"
        f"{'✓ right' if line.right else '✗ missing'}</td></tr>"
        for line in compare(said, verdict.seen)
    )
    head = "<tr><th></th><th>asked</th><th>seen</th><th></th></tr>"
    sentence = "The judge says: <b>right</b>." if verdict.right else "The judge says: <b>wrong</b>."
    return f"<div style='line-height:1.6'>{sentence}<table>{head}{rows}</table>{note}</div>"


def message_html(text: str) -> str:
    """A message in place of a verdict; the text is escaped, since it quotes what was typed."""
    return f"<p style='max-width:28em; line-height:1.6; white-space:normal'>{html.escape(text)}</p>"


class DrawingBoard(ipywidgets.VBox):
    """A box for a sentence, a button that draws it, the picture step by step, and its verdict.

    Each press draws with fresh noise; `seed` fixes the first. A sentence that cannot be drawn
    leaves the picture alone and is answered where the verdict stands.
    """

    def __init__(
        self,
        system: TextToImage,
        judge: Judge,
        *,
        examples: Sequence[str] = EXAMPLES,
        seed: int = 0,
        note: str = "",
    ) -> None:
        self.system, self.judge, self.note = system, judge, note
        self.rng = make_rng(seed)
        self.trace: Trace | None = None
        wide = ipywidgets.Layout(width="34em")
        self.examples = ipywidgets.Dropdown(
            options=list(examples), value=examples[0], description="examples", layout=wide
        )
        self.caption = ipywidgets.Text(value=examples[0], description="draw", layout=wide)
        self.guidance = ipywidgets.FloatSlider(
            value=GUIDANCE, min=0, max=6, step=0.5, description="guidance", continuous_update=False
        )
        self.button = ipywidgets.Button(description="Draw it", button_style="primary")
        self.status = ipywidgets.Label()
        self.picture = ipywidgets.Image(
            value=png(np.zeros((32, 32, 3))), format="png", width=SIDE, height=SIDE
        )
        self.step = ipywidgets.IntSlider(description="step", min=1, max=1, disabled=True)
        self.word = ipywidgets.Dropdown(
            options=[("(none)", None)], description="word", disabled=True
        )
        self.verdict = ipywidgets.HTML(message_html("Press the button; the verdict stands here."))
        self._mark_for_tests_and_styles()
        self.examples.observe(self._take_example, "value")
        self.button.on_click(lambda _: self.draw())
        self.step.observe(self._show, "value")
        self.word.observe(self._show, "value")
        row = ipywidgets.HBox
        super().__init__(
            [
                self.examples,
                self.caption,
                row([self.guidance, self.button, self.status]),
                row([ipywidgets.VBox([self.picture, self.step, self.word]), self.verdict]),
            ]
        )

    def __repr__(self) -> str:  # what a stored page shows where the widget would be
        return "DrawingBoard: run this cell to use it. A printed copy of one drawing follows."

    def _mark_for_tests_and_styles(self) -> None:
        self.caption.add_class("llmvis-caption")
        self.button.add_class("llmvis-draw")
        self.picture.add_class("llmvis-picture")
        self.verdict.add_class("llmvis-verdict")

    def _take_example(self, change: dict) -> None:
        self.caption.value = change["new"]

    def draw(self) -> None:
        """Draw the sentence in the box; what a press of the button does."""
        self.button.disabled, self.status.value = True, "drawing …"
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", NotUnderstood)
                self._draw(self.caption.value)
            said = [str(w.message) for w in caught if w.category is NotUnderstood]
            self.verdict.value += "".join(message_html(f"Careful: {text}") for text in said)
        except ValueError as error:
            before = " The picture is still that of the sentence before." if self.trace else ""
            self.verdict.value = message_html(f"{error}{before}")
        finally:
            self.button.disabled, self.status.value = False, ""

    @torch.no_grad()
    def _draw(self, caption: str) -> None:
        self.trace = self.system.trace([caption], rng=self.rng, guidance=self.guidance.value)
        said = self.system.understand(caption).scene
        verdict = self.judge.verdict(self.trace.pictures[0], said)
        words = [(word, m) for m, word in enumerate(self.trace.words[0])]
        self.word.options, self.word.disabled = [("(none)", None), *words], False
        last = len(self.trace.path)
        self.step.max, self.step.value, self.step.disabled = last, last, False
        self._show()
        self.verdict.value = verdict_html(said, verdict, note=self.note)

    def _show(self, _: dict | None = None) -> None:
        """Show the step that is chosen, with the map of the word that is chosen over it."""
        if self.trace is None:
            return
        step = self.trace.path[self.step.value - 1]
        picture: Tensor = (step.x if step.t == 0 else step.x0)[0]
        word = self.word.value
        looks = self.trace.looks[self.step.value - 1, 0]
        self.picture.value = png(
            as_array(picture) if word is None else heat_over(picture, looks[word])
        )


class LookingWords(ipywidgets.VBox):
    """A sentence in which one word is chosen, and the others are shaded by how much it looks there.

    `weights` are attention weights, a head and a row for each word that looks; with several heads,
    a second menu chooses one. Raises ValueError when words and weights do not match.
    """

    def __init__(
        self, words: Sequence[str], weights: Float[Tensor, "heads n m"], *, chosen: int = 0
    ) -> None:
        if weights.shape[1:] != (len(words), len(words)):
            raise ValueError(
                f"found weights of shape {tuple(weights.shape)} for {len(words)} words; expected "
                f"(heads, {len(words)}, {len(words)})"
            )
        self.words, self.weights = list(words), weights.detach().cpu()
        numbered = [(f"{k}: {word}", k) for k, word in enumerate(words)]
        self.word = ipywidgets.Dropdown(options=numbered, value=chosen, description="word")
        self.head = ipywidgets.Dropdown(options=range(len(weights)), description="head")
        self.sentence = ipywidgets.HTML()
        for menu in (self.word, self.head):
            menu.observe(self._show, "value")
        menus = [self.word, self.head] if len(weights) > 1 else [self.word]
        super().__init__([ipywidgets.HBox(menus), self.sentence])
        self._show()

    def __repr__(self) -> str:
        return "LookingWords: run this cell to use it. A printed map of all words follows."

    def _show(self, _: dict | None = None) -> None:
        shares = self.weights[self.head.value, self.word.value].tolist()
        self.sentence.value = (
            "<div style='line-height:3.2'>"
            + "".join(self._word_html(k, share) for k, share in enumerate(shares))
            + "</div>"
        )

    def _word_html(self, k: int, share: float) -> str:
        edge = "2px solid black" if k == self.word.value else "2px solid transparent"
        text = "white" if share > 0.5 else "black"
        return (
            "<span style='display:inline-block; text-align:center; line-height:1.3; margin:1px;"
            f" padding:3px 6px; border:{edge}; color:{text};"
            f" background:rgba(0,114,178,{share:.2f})'>"
            f"{html.escape(self.words[k])}<br><small>{100 * share:.0f} %</small></span>"
        )


class LatentMap(ipywidgets.VBox):
    """A map of what a decoder makes of each code of two numbers, and two sliders to walk on it.

    The place is framed on the map, its picture stands beside it, and `read`, where it is given,
    says what it sees there. Raises ValueError when the decoder does not give grey pictures.
    """

    def __init__(
        self,
        decode: Callable[[Float[Tensor, "b 2"]], Float[Tensor, "b 1 h w"]],
        *,
        reach: float = 3.0,
        cells: int = 12,
        read: Callable[[Float[Tensor, "1 1 h w"]], str] | None = None,
    ) -> None:
        self.decode, self.reach, self.read = decode, reach, read
        pictures = decode(plane_codes(cells, reach=reach))
        if pictures.ndim != 4 or pictures.shape[:2] != (cells**2, 1):
            raise ValueError(
                f"the decoder gave {tuple(pictures.shape)} for {cells**2} codes; expected "
                f"({cells**2}, 1, h, w)"
            )
        self._paper = as_array(sheet(pictures).expand(3, -1, -1))
        self.map = ipywidgets.Image(format="png", width=SIDE, height=SIDE)
        self.picture = ipywidgets.Image(format="png", width=SIDE // 2, height=SIDE // 2)
        ends = {"min": -reach, "max": reach, "step": 0.1, "value": 0.0}
        self.first = ipywidgets.FloatSlider(description="first", **ends)
        self.second = ipywidgets.FloatSlider(description="second", **ends)
        self.said = ipywidgets.Label()
        for slider in (self.first, self.second):
            slider.observe(self._show, "value")
        beside = ipywidgets.VBox([self.first, self.second, self.picture, self.said])
        super().__init__([ipywidgets.HBox([self.map, beside])])
        self._show()

    def __repr__(self) -> str:
        return "LatentMap: run this cell to use it. A printed map follows."

    @torch.no_grad()
    def _show(self, _: dict | None = None) -> None:
        across, up = self.first.value, self.second.value
        picture = self.decode(torch.tensor([[across, up]]))
        self.picture.value = png(as_array(picture[0].expand(3, -1, -1)), side=SIDE // 2)
        self.said.value = self.read(picture) if self.read else ""
        self.map.value = png(self._framed(across, up), side=2 * SIDE)

    def _framed(self, across: float, up: float) -> np.ndarray:
        """The map with a small square around a place."""
        array, side = self._paper.copy(), len(self._paper)
        column, row = (round((at / self.reach + 1) / 2 * (side - 1)) for at in (across, -up))
        half = side // 24
        top, left = max(row - half, 0), max(column - half, 0)
        inside = array[top + 2 : row + half - 1, left + 2 : column + half - 1].copy()
        array[top : row + half + 1, left : column + half + 1] = to_rgb(VERMILION)
        array[top + 2 : row + half - 1, left + 2 : column + half - 1] = inside
        return array
