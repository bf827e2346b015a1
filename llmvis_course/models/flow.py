r"""Flow matching from text: learn the velocity of a straight path from pictures to noise.

Lipman et al. 2023, arXiv:2210.02747; Liu et al. 2023, arXiv:2209.03003 (straight paths). Guidance:
Ho and Salimans 2022, arXiv:2207.12598. Time 0 is data and time 1 is noise; the sampler walks from 1
back to 0. Left out on purpose: other paths, other schedules, learned variances.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..layers.transformer import TextEncoder
from ..layers.unet import Looks, NewFuse, Thought, UNet, Words

Velocity = Callable[[Float[Tensor, " b *d"], Float[Tensor, " b"]], Float[Tensor, " b *d"]]


TIME_MIDDLE, TIME_SPREAD = 0.8, 1.4
"""Mean and standard deviation of the number whose sigmoid is a training time."""
NAMING = 0.1
"""How much naming the digits counts beside drawing them."""
DARK = -1.8
"""What a fresh network draws, before the tanh: paper that is almost black."""
SOONEST = 0.02
"""Times of the network are at least this: nothing is left to draw then, and 0 divides nothing."""


class Step(NamedTuple):
    """One stop on the way from noise to a picture."""

    t: float  # the time that was reached, 1 (noise) to 0 (data)
    x: Float[Tensor, " b *d"]  # where the path is
    x0: Float[Tensor, " b *d"]  # where it would end if it went straight on


def interpolate(
    x0: Float[Tensor, " b *d"], noise: Float[Tensor, " b *d"], t: Float[Tensor, " b"]
) -> Float[Tensor, " b *d"]:
    r"""The straight path $x_t = (1 - t)\,x_0 + t\,\epsilon$; its velocity is $\epsilon - x_0$."""
    t = t.view(-1, *[1] * (x0.ndim - 1))
    return (1 - t) * x0 + t * noise


def time_steps(steps: int, *, shift: float = 1.0) -> list[tuple[float, float]]:
    r"""From where to where each step goes: $t = s u / (1 + (s - 1) u)$ for $u$ from 1 to 0, evenly.

    A shift $s$ above 1 takes smaller steps near noise, where a caption decides, and larger ones
    near data (Esser et al. 2024, arXiv:2403.03206, Section 5.3.2). Raises ValueError for fewer
    steps than one, or a shift that is not positive.
    """
    if steps < 1 or shift <= 0:
        raise ValueError(f"found {steps} steps and shift {shift}; expected at least 1, and above 0")
    even = torch.linspace(1, 0, steps + 1)
    times = (shift * even / (1 + (shift - 1) * even)).tolist()
    return list(zip(times[:-1], times[1:], strict=True))


def euler(
    velocity: Velocity, noise: Float[Tensor, " b *d"], *, steps: int, shift: float = 1.0
) -> Iterator[Step]:
    r"""Walk from noise to data by $x_{t-h} = x_t - h\,v(x_t, t)$, yielding every stop.

    for `shift` see `time_steps`.
    """
    x = noise
    for t, t_next in time_steps(steps, shift=shift):
        v = velocity(x, x.new_full((len(x),), t))
        x0 = x - t * v
        x = x - (t - t_next) * v
        yield Step(t_next, x, x0)


def heun(
    velocity: Velocity, noise: Float[Tensor, " b *d"], *, steps: int, shift: float = 1.0
) -> Iterator[Step]:
    """Like `euler`, with the mean of the velocities at both ends of each step: two looks a step."""
    x = noise
    for t, t_next in time_steps(steps, shift=shift):
        v = velocity(x, x.new_full((len(x),), t))
        ahead = velocity(x - (t - t_next) * v, x.new_full((len(x),), t_next))
        x0 = x - t * v
        x = x - (t - t_next) * (v + ahead) / 2
        yield Step(t_next, x, x0)


def linear_guess(
    x: Float[Tensor, " b *d"], t: Float[Tensor, " b"], mean: float, std: float
) -> tuple[Float[Tensor, " b *d"], Float[Tensor, "b ..."], Float[Tensor, " b *d"]]:
    r"""The best velocity that is linear in $x_t$, how wrong it is, and $x_t$ at unit scale.

    For numbers with mean $\mu$ and standard deviation $\sigma$, put
    $\bar x = x_t - (1 - t)\mu$ and $D = t^2 + (1 - t)^2\sigma^2 = \mathrm{var}(\bar x)$. Then
    $\mathbb{E}[v \mid x_t] \approx \frac{t - (1 - t)\sigma^2}{D}\,\bar x - \mu$, with a remaining
    standard deviation of $\sigma/\sqrt D$. A network that only learns the rest need not copy the
    noise from its input to its output, and learns several times faster: the preconditioning of
    Karras et al. 2022, arXiv:2206.00364, Appendix B.6, for a straight path.
    """
    t = t.view(-1, *[1] * (x.ndim - 1))
    centred = x - (1 - t) * mean
    variance = t**2 + (1 - t) ** 2 * std**2
    guess = (t - (1 - t) * std**2) / variance * centred - mean
    return guess, std / variance.sqrt(), centred / variance.sqrt()


class TextFlow(nn.Module):
    """A text encoder and a U-Net, trained together to draw what a caption says."""

    def __init__(
        self,
        vocabulary: int,
        *,
        channels: tuple[int, int] = (64, 128),
        text_width: int = 128,
        text_depth: int = 2,
        data_mean: float = -0.95,
        data_std: float = 0.21,
        new_fuse: NewFuse | None = None,  # how words come in, see `UNet`
        summarise: bool = False,  # the same
    ) -> None:
        super().__init__()
        self.data_mean, self.data_std = data_mean, data_std
        self.encoder = TextEncoder(vocabulary, width=text_width, depth=text_depth)
        self.unet = UNet(
            channels=channels, text_width=text_width, new_fuse=new_fuse, summarise=summarise
        )

    def read(self, ids: Int[Tensor, "b n"], mask: Bool[Tensor, "b n"]) -> Words:
        """Encode captions once; the U-Net then looks at them at every step."""
        return Words(self.encoder(ids, mask), mask)

    def forward(
        self, x: Float[Tensor, "b 3 h w"], t: Float[Tensor, " b"], words: Words,
        looks: Looks | None = None,
    ) -> Float[Tensor, "b 3 h w"]:  # fmt: skip
        r"""Predict the velocity at $x_t$: where the path is, less the picture it should end at."""
        _, _, scaled = linear_guess(x, t, self.data_mean, self.data_std)
        picture = self._picture(self.unet.think(scaled, t, words, looks))
        return (x - picture) / t.clamp(min=SOONEST).view(-1, 1, 1, 1)

    def _picture(self, thought: Thought) -> Float[Tensor, "b 3 h w"]:
        r"""The picture $\hat x_0$ that a thought has in mind, in [-1, 1].

        A network of few channels cannot carry noise from its input to its output, but a picture it
        can: most of it is black paper, which the tanh makes flat. Li and He 2025, arXiv:2511.13720,
        on predicting pictures instead of noise or velocity.
        """
        return (self.unet.draw(thought).float() + DARK).tanh()

    def loss(
        self,
        x0: Float[Tensor, "b 3 h w"],
        ids: Int[Tensor, "b n"],
        mask: Bool[Tensor, "b n"],
        digits: Int[Tensor, "b h//4 w//4"] | None = None,
        *,
        rng: torch.Generator,
    ) -> Float[Tensor, ""]:
        r"""$\mathbb{E}\,\lVert v_\theta(x_t, t) - (\epsilon - x_0)\rVert^2 / e_t^2$ per number.

        $e_t$ is how wrong the best linear velocity is at time $t$ (see `linear_guess`), so that
        every time counts alike: 1 is what it would score, at any time. Without it, times near
        noise, where a caption matters most, would count twenty times less than times near data.

        Times are a normal number through a sigmoid (Esser et al. 2024, arXiv:2403.03206, Section
        3.1), with the middle moved towards noise. What a caption decides, which digit stands where,
        is decided there: once a digit shows through the noise, the caption tells nothing new.

        `digits` says which digit lies in each cell of the picture, -1 for none. The U-Net is then
        also asked to name them, from a picture that is mostly noise and the words: a wrong digit
        changes few pixels, but the name at once. That a generator learns faster when its inner
        features must say what the picture shows is due to Yu et al. 2024, arXiv:2410.06940.
        """
        noise = torch.randn(x0.shape, generator=rng, device=rng.device).to(x0)
        t = torch.randn(len(x0), generator=rng, device=rng.device) * TIME_SPREAD + TIME_MIDDLE
        t = t.sigmoid().clamp(min=SOONEST).to(x0)
        x = interpolate(x0, noise, t)
        _, error, scaled = linear_guess(x, t, self.data_mean, self.data_std)
        thought = self.unet.think(scaled, t, self.read(ids, mask))
        off = (self._picture(thought) - x0) / t.view(-1, 1, 1, 1)  # by how much the velocity is
        drawing = (off / error).square().mean()
        if digits is None:
            return drawing
        return drawing + NAMING * F.cross_entropy(self.unet.name(thought), digits, ignore_index=-1)

    def guided(
        self,
        words: Words,
        guidance: float,
        looks: list[Looks] | None = None,
        *,
        away: float | None = None,
    ) -> Velocity:
        r"""The velocity $v_\varnothing + w\,(v_c - v_\varnothing)$, $w$ the guidance.

        `words` holds the captions and, below them, as many empty ones. $w = 1$ is the plain model
        and $w = 0$ ignores the text; both look once a step instead of twice. `looks`, when given,
        gets the attention weights of every step, of the captions' rows.

        With `away`, a third part of `words` holds captions $a$ to lead away from, and
        $u\,(v_c - v_a)$ is added, $u$ being `away` (Liu et al. 2022, arXiv:2206.01714).
        """
        parts = 2 if away is None else 3
        told, nothing, *_ = (
            Words(*part) for part in zip(*(field.chunk(parts) for field in words), strict=True)
        )

        def velocity(x: Tensor, t: Tensor) -> Tensor:
            seen: Looks = []
            if away is None and guidance in (0, 1):
                v = self(x, t, told if guidance else nothing, seen)
            else:
                all_parts = self(torch.cat([x] * parts), torch.cat([t] * parts), words, seen)
                v_told, v_free, *others = all_parts.chunk(parts)
                v = v_free + guidance * (v_told - v_free)
                for v_other in others:
                    v = v + away * (v_told - v_other)
            if looks is not None:
                looks.append([weights[: len(x)] for weights in seen])
            return v

        return velocity
