r"""Generative adversarial networks: one network draws, the other tells drawn pictures from real.

Goodfellow et al. 2014, arXiv:1406.2661; networks in the manner of Radford et al. 2016,
arXiv:1511.06434 (DCGAN); a condition by inner product, after Miyato and Koyama 2018,
arXiv:1802.05637. The losses are in models/game.py, the turns in training/play.py. Left out on
purpose: attention, growing networks, and a mapping network for the code.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from ..layers.conv import quarter
from .game import Game, r1

Condition = Shaped[Tensor, "b *say"]
"""What a drawing is asked to show: labels (b), or the vector of a caption (b, d)."""


class Generator(nn.Module):
    """Codes to pictures in [-1, 1]: a linear map to a small picture, doubled twice.

    `embed` turns a condition into `said` numbers, which are put beside the code. `norm` makes a
    layer for a number of channels; that of Ioffe and Szegedy 2015, arXiv:1502.03167, also keeps
    the drawings of a batch apart. Raises ValueError for a size that is no multiple of 4.
    """

    def __init__(
        self,
        code: int,
        *,
        size: int = 28,
        channels: int = 1,
        width: int = 32,
        embed: nn.Module | None = None,
        said: int = 0,
        norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        side = quarter(size)
        self.code, self.embed = code, embed
        self.draw = nn.Sequential(
            nn.Linear(code + said, 2 * width * side * side, bias=False),
            nn.Unflatten(1, (2 * width, side, side)),
            norm(2 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
            norm(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
            nn.Tanh(),  # pictures are in [-1, 1]
        )

    def forward(
        self, z: Float[Tensor, "b code"], condition: Condition | None = None
    ) -> Float[Tensor, "b c h w"]:
        _expect_both_or_neither(self.embed, condition)
        if self.embed is not None:
            z = torch.cat([z, self.embed(condition)], dim=1)
        return self.draw(z)


class Discriminator(nn.Module):
    r"""Pictures to logits: how much more likely real than drawn.

    With features $\phi(x)$ and a condition $y$, $s(x, y) = w \cdot \phi(x) + e(y) \cdot \phi(x)$:
    is it real, and does it fit? `embed` gives $e(y)$, of as many numbers as there are `features`.
    `wrap` is put around every weighted layer of the picture's way; with torch's `spectral_norm`
    none can stretch a vector (Miyato et al. 2018, arXiv:1802.05957). No batch normalisation: a
    picture's score depends on it alone.
    """

    def __init__(
        self,
        *,
        size: int = 28,
        channels: int = 1,
        width: int = 32,
        features: int = 128,
        embed: nn.Module | None = None,
        wrap: Callable[[nn.Module], nn.Module] = lambda layer: layer,
    ) -> None:
        super().__init__()
        self.embed = embed
        self.look = looking_layers(channels, width, features, size=size, wrap=wrap)
        self.score = wrap(nn.Linear(features, 1))

    def forward(
        self, x: Float[Tensor, "b c h w"], condition: Condition | None = None
    ) -> Float[Tensor, " b"]:
        _expect_both_or_neither(self.embed, condition)
        features = self.look(x)
        logit = self.score(features)[:, 0]
        if self.embed is None:
            return logit
        return logit + (self.embed(condition) * features).sum(dim=1)


def looking_layers(
    channels: int,
    width: int,
    features: int,
    *,
    size: int,
    wrap: Callable[[nn.Module], nn.Module] = lambda layer: layer,
) -> nn.Sequential:
    """A picture to `features` numbers: halved twice, then mapped. `wrap` as in `Discriminator`."""
    return nn.Sequential(
        wrap(nn.Conv2d(channels, width, 4, stride=2, padding=1)),
        nn.LeakyReLU(0.2),
        wrap(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        wrap(nn.Linear(2 * width * quarter(size) ** 2, features)),
        nn.LeakyReLU(0.2),
    )


class GAN(nn.Module):
    """A generator, a discriminator and the game between them.

    `penalty` is the weight of R1, taken on the first `penalised` pictures of a batch (all, if
    None): a part is cheaper, and right in the mean. `content` is what else is asked of drawings: a
    loss of the pictures and their condition, added to the generator's. Its weights do not move.
    Raises ValueError for a negative weight.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        game: Game,
        *,
        code: int,
        penalty: float = 0.0,
        penalised: int | None = None,
        content: Callable[..., Tensor] | None = None,
    ) -> None:
        super().__init__()
        if penalty < 0:
            raise ValueError(f"penalty is {penalty}; expected at least 0")
        self.generator, self.discriminator, self.game = generator, discriminator, game
        self.code, self.penalty, self.penalised = code, penalty, penalised
        self.content = content

    def draw(
        self, n: int, condition: Condition | None = None, *, rng: torch.Generator
    ) -> Float[Tensor, " b *x"]:
        """Pictures for `n` new codes, with gradients."""
        where = next(self.generator.parameters())
        z = torch.randn(n, self.code, generator=rng, device=rng.device).to(where)
        return self.generator(z, *_said(condition))

    def discriminator_loss(
        self,
        x: Float[Tensor, " b *x"],
        condition: Condition | None = None,
        *,
        rng: torch.Generator,
    ) -> Float[Tensor, ""]:
        """The game's, on real and as many new drawn pictures; plus R1."""
        said = _said(condition)
        with torch.no_grad():  # the generator does not move
            drawn = self.draw(len(x), condition, rng=rng)
        both = self.discriminator(torch.cat([x, drawn]), *(torch.cat([s, s]) for s in said))
        loss = self.game.discriminator(*both.chunk(2))
        if not self.penalty:
            return loss
        few = slice(self.penalised)
        return loss + self.penalty * r1(
            lambda x: self.discriminator(x, *(s[few] for s in said)), x[few]
        )

    def generator_loss(
        self,
        x: Float[Tensor, " b *x"],
        condition: Condition | None = None,
        *,
        rng: torch.Generator,
    ) -> Float[Tensor, ""]:
        """The game's, on as many new drawn pictures as there are real ones; plus `content`."""
        said = _said(condition)
        pictures = self.draw(len(x), condition, rng=rng)
        real = None
        if self.game.compares:
            with torch.no_grad():  # no drawing had a part in it
                real = self.discriminator(x, *said)
        loss = self.game.generator(real, self.discriminator(pictures, *said))
        return loss if self.content is None else loss + self.content(pictures, *said)

    @torch.no_grad()
    def sample(
        self, n: int, condition: Condition | None = None, *, rng: torch.Generator
    ) -> Float[Tensor, " b *x"]:
        """Draw `n` pictures, by the networks as they are used, not as they are trained."""
        training = self.generator.training
        self.generator.eval()
        drawn = self.draw(n, condition, rng=rng)
        self.generator.train(training)
        return drawn


def _said(condition: Tensor | None) -> tuple[Tensor, ...]:
    return () if condition is None else (condition,)


def _expect_both_or_neither(embed: nn.Module | None, condition: Tensor | None) -> None:
    if (embed is None) != (condition is None):
        found = "a condition" if embed is None else "no condition"
        wanted = "none: there is no embed" if embed is None else "one for embed"
        raise ValueError(f"found {found}; expected {wanted}")
