r"""A VQ-VAE: pictures to a small grid of whole numbers, and back.

van den Oord et al. 2017, arXiv:1711.00937. A grid of tokens is a sentence about a picture: see
models/image_gpt.py for who writes it. Left out on purpose: a loss from a discriminator (Esser et
al. 2021, arXiv:2012.09841), which large pictures need to look sharp, and grids of several sizes.
"""

import torch
import torch.nn.functional as F
from einops import reduce
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..layers.quantize import AveragedCodebook, Codebook, ProductCodebook


class VQVAE(nn.Module):
    """An encoder to `(b, d, h, w)`, a codebook, and a decoder back to pictures in [-1, 1]."""

    def __init__(
        self, encoder: nn.Module, codebook: Codebook | ProductCodebook, decoder: nn.Module
    ) -> None:
        super().__init__()
        self.encoder, self.codebook, self.decoder = encoder, codebook, decoder

    def loss(self, x: Float[Tensor, "b c h w"], *, rng: torch.Generator) -> Float[Tensor, ""]:
        r"""$\lVert x - \hat x \rVert^2 / \mathrm{var}(x)$, and what the codebook asks for.

        Divided by the variance of the batch, the error of a model that draws the mean is one,
        however much of the pictures is paper.
        """
        found = self.codebook(self.encoder(x), rng=rng)
        return F.mse_loss(self.decoder(found.z_q), x) / x.var().clamp_min(1e-8) + found.loss

    @torch.no_grad()
    def encode(self, x: Float[Tensor, "b c h w"]) -> Int[Tensor, "b i j"]:
        """The tokens of pictures; nothing is learned from them, also in training mode."""
        learning = self.codebook.training
        self.codebook.eval()
        tokens = self.codebook(self.encoder(x)).tokens
        self.codebook.train(learning)
        return tokens

    @torch.no_grad()
    def decode(self, tokens: Int[Tensor, "b i j"]) -> Float[Tensor, "b c h w"]:
        """The pictures of tokens. Raises ValueError for a number that no code has."""
        return self.decoder(self.codebook.look_up(tokens))


class CellNorm(nn.LayerNorm):
    """Normalise the channels of each cell by themselves.

    A norm over whole pictures would let a digit's tokens depend on how much ink lies elsewhere.
    """

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class Residual(nn.Module):
    """Two convolutions, added to what they were given."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = CellNorm(channels), CellNorm(channels)
        self.conv_1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        h = self.conv_1(F.silu(self.norm_1(x)))
        return x + self.conv_2(F.silu(self.norm_2(h)))


def patch_encoder(
    code: int, *, channels: int = 3, patch: int = 4, width: int = 64, depth: int = 1
) -> nn.Sequential:
    """From `patch` x `patch` pixels to a vector of `code` numbers that knows its neighbours."""
    return nn.Sequential(
        nn.PixelUnshuffle(patch),
        nn.Conv2d(channels * patch**2, width, 3, padding=1),
        *(Residual(width) for _ in range(depth)),
        CellNorm(width),
        nn.SiLU(),
        nn.Conv2d(width, code, 1),
    )


def patch_decoder(
    code: int, *, channels: int = 3, patch: int = 4, width: int = 64, depth: int = 2
) -> nn.Sequential:
    """The same way back; what comes out has no bounds."""
    return nn.Sequential(
        nn.Conv2d(code, width, 3, padding=1),
        *(Residual(width) for _ in range(depth)),
        CellNorm(width),
        nn.SiLU(),
        nn.Conv2d(width, channels * patch**2, 3, padding=1),
        nn.PixelShuffle(patch),
    )


class LightAndColour(nn.Module):
    r"""Look at light and colour apart, as JPEG does, so that all colours share their shapes.

    The light of a pixel is its brightest channel, 0 to 1, and goes through `net`; the colour of a
    cell of `patch` pixels is the mean of its pixels, weighted by light, with its brightest channel
    brought to 1. Where there is hardly any light, the colour is (0, 0, 0): none. With `one_paper`,
    what `net` says there is 0 too, whatever lies around: all paper is the same token.
    """

    def __init__(
        self, net: nn.Module, *, patch: int = 4, dark: float = 0.01, one_paper: bool = False
    ) -> None:
        super().__init__()
        self.net, self.patch, self.dark, self.one_paper = net, patch, dark, one_paper

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d i j"]:
        rgb = (x + 1) / 2
        light = rgb.amax(dim=1, keepdim=True)
        mean = reduce(rgb * light, "b c (i p) (j q) -> b c i j", "mean", p=self.patch, q=self.patch)
        brightest = mean.amax(dim=1, keepdim=True)
        colour = torch.where(brightest > self.dark, mean / brightest.clamp_min(1e-6), 0.0)
        shape = self.net(2 * light - 1)
        if self.one_paper:
            shape = torch.where(brightest > self.dark, shape, 0.0)
        return torch.cat([shape, colour.to(mean)], dim=1)


class LitColour(nn.Module):
    r"""The way back: $2 \cdot \mathrm{light} \cdot \mathrm{colour} - 1$ in every pixel.

    The last three numbers of a vector are its colour; the others go through `net` to a light.
    """

    def __init__(self, net: nn.Module, *, patch: int = 4) -> None:
        super().__init__()
        self.net, self.patch = net, patch

    def forward(self, z: Float[Tensor, "b d i j"]) -> Float[Tensor, "b 3 h w"]:
        light = self.net(z[:, :-3]).sigmoid()
        colour = F.interpolate(z[:, -3:], scale_factor=self.patch, mode="nearest")
        return 2 * light * colour.clamp(0, 1) - 1


def light_and_colour_vqvae(
    *,
    shapes: int = 192,
    colours: int = 9,
    code: int = 16,
    patch: int = 4,
    width: int = 64,
    depth: int = 1,
    one_paper: bool = False,
) -> VQVAE:
    """A VQ-VAE whose tokens are pairs of a shape and a colour; codes are moving averages.

    The decoder is twice as deep as the encoder: tokens that say what lies in their cell are easier
    to write than tokens that depend on the whole picture.
    """
    options = {"channels": 1, "patch": patch, "width": width}
    books = [AveragedCodebook(shapes, code), AveragedCodebook(colours, 3)]
    return VQVAE(
        LightAndColour(
            patch_encoder(code, depth=depth, **options), patch=patch, one_paper=one_paper
        ),
        ProductCodebook(books),
        LitColour(patch_decoder(code, depth=2 * depth, **options), patch=patch),
    )
