"""Questions on what a caption says: one vector for it, and a loss for what it names.

Where two captions have different lengths, padding fills the shorter one up; what a caption does not
name is -1.
"""

import torch
import torch.nn.functional as F

from .draws import normal, real_places
from .question import Misconception, Question


def caption_vectors(states, real):
    """The mean of `states` (b, n, d) over tokens that are `real` (b, n): (b, d)."""
    return _meant()(states, real)


def _meant(weigh=lambda states, real: states * real[..., None],
           length=lambda real: real.sum(dim=1, keepdim=True)):  # fmt: skip
    """The mean with one thing done in another way."""
    return lambda states, real: weigh(states, real).sum(dim=1) / length(real)


def _largest(states, real):
    return states.masked_fill(~real[..., None], -torch.inf).amax(dim=1)


def _last_real(states, real):
    last = (real * torch.arange(1, real.shape[1] + 1)).argmax(dim=1)
    return states[torch.arange(len(states)), last]


def _from_the_front(states, real):
    lengths = real.sum(dim=1, keepdim=True)
    return caption_vectors(states, torch.arange(real.shape[1]) < lengths)


def _draw_states(rng, size):
    b, n, d = [(1, 2, 1), (2, 3, 2), (3, 4, 3), (4, 6, 4)][size]
    real = real_places(rng, b, n)
    real[0] = torch.arange(n) < n - 1
    return normal(rng, b, n, d) + 0.5, real.flip(1) if size == 3 else real


CAPTION_VECTORS = Question(
    name="caption_vectors",
    notebook="ex11_text_to_image_gan",
    place=1,
    kind="implement",
    function="caption_vectors",
    points=2,
    difficulty=2,
    importance=3,
    minutes=8,
    reference=caption_vectors,
    draw=_draw_states,
    gradient=("states",),
    covers="the vectors and their gradients, for captions of mixed lengths, each with a token at "
    "least, and padding at either end.",
    misconceptions=(
        Misconception(
            "padding counted",
            lambda states, real: states.mean(dim=1),
            "A picture would depend on how long the *other* captions of its batch are. Which "
            "argument tells tokens from padding?",
        ),
        Misconception(
            "padding counted in the denominator",
            _meant(length=lambda real: real.shape[1]),
            "Divide by how many tokens the caption has, not by the longest of the batch.",
        ),
        Misconception(
            "sum for mean",
            _meant(length=lambda real: 1),
            "A long caption should not have a longer vector: the mean is asked for.",
        ),
        Misconception(
            "the last place, padding or not",
            lambda states, real: states[:, -1],
            "In a short caption the last place is padding.",
        ),
        Misconception(
            "the last token",
            _last_real,
            "It has seen all others, and some do take it. Here the mean of all is asked for.",
        ),
        Misconception(
            "padding only",
            lambda states, real: caption_vectors(states, ~real),
            "`real` is True at tokens.",
        ),
        Misconception(
            "one length for all",
            _meant(length=lambda real: real.sum()),
            "Each caption is divided by its own number of tokens. Over which axis do you count?",
        ),
        Misconception(
            "lengths along the wrong axis",
            _meant(length=lambda real: real.sum(dim=1)),
            "(b, d) by (b,): here column j is divided by the length of caption j. `keepdim=True` "
            "keeps a length in its row.",
        ),
        Misconception(
            "the first place",
            lambda states, real: states[:, 0],
            "A GPT's first place has seen nothing of what follows. The mean is asked for.",
        ),
        Misconception(
            "length 1 for all",
            lambda *arguments: F.normalize(caption_vectors(*arguments), dim=1),
            "That is the direction of the vector. Return the mean as it is.",
        ),
        Misconception(
            "largest for mean",
            _largest,
            "That keeps the largest number of each kind. The mean is asked for.",
        ),
        Misconception(
            "padding supposed at the end",
            _from_the_front,
            "Padding may stand in front, too. `real` says of each place what it is.",
        ),
    ),
)


def content_loss(pictures, eyes, asked):
    r"""The mean of $-\log p_j(\mathrm{asked}_{ij})$ over all that is asked; -1 is not asked.

    $p_j = \mathrm{softmax}(x E_j)$: `pictures` (b, d), `eyes` (q, d, v), `asked` (b, q). The eyes
    are frozen: no gradient reaches them.
    """
    return _missed()(pictures, eyes, asked)


def _named(lost, named):
    return lost[named].mean()


def _missed(total=_named, say=lambda scores: scores.log_softmax(dim=2),
            cut=lambda eyes: eyes.detach(), unasked=lambda asked, v: asked.clamp(0)):  # fmt: skip
    """The loss with one thing done in another way."""

    def found(pictures, eyes, asked):
        said = say(torch.einsum("bd,qdv->bqv", pictures, cut(eyes)))
        right = unasked(asked, said.shape[2])
        return total(-said.gather(2, right[..., None])[..., 0], asked >= 0)

    return found


