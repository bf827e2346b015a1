r"""Questions on the two players of a GAN: what each loses, and who must not learn when.

Goodfellow et al. 2014, arXiv:1406.2661. Scores are logits: $D = \sigma(s)$.
"""

import torch
import torch.nn.functional as F

from .draws import normal, uniform
from .question import Misconception, Question


def discriminator_loss(real, made):
    r"""$-\mathbb{E}\log\sigma(s_{\text{real}}) - \mathbb{E}\log(1 - \sigma(s_{\text{made}}))$."""
    return F.softplus(-real).mean() + F.softplus(made).mean()


def _clamped(score):
    return -score.sigmoid().clamp(1e-12).log().mean()


CLAMPED = "Its gradient is 0 just where the score is most wrong; use `logsigmoid`."


def _draw_scores(rng, size):
    n, m = [(1, 1), (2, 2), (3, 5), (6, 4)][size]
    real, made = 2 * normal(rng, n), 2 * normal(rng, m)
    if size == 3:  # where a sigmoid is 0 or 1 to the last bit
        real[:2] = made[:2] = torch.tensor([-1000.0, 1000.0])
    return real, made


DISCRIMINATOR_LOSS = Question(
    name="discriminator_loss",
    notebook="ex07_gan_minimax",
    place=3,
    kind="implement",
    function="discriminator_loss",
    points=2,
    difficulty=2,
    importance=3,
    minutes=10,
    reference=discriminator_loss,
    draw=_draw_scores,
    gradient=("real", "made"),
    covers="the loss and its gradients, for scores of -1,000 to 1,000 and unequal numbers of real "
    "and made pictures; no smoothing of labels.",
    misconceptions=(
        Misconception(
            "labels swapped",
            lambda real, made: discriminator_loss(made, real),
            "The discriminator should give *real* pictures a high score.",
        ),
        Misconception(
            "all ones as labels",
            lambda real, made: F.softplus(-real).mean() + F.softplus(-made).mean(),
            "With the label 1 for both, it learns to say yes to everything.",
        ),
        Misconception(
            "logarithm clamped",
            lambda real, made: _clamped(real) + _clamped(-made),
            CLAMPED,
        ),
        Misconception(
            "half of it",
            lambda real, made: 0.5 * discriminator_loss(real, made),
            "The two expectations are added, not averaged.",
        ),
        Misconception(
            "real pictures only",
            lambda real, made: F.softplus(-real).mean() + 0 * made.sum(),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "logarithm of zero",
            lambda r, m: -(r.sigmoid().log().mean() + (1 - m.sigmoid()).log().mean()),
            "The sigmoid of -1,000 is 0, and its logarithm infinite. Which torch function takes "
            "the logarithm of a sigmoid in one step?",
        ),
        Misconception(
            "sum for mean",
            lambda real, made: F.softplus(-real).sum() + F.softplus(made).sum(),
            "Expectations are means: the loss must not grow with the batch.",
        ),
        Misconception(
            "one mean over both",
            lambda r, m: torch.cat([F.softplus(-r), F.softplus(m)]).mean(),
            "Two expectations, each with its own mean, added up.",
        ),
        Misconception(
            "the value for the loss",
            lambda real, made: -discriminator_loss(real, made),
            "The discriminator *raises* V, so its loss is minus V.",
        ),
    ),
)


def generator_loss(made):
    r"""$-\mathbb{E}\log\sigma(s_{\text{made}})$: not saturating, with the labels turned round."""
    return F.softplus(-made).mean()


GENERATOR_LOSS = Question(
    name="generator_loss",
    notebook="ex07_gan_minimax",
    place=4,
    kind="implement",
    function="generator_loss",
    points=2,
    difficulty=2,
    importance=3,
    minutes=6,
    reference=generator_loss,
    draw=lambda rng, size: _draw_scores(rng, size)[1:],
    gradient=("made",),
    covers="the loss and its gradient, for scores of -1,000 to 1,000.",
    misconceptions=(
        Misconception(
            "the saturating loss",
            lambda made: -F.softplus(made).mean(),
            "That is minimax to the letter: its gradient vanishes just when the generator is bad.",
        ),
        Misconception(
            "the discriminator's side",
            lambda made: F.softplus(made).mean(),
            "This loss is low when pictures are *found out*. The generator wants the contrary.",
        ),
        Misconception(
            "sign forgotten",
            lambda made: -F.softplus(-made).mean(),
            "A logarithm of a probability is negative: which sign has the loss?",
        ),
        Misconception(
            "logarithm of zero",
            lambda made: -made.sigmoid().log().mean(),
            "The sigmoid of -1,000 is 0, and its logarithm infinite. Which torch function takes "
            "the logarithm of a sigmoid in one step?",
        ),
        Misconception("logarithm clamped", lambda made: _clamped(made), CLAMPED),
        Misconception(
            "sum for mean",
            lambda made: F.softplus(-made).sum(),
            "Expectations are means: the loss must not grow with the batch.",
        ),
        Misconception(
            "score without logarithm",
            lambda made: -made.mean(),
            "That is the loss of a Wasserstein GAN.",
        ),
        Misconception(
            "probability without logarithm",
            lambda made: -made.sigmoid().mean(),
            "The logarithm is what gives a bad picture a strong gradient.",
        ),
    ),
)


