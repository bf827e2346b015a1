r"""A question on a round of the game: two players, two losses, two turns.

Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1, one step each; the generator's loss does not
saturate.
"""

import torch
import torch.nn.functional as F

from .draws import normal, uniform
from .question import Misconception, Question


def play_round(pictures, codes, generator, critic, step):
    r"""New weights of both after a turn each: $w' = w - \eta\nabla_w L_D$, then
    $G' = G - \eta\nabla_G L_G$ against $w'$.

    Drawings are $\tanh(zG)$, scores $s = x \cdot w$: `pictures` (n, d), `codes` (m, k), `generator`
    (k, d), `critic` (d). $L_D$ = mean softplus(-s) of pictures + mean softplus(s) of drawings,
    $L_G$ = mean softplus(-s) of drawings.
    """
    return _played()(pictures, codes, generator, critic, step)


def _finds_out(real, drawn):
    return F.softplus(-real).mean() + F.softplus(drawn).mean()


def _convinces(drawing, score):
    return F.softplus(-score).mean()


def _says_real(real, drawn):
    return F.softplus(-real).mean()


def _both(drawn):
    return F.softplus(drawn).mean() + F.softplus(-drawn).mean()


def _down(loss, weight, step):
    (slope,) = torch.autograd.grad(loss, weight)
    return (weight - step * slope).detach()


def _played(critic_loss=_finds_out, generator_loss=_convinces, against="the new critic",
            draw=torch.tanh, uphill=1):  # fmt: skip
    """A round with one thing done in another way."""

    def found(pictures, codes, generator, critic, step):
        generator, critic = (w.clone().requires_grad_() for w in (generator, critic))
        step, real, drawn = uphill * step, pictures @ critic, draw(codes @ generator)
        if against == "a critic that moves later":
            new_generator = _down(generator_loss(drawn, drawn @ critic), generator, step)
            drawn = draw(codes @ new_generator)
            return new_generator, _down(critic_loss(real, drawn @ critic), critic, step)
        new_critic = _down(critic_loss(real, drawn @ critic), critic, step)
        judge = new_critic if against == "the new critic" else critic
        return _down(generator_loss(drawn, drawn @ judge), generator, step), new_critic

    return found


def _left_over(pictures, codes, generator, critic, step):
    generator, critic = (w.clone().requires_grad_() for w in (generator, critic))
    drawn = torch.tanh(codes @ generator)
    loss = _finds_out(pictures @ critic, drawn @ critic)
    new_critic = critic - step * torch.autograd.grad(loss, critic, retain_graph=True)[0]
    loss = loss + _convinces(drawn, drawn @ new_critic.detach())
    return _down(loss, generator, step), new_critic.detach()


def _draw_round(rng, size):
    n, m, k, d = [(1, 1, 1, 1), (2, 2, 1, 2), (3, 2, 2, 3), (4, 5, 3, 4)][size]
    step = 1.0 if size == 0 else uniform(rng, low=0.3, high=1.5).item()
    return (
        normal(rng, n, d).tanh(), normal(rng, m, k), normal(rng, k, d), normal(rng, d), step
    )  # fmt: skip


PLAY_ROUND = Question(
    name="play_round",
    notebook="ex11_text_to_image_gan",
    place=2,
    kind="debug",
    function="play_round",
    points=3,
    difficulty=3,
    importance=3,
    minutes=16,
    reference=play_round,
    draw=_draw_round,
    covers="the weights of both players after one round, with plain steps down the slope; not "
    "whether many rounds come to rest.",
    misconceptions=(
        Misconception(
            "no game",
            _played(_says_real, lambda drawing, score: F.softplus(-drawing).mean()),
            "Both only learn to say *real*, of whatever they are shown. Which drawing does the "
            "critic see? And where does the generator hear what the critic thinks?",
        ),
        Misconception(
            "label of the pixels",
            _played(generator_loss=lambda drawing, score: F.softplus(-drawing).mean()),
            "The critic's turn is right. But the generator's label belongs to what the *critic* "
            "says of a drawing, not to its pixels: this one learns to draw white paper.",
        ),
        Misconception(
            "no drawing reaches the critic",
            _played(_says_real),
            "The generator's turn is right. But a critic that sees real pictures only says yes to "
            "everything.",
        ),
        Misconception(
            "all ones as labels",
            _played(lambda real, drawn: F.softplus(-real).mean() + F.softplus(-drawn).mean()),
            "The critic should call drawings *not real*.",
        ),
        Misconception(
            "labels swapped",
            _played(lambda real, drawn: _finds_out(drawn, real)),
            "The critic should give *real* pictures a high score.",
        ),
        Misconception(
            "the saturating loss",
            _played(generator_loss=lambda drawing, score: -F.softplus(score).mean()),
            "That is minimax to the letter, whose slope vanishes just when drawings are bad.",
        ),
        Misconception(
            "a generator that wants to be found out",
            _played(generator_loss=lambda drawing, score: F.softplus(score).mean()),
            "This loss is low when drawings are *found out*. The generator wants the contrary.",
        ),
        Misconception(
            "against the critic of before",
            _played(against="the old critic"),
            "The critic has moved already when the generator's turn comes. Score the drawings "
            "again.",
        ),
        Misconception(
            "the generator first",
            _played(against="a critic that moves later"),
            "Whose turn is first?",
        ),
        Misconception(
            "a minus before the loss",
            _played(lambda real, drawn: F.softplus(-real).mean() - F.softplus(-drawn).mean()),
            "The contrary label turns the sign of the *score*. What does softplus(s) say?",
        ),
        Misconception(
            "half of the critic's loss",
            _played(lambda real, drawn: _finds_out(real, drawn) / 2),
            "The two means are added, not averaged.",
        ),
        Misconception(
            "slopes of both turns added",
            _left_over,
            "The critic's loss leaves a slope with the generator, too, after `backward`. Empty it "
            "before the second turn, or `detach` the drawings in the first.",
        ),
        Misconception(
            "one loss for both",
            _played(
                lambda real, drawn: F.softplus(-real).mean() + _both(drawn),
                lambda drawing, score: _both(score),
                against="the old critic",
            ),  # fmt: skip
            "Two players with one loss do not play against each other. Each has its own.",
        ),
        Misconception(
            "uphill",
            _played(uphill=-1),
            "A loss should fall: against the slope.",
        ),
        Misconception(
            "order",
            lambda *arguments: play_round(*arguments)[::-1],
            "First the generator's weights, then the critic's.",
        ),
    ),
)

QUESTIONS = (PLAY_ROUND,)