def _wrong_share(pictures, eyes, asked):
    said = torch.einsum("bd,qdv->bqv", pictures, eyes).argmax(dim=2)
    return (said != asked)[asked >= 0].double().mean()


def _question_by_question(lost, named):
    return sum(of[at].mean() for of, at in zip(lost.T, named.T, strict=True)) / lost.shape[1]


def _draw_seen(rng, size):
    b, q, d, v = [(1, 2, 1, 2), (2, 2, 2, 3), (3, 4, 2, 3), (5, 3, 4, 4)][size]
    asked = torch.randint(v, (b, q), generator=rng)
    asked[torch.rand(b, q, generator=rng) < 0.4] = -1
    own = torch.randint(v, (b,), generator=rng)  # one thing at least is named
    asked[torch.arange(b), torch.arange(b) % q] = own
    asked[0] = -1
    asked[0, 0] = own[0]
    return normal(rng, b, d), 2 * normal(rng, q, d, v), asked


CONTENT_LOSS = Question(
    name="content_loss",
    notebook="ex11_text_to_image_gan",
    place=5,
    kind="implement",
    function="content_loss",
    points=3,
    difficulty=3,
    importance=3,
    minutes=14,
    reference=content_loss,
    draw=_draw_seen,
    gradient=("pictures", "eyes"),
    covers="the loss, its gradient by the pictures, and that none reaches the eyes; 2 to 4 "
    "questions, with the same number of answers each.",
    misconceptions=(
        Misconception(
            "the eyes learn too",
            _missed(cut=lambda eyes: eyes),
            "The numbers are right. But the eyes would learn to see whatever is asked for.",
        ),
        Misconception(
            "nothing passes the eyes",
            lambda *arguments: content_loss(*arguments).detach(),
            "The eyes must not learn, but the picture must: the gradient goes *through* them.",
        ),
        Misconception(
            "how many are wrong",
            _wrong_share,
            "An `argmax` has no slope. Which loss of a classifier has one?",
        ),
        Misconception(
            "-1 taken for the last answer",
            _missed(lambda lost, named: lost.mean(), unasked=lambda asked, v: asked % v),
            "As an index, -1 is the last answer. Here it says that nothing was asked.",
        ),
        Misconception(
            "-1 taken for answer 0",
            _missed(lambda lost, named: lost.mean()),
            "What is not named may be anything. Your loss asks for answer 0 there.",
        ),
        Misconception(
            "divided by all questions",
            _missed(lambda lost, named: (lost * named).mean()),
            "Captions that name little look good now. Divide by how many things are named.",
        ),
        Misconception(
            "a mean of means over pictures",
            _missed(lambda lost, named: ((lost * named).sum(1) / named.sum(1)).mean()),
            "Every named thing counts the same, whichever caption names it.",
        ),
        Misconception(
            "a mean of means over questions",
            _missed(_question_by_question),
            "One mean over all named things. And what is the mean of a question nobody asked?",
        ),
        Misconception(
            "sum for mean",
            _missed(lambda lost, named: lost[named].sum()),
            "In nats per named thing: divide by how many there are.",
        ),
        Misconception(
            "mean over pictures of sums",
            _missed(lambda lost, named: (lost * named).sum(1).mean()),
            "In nats per named thing, not per picture.",
        ),
        Misconception(
            "scores for log-probabilities",
            _missed(say=lambda scores: scores),
            "A raw score can be raised for all answers at once. What makes it a log-probability?",
        ),
        Misconception(
            "softmax over the wrong axis",
            _missed(say=lambda scores: scores.log_softmax(dim=1)),
            "The *answers* to one question compete. Which axis is that?",
        ),
        Misconception(
            "softmax twice",
            _missed(say=lambda scores: scores.softmax(dim=2).log_softmax(dim=2)),
            "`cross_entropy` and `log_softmax` want the scores: they take the softmax for you.",
        ),
        Misconception(
            "another axis for the answers",
            lambda pictures, eyes, asked: F.cross_entropy(
                torch.einsum("bd,qdv->bqv", pictures, eyes.detach()), asked, ignore_index=-1
            ),
            "With three axes, `cross_entropy` takes axis 1 for the answers. Yours are on the last.",
        ),
        Misconception(
            "questions first",
            lambda pictures, eyes, asked: F.cross_entropy(
                (pictures @ eyes.detach()).flatten(0, 1), asked.flatten(), ignore_index=-1
            ),
            "Your scores are (q, b, v), and `asked` is (b, q): flattened, their rows do not meet.",
        ),
        Misconception(
            "sign forgotten",
            _missed(lambda lost, named: -lost[named].mean()),
            "Log-probabilities are negative, and a loss should fall as they rise.",
        ),
    ),
)

QUESTIONS = (CAPTION_VECTORS, CONTENT_LOSS)
