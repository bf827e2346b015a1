r"""Questions on what long sequences do to recurrent networks: gradients that explode or vanish.

Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063.
"""

import torch

from .draws import normal, uniform, whole
from .question import Misconception, Question


def clip_gradients(grads, limit):
    r"""$g_k \leftarrow g_k \cdot \min(1, L / \|g\|)$, $\|g\|$ over the numbers of all tensors."""
    length = torch.stack([grad.square().sum() for grad in grads]).sum().sqrt()
    return tuple(grad * (limit / length).clamp(max=1.0) for grad in grads)


def _draw_clip(rng, size):
    if size == 4:  # nothing to clip, and a length of 0
        return tuple(0 * normal(rng, *shape) for shape in ((2,), (2, 1))), 1.5
    shapes = [[(2,)], [(2,), (3,)], [(2, 2), (3,)], [(3, 2), (4,), (1,)]][size]
    grads = tuple(normal(rng, *shape) for shape in shapes)
    length = torch.cat([g.flatten() for g in grads]).norm().item()
    return grads, length * (0.4 if whole(rng, 0, 1) else 2.5)


def _one_length(grads, limit, length, most=1.0):
    return tuple(
        g * min(most, limit / length(torch.cat([x.flatten() for x in grads]))) for g in grads
    )


CLIP = Question(
    name="clip_gradients",
    notebook="ex02_recurrent_networks",
    place=4,
    kind="implement",
    function="clip_gradients",
    points=2,
    difficulty=2,
    importance=2,
    minutes=10,
    reference=clip_gradients,
    draw=_draw_clip,
    sizes=5,
    repeats=6,
    covers="the clipped values, for one to three tensors, above and below the limit, and all zero; "
    "not in-place work on the `.grad` of parameters.",
    misconceptions=(
        Misconception(
            "each tensor clipped by its own length",
            lambda gs, limit: tuple(g * min(1.0, limit / g.norm()) for g in gs),
            "Clipping should keep the direction. What becomes of it if each tensor has its own "
            "factor?",
        ),
        Misconception(
            "each number clipped",
            lambda gs, limit: tuple(g.clamp(-limit, limit) for g in gs),
            "Clipping should keep the direction: one factor for all numbers.",
        ),
        Misconception(
            "short gradients stretched",
            lambda gs, limit: _one_length(gs, limit, torch.norm, float("inf")),
            "A gradient shorter than the limit is left alone.",
        ),
        Misconception(
            "sum of absolute values as the length",
            lambda gs, limit: _one_length(gs, limit, lambda x: x.abs().sum()),
            "The length of a vector, after Pythagoras?",
        ),
        Misconception(
            "root forgotten",
            lambda gs, limit: _one_length(gs, limit, lambda x: x.square().sum()),
            "The sum of squares is the square of the length.",
        ),
        Misconception(
            "mean for sum",
            lambda gs, limit: _one_length(gs, limit, lambda x: x.square().mean().sqrt()),
            "A length adds squares up; it does not take their mean.",
        ),
        Misconception(
            "largest number as the length",
            lambda gs, limit: _one_length(gs, limit, lambda x: x.abs().max()),
            "Every number adds to the length, not the largest alone.",
        ),
    ),
)


def count_gru(inputs, width):
    r"""$3\,(d\,i + d\,d + 2 d)$: three maps of the input, three of the state, a bias for each."""
    return 3 * (width * inputs + width * width + 2 * width)


COUNT_GRU = Question(
    name="count_gru",
    notebook="ex02_recurrent_networks",
    place=5,
    kind="predict",
    function="count_gru",
    points=1,
    difficulty=1,
    importance=1,
    minutes=5,
    reference=count_gru,
    draw=lambda rng, size: (whole(rng, 1, 4**size + 1), whole(rng, 2, 5**size + 2)),
    covers="the number of weights of torch's GRU cell, biases included, for several sizes.",
    misconceptions=(
        Misconception(
            "one bias a gate",
            lambda i, d: 3 * (d * i + d * d + d),
            "torch keeps a bias with the map of the input and one with that of the state.",
        ),
        Misconception(
            "no bias",
            lambda i, d: 3 * (d * i + d * d),
            "Each linear map has a bias.",
        ),
        Misconception(
            "four gates",
            lambda i, d: 4 * (d * i + d * d + 2 * d),
            "That is an LSTM. How many maps has a GRU?",
        ),
        Misconception(
            "two gates",
            lambda i, d: 2 * (d * i + d * d + 2 * d),
            "Besides the two gates there is a proposal.",
        ),
        Misconception(
            "maps of the input only",
            lambda i, d: 3 * (d * i + d),
            "The state has its own maps.",
        ),
    ),
)


def gradient_left(u, steps):
    r"""$|\partial h_T / \partial h_0|$ of $h_t = \tanh(u\,h_{t-1})$ from $h_0 = 0.5$."""
    start = h = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    for _ in range(steps):
        h = torch.tanh(u * h)
    return torch.autograd.grad(h, start)[0].abs().item()


def _slopes(u, steps, slope):
    h, product = 0.5, 1.0
    for _ in range(steps):
        before, h = h, torch.tanh(torch.tensor(u * h, dtype=torch.float64)).item()
        product *= slope(u, h, before)
    return abs(product)


GRADIENT_LEFT = Question(
    name="gradient_left",
    notebook="ex02_recurrent_networks",
    place=6,
    kind="experiment",
    function="gradient_left",
    points=2,
    difficulty=2,
    importance=3,
    minutes=12,
    reference=gradient_left,
    draw=lambda rng, size: (
        uniform(rng, low=0.4, high=2.0).item() * (-1) ** whole(rng, 0, 1),
        [1, 2, 5, 20][size],
    ),
    repeats=3,
    tolerance=1e-5,  # float32 will do
    covers="your measurement for 1 to 20 steps and positive and negative weights; the claim about "
    "it is yours to state.",
    misconceptions=(
        Misconception(
            "the linear guess",
            lambda u, steps: abs(u) ** steps,
            "The tanh bends: its slope is below 1. Measure with autograd in place of guessing.",
        ),
        Misconception(
            "slope forgotten to be multiplied by u",
            lambda u, steps: _slopes(u, steps, lambda u, h, before: 1 - h * h),
            "The chain rule through u h gives a factor u at every step.",
        ),
        Misconception(
            "slope at the state before",
            lambda u, steps: _slopes(u, steps, lambda u, h, before: u * (1 - before * before)),
            "The slope of tanh at a is 1 - tanh(a)^2: which of the two states is the tanh?",
        ),
        Misconception(
            "the last step only",
            lambda u, steps: _last_step(u, steps),
            "Differentiate by the state at the very start, not by that before the last step.",
        ),
        Misconception(
            "the state for its gradient",
            lambda u, steps: abs(_state(u, steps)),
            "Not the state at the end is asked for, but how much it moves when the start moves.",
        ),
        Misconception(
            "sign kept",
            lambda u, steps: gradient_left(u, steps) * (-1) ** (steps * (u < 0)),
            "Its size is asked for: take the absolute value.",
        ),
    ),
)


def _state(u, steps):
    h = 0.5
    for _ in range(steps):
        h = torch.tanh(torch.tensor(u * h, dtype=torch.float64)).item()
    return h


def _last_step(u, steps):
    return abs(u) * (1 - _state(u, steps) ** 2)


QUESTIONS = (CLIP, COUNT_GRU, GRADIENT_LEFT)