def critic_loss(weight, real, noise, generator):
    r"""The discriminator's loss with scores $x \cdot w$ and made pictures `noise @ generator`.

    In this step only the discriminator learns: no gradient reaches the generator.
    """
    made = (noise @ generator).detach()
    return discriminator_loss(real @ weight, made @ weight)


def _draw_critic(rng, size):
    n, m, z, d = [(1, 1, 1, 2), (2, 2, 2, 2), (3, 2, 2, 4), (4, 5, 3, 3)][size]
    return normal(rng, d), normal(rng, n, d), normal(rng, m, z), normal(rng, z, d)


CRITIC_LOSS = Question(
    name="critic_loss",
    notebook="ex07_gan_minimax",
    place=5,
    kind="debug",
    function="critic_loss",
    points=2,
    difficulty=3,
    importance=3,
    minutes=12,
    reference=critic_loss,
    draw=_draw_critic,
    gradient=("weight", "generator"),
    uses=("discriminator_loss",),
    covers="the loss, its gradient by the discriminator's weight, and that none reaches the "
    "generator.",
    misconceptions=(
        Misconception(
            "no detach",
            lambda w, r, z, g: discriminator_loss(r @ w, z @ g @ w),
            "The numbers are right. But the generator would be taught to be found out: which "
            "gradient has to be cut?",
        ),
        Misconception(
            "score detached for the picture",
            lambda w, r, z, g: discriminator_loss(r @ w, (z @ g @ w).detach()),
            "Now the discriminator does not learn from made pictures either. Cut earlier.",
        ),
        Misconception(
            "everything detached",
            lambda w, r, z, g: discriminator_loss(r @ w, z @ g @ w).detach(),
            "Now nobody learns.",
        ),
        Misconception(
            "discriminator detached",
            lambda w, r, z, g: discriminator_loss(r @ w.detach(), z @ g @ w.detach()),
            "That is for the generator's step. Who learns in this one?",
        ),
        Misconception(
            "labels swapped",
            lambda w, r, z, g: discriminator_loss((z @ g).detach() @ w, r @ w),
            "The discriminator should give *real* pictures a high score.",
        ),
        Misconception(
            "all ones as labels",
            lambda w, r, z, g: generator_loss(r @ w) + generator_loss((z @ g).detach() @ w),
            "With the label 1 for both, it learns to say yes to everything.",
        ),
        Misconception(
            "made pictures left out",
            lambda w, r, z, g: generator_loss(r @ w),
            "Without made pictures, saying yes to everything is the best reply.",
        ),
    ),
)


def gradient_ratio(score):
    r"""$|\frac{d}{ds}\log\sigma(s)| \,/\, |\frac{d}{ds}\log(1-\sigma(s))|$."""
    s = torch.tensor(score, dtype=torch.float64, requires_grad=True)
    wanted, minimax = F.softplus(-s), -F.softplus(s)
    (a,), (b,) = torch.autograd.grad(wanted, s), torch.autograd.grad(minimax, s)
    return (a.abs() / b.abs()).item()


GRADIENT_RATIO = Question(
    name="gradient_ratio",
    notebook="ex07_gan_minimax",
    place=7,
    kind="experiment",
    function="gradient_ratio",
    points=2,
    difficulty=2,
    importance=3,
    minutes=10,
    reference=gradient_ratio,
    draw=lambda rng, size: (uniform(rng, low=-3.0 * size - 1, high=1.0 * size + 1).item(),),
    repeats=2,
    tolerance=1e-4,  # float32 will do
    covers="your measurement for scores between -10 and 4.",
    misconceptions=(
        Misconception(
            "the wrong way round",
            lambda s: 1 / gradient_ratio(s),
            "Which of the two losses is above, which below the line?",
        ),
        Misconception(
            "ratio of the losses",
            lambda s: (F.softplus(torch.tensor(-s)) / F.softplus(torch.tensor(s))).item(),
            "Not the losses are compared, but their slopes.",
        ),
        Misconception(
            "sign kept",
            lambda s: -gradient_ratio(s),
            "Take absolute values.",
        ),
        Misconception(
            "logarithm of the ratio",
            lambda s: -s,
            "The ratio itself is asked for, not its logarithm.",
        ),
    ),
)

QUESTIONS = (DISCRIMINATOR_LOSS, GENERATOR_LOSS, CRITIC_LOSS, GRADIENT_RATIO)
