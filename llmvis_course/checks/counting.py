r"""The question on the size of a Transformer: how many weights it has.

Radford et al. 2019, "Language models are unsupervised multitask learners" (GPT-2).
"""

from .draws import whole
from .question import Misconception, Question


def count_gpt(vocabulary, context, depth, width):
    r"""$v d + c d + L\,(12 d^2 + 13 d) + 2 d$: embeddings, places, blocks, and the last norm.

    The head shares the embeddings' weights.
    """
    block = 12 * width**2 + 13 * width
    return vocabulary * width + context * width + depth * block + 2 * width


COUNT_GPT = Question(
    name="count_gpt",
    notebook="ex04_transformer",
    place=5,
    kind="predict",
    function="count_gpt",
    points=2,
    difficulty=2,
    importance=1,
    minutes=12,
    reference=count_gpt,
    draw=lambda rng, size: (
        whole(rng, 5, 10 ** (size + 1)),
        whole(rng, 4, 8**size + 4),
        whole(rng, 1, 3 * size + 1),
        4 * whole(rng, 1, 4**size),
    ),  # fmt: skip
    covers="the number of weights of a GPT-2 of any size, all biases and norms included.",
    misconceptions=(
        Misconception(
            "a head of its own",
            lambda v, c, n, d: count_gpt(v, c, n, d) + v * d,
            "The head uses the table of embeddings again.",
        ),
        Misconception(
            "no biases in the blocks",
            lambda v, c, n, d: count_gpt(v, c, n, d) - 9 * n * d,
            "Each linear map has a bias: 3d + d in attention, 4d + d in the network.",
        ),
        Misconception(
            "no norms in the blocks",
            lambda v, c, n, d: count_gpt(v, c, n, d) - 4 * n * d,
            "Each block has two norms, of 2d numbers each.",
        ),
        Misconception(
            "no last norm",
            lambda v, c, n, d: count_gpt(v, c, n, d) - 2 * d,
            "What stands between the last block and the head?",
        ),
        Misconception(
            "a bias in the head",
            lambda v, c, n, d: count_gpt(v, c, n, d) + v,
            "The head is the table of embeddings, and nothing else.",
        ),
        Misconception(
            "one norm in each block",
            lambda v, c, n, d: count_gpt(v, c, n, d) - 2 * n * d,
            "Attention and network have a norm each.",
        ),
        Misconception(
            "biases of the network as wide as its input",
            lambda v, c, n, d: count_gpt(v, c, n, d) - 3 * n * d,
            "A bias has one number for each number that comes out. How many come out of the first "
            "map?",
        ),
        Misconception(
            "no places",
            lambda v, c, n, d: count_gpt(v, c, n, d) - c * d,
            "How does the model know where a token stands?",
        ),
        Misconception(
            "no output map in attention",
            lambda v, c, n, d: count_gpt(v, c, n, d) - n * (d * d + d),
            "What joins the findings of the heads?",
        ),
        Misconception(
            "large tables only",
            lambda v, c, n, d: v * d + c * d + 12 * n * d * d,
            "A good estimate. For the exact number, count biases and norms too.",
        ),
    ),
)


QUESTIONS = (COUNT_GPT,)
