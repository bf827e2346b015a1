r"""Fusion: five ways in which words may steer pixels, all with one interface.

Each takes vectors of pixels and of words, and returns vectors of pixels, so that it may stand in
for any other: in a `UNet` (layers/unet.py), or wherever pixels have vectors. FiLM: Perez et al.
2018, arXiv:1709.07871. Attention of pixels over words in a generator: AttnGAN, Xu et al. 2018,
arXiv:1711.10485. Cross-attention: Vaswani et al. 2017, arXiv:1706.03762. Left out on purpose: to
append the caption's vector to each pixel's, which is `GlobalText` once a linear layer follows.
"""

from collections.abc import Callable

from einops import einsum
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .attention import MultiHeadAttention, padding_mask
from .unet import Looks, Words, summary

Fuse = Callable[[Float[Tensor, "b n c"], Words, Looks | None], Float[Tensor, "b n c"]]
"""Vectors of pixels and words to vectors of pixels; `looks` collects which looked at which."""


class NoText(nn.Module):
    """The branch without text: pixels stay as they are, whatever the words say."""

    def __init__(self, channels: int, *, text_width: int) -> None:
        super().__init__()  # nothing to learn; the arguments are those of all fusions

    def forward(
        self, pixels: Float[Tensor, "b n c"], words: Words, looks: Looks | None = None
    ) -> Float[Tensor, "b n c"]:
        return pixels


class GlobalText(nn.Module):
    """One message to all pixels: what a summary of the caption says is added to each."""

    def __init__(self, channels: int, *, text_width: int) -> None:
        super().__init__()
        self.say = nn.Linear(text_width, channels)

    def forward(
        self, pixels: Float[Tensor, "b n c"], words: Words, looks: Looks | None = None
    ) -> Float[Tensor, "b n c"]:
        return pixels + self.say(summary(words))[:, None]


class FiLM(nn.Module):
    r"""$x \leftarrow (1 + \gamma(s))\,x + \beta(s)$: a summary $s$ turns each channel up or down.

    The same for every pixel. It starts as the identity, $\gamma = \beta = 0$, so that it may be put
    into a trained network without harm. (The paper writes $\gamma$ for our $1 + \gamma$.)
    """

    def __init__(self, channels: int, *, text_width: int) -> None:
        super().__init__()
        self.say = nn.Linear(text_width, 2 * channels)
        nn.init.zeros_(self.say.weight)
        nn.init.zeros_(self.say.bias)

    def forward(
        self, pixels: Float[Tensor, "b n c"], words: Words, looks: Looks | None = None
    ) -> Float[Tensor, "b n c"]:
        gamma, beta = self.say(summary(words))[:, None].chunk(2, dim=-1)
        return (1 + gamma) * pixels + beta


def pixel_weights(
    pixels: Float[Tensor, "b n d"], words: Float[Tensor, "b m d"], mask: Bool[Tensor, "b m"]
) -> Float[Tensor, "b n m"]:
    r"""$a_{nm} = \mathrm{softmax}_m\,(x_n \cdot e_m / \sqrt d)$: for every pixel, a weight a word.

    The weights of a pixel sum to one over the words, and padding has none. With the words in
    another order, the weights are the same in that order.
    """
    similarity = einsum(pixels, words, "b n d, b m d -> b n m") / pixels.shape[-1] ** 0.5
    return similarity.masked_fill(~mask[:, None], float("-inf")).softmax(dim=-1)


class PixelAttention(nn.Module):
    r"""Similarity, weights for every pixel, weighted image: the article's recipe, made right.

    $a_{nm}$ are `pixel_weights` of the image against the words; $s_n = \sum_m a_{nm} e_m$ is the
    caption as pixel $n$ hears it; $x_n \leftarrow (1 + \gamma(s_n))\,x_n + \beta(s_n)$ weights the
    image by it. So every pixel has a FiLM of its own. Weights alone, as the article has it, could
    only turn a pixel up or down: it would keep its colour whatever the caption says. Here the words
    also bring what they say, as in AttnGAN. Starts as the identity.
    """

    def __init__(self, channels: int, *, text_width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.word = nn.Linear(text_width, channels, bias=False)
        self.say = nn.Linear(channels, 2 * channels)
        nn.init.zeros_(self.say.weight)
        nn.init.zeros_(self.say.bias)

    def forward(
        self, pixels: Float[Tensor, "b n c"], words: Words, looks: Looks | None = None
    ) -> Float[Tensor, "b n c"]:
        vectors = self.word(words.vectors)
        weights = pixel_weights(self.norm(pixels), vectors, words.mask)
        if looks is not None:
            looks.append(weights[:, None])
        heard = einsum(weights, vectors, "b n m, b m c -> b n c")
        gamma, beta = self.say(heard).chunk(2, dim=-1)
        return (1 + gamma) * pixels + beta


class CrossAttention(nn.Module):
    """Every pixel asks, words answer: queries from pixels, keys and values from words, many heads.

    What a word is found by (its key) and what it then says (its value) are learned apart, which
    `PixelAttention` cannot do.
    """

    def __init__(self, channels: int, *, text_width: int, heads: int = 4) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.look = MultiHeadAttention(channels, heads=heads, context_width=text_width)

    def forward(
        self, pixels: Float[Tensor, "b n c"], words: Words, looks: Looks | None = None
    ) -> Float[Tensor, "b n c"]:
        looked = self.look(self.norm(pixels), words.vectors, padding_mask(words.mask))
        if looks is not None:
            looks.append(looked.weights)
        return pixels + looked.values


def weigh_only(
    pixels: Float[Tensor, "b n c"], text: Float[Tensor, "b c"]
) -> Float[Tensor, "b n c"]:
    r"""The article's recipe as printed: $x_n \leftarrow n\,\mathrm{softmax}_n(x_n \cdot s)\,x_n$.

    One vector for the text, one weight a pixel (scaled so that their mean is one), and the image
    times its weights. It can turn pixels up or down, and never change what they are.
    """
    similarity = einsum(pixels, text, "b n c, b c -> b n") / pixels.shape[-1] ** 0.5
    return pixels.shape[1] * similarity.softmax(dim=1)[..., None] * pixels


FUSIONS: dict[str, type[nn.Module]] = {
    "no text": NoText,
    "global text": GlobalText,
    "FiLM": FiLM,
    "per-pixel attention": PixelAttention,
    "cross-attention": CrossAttention,
}
"""What the course compares, from the least to the most; all are made from the same arguments."""
