# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %%
# Set-up: installs the course where it is missing (on Colab); elsewhere it does nothing.
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("llmvis_course") is None:
    address = "git+https://github.com/llmvis-course/llmvis-course"
    source = os.environ.get("LLMVIS_COURSE_INSTALL", address)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)

# %% [markdown]
# # 03 · Attention: how can every word look at every other?
#
# **The question.** "a red seven left of a blue three". What colour is the three? The answer stands
# in another word, and in the next caption it stands somewhere else. How can a network that
# multiplies by fixed numbers fetch a word from wherever it happens to be?
#
# Attention can. This page builds it, and ends with the answer to the question above.
#
# **After this page you can**
#
# * write attention as a loop, as two matrix products, and with several heads;
# * say why the scores are divided by $\sqrt d$, and show what goes wrong without it;
# * mask what must not be seen, before the softmax and not after it;
# * catch a language model whose loss is excellent because it cheats.
#
# **Minutes:** 40 to read, 1 to compute. **You need:** notebook 00, matrix products, and the
# softmax: $\mathrm{softmax}(s)_j = e^{s_j} / \sum_k e^{s_k}$, which turns any scores into shares
# that are positive and sum to one.

# %% [markdown]
# ## Symbols
#
# | symbol | meaning | shape or range |
# |---|---|---|
# | `b` | batch | |
# | `n`, `m` | positions; positions attended to | |
# | `d` | width of a vector, here of one head's | |
# | `q k v` | queries, keys, values of attention (`k`, `v`: `m` rows) | `(b, heads, n, d)` |
# | `ids, mask` | tokens of captions, and which are real | `(b, n)` |
#
# (In notebook 00 `v` was a velocity. The letters are those of each field's papers; which is meant,
# the company tells: beside `q` and `k`, `v` is a value.)

# %% [markdown]
# ## Predict first
#
# 1. Every word of a caption of 12 tokens looks at every word. How many scores is that?
# 2. You shuffle the words of a caption. What happens to what attention returns for each word?
# 3. You multiply all queries by ten. Do the weights become more even, or more one-sided?

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display
from torch import nn
from torch.testing import assert_close

from llmvis_course import viz
from llmvis_course.data.captions import parse, write
from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs
from llmvis_course.data.scenes import SceneMaker, to_scenes
from llmvis_course.data.splits import held_out_in, in_training, say
from llmvis_course.data.tokens import END, START, decode, encode, load_tokenizer, pieces
from llmvis_course.data.world import COLOURS, DIGITS
from llmvis_course.layers.attention import MultiHeadAttention, causal_mask, padding_mask
from llmvis_course.layers.positions import LearnedPositions
from llmvis_course.layers.transformer import Block
from llmvis_course.models.language import choose
from llmvis_course.training.fit import fit
from llmvis_course.training.repro import make_rng
from llmvis_course.weights import TOKENIZER
from llmvis_course.widgets import LookingWords

# %% [markdown]
# ## A soft dictionary
#
# A dictionary finds the one key that equals the query and returns its value. That cannot be
# trained: nudge the query a little, and either nothing changes or everything does. Attention is a
# dictionary made soft. Every word asks with a **query** vector and answers with a **key** vector.
# How well they match is their dot product. The softmax turns a query's matches into shares, and
# what comes back is the mean of all **values**, weighted by the shares.
#
# Here it is as a loop, slow and plain. It is the specification of everything that follows.


# %%
def attend_slowly(q, k, v):
    """One head, no batch: q (n, d), k and v (m, d)."""
    found = []
    for i in range(len(q)):
        scores = torch.stack([q[i] @ k[j] for j in range(len(k))]) / q.shape[1] ** 0.5
        shares = scores.exp() / scores.exp().sum()
        found.append(sum(share * v[j] for j, share in enumerate(shares)))
    return torch.stack(found)


rng = make_rng(0)
q, k, v = torch.randn(3, 5, 8, generator=rng)
print(attend_slowly(q, k, v).shape)

# %% [markdown]
# All dot products at once are one matrix product, $qk^\top$, with a row for each query. All
# weighted means are another:
#
# $$\mathrm{Attention}(q, k, v) = \mathrm{softmax}\!\left(\frac{q k^\top}{\sqrt d}\right) v$$
#
# The formula says nothing about where `q`, `k` and `v` come from, and without that it means
# nothing. In **self-attention** all three are linear maps of the same words. In
# **cross-attention**, which steered the pixels in notebook 00, the queries come from one place
# (pixels) and keys and values from another (words).


# %%
def attend(q, k, v, mask=None):
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(dim=-1) @ v


assert_close(attend(q, k, v), attend_slowly(q, k, v))

# %% [markdown]
# Your second prediction. Shuffle the words, and the answers are shuffled alike. Attention does not
# know the order of words; whoever wants it known must write it into the vectors.

# %%
order = torch.tensor([3, 0, 4, 1, 2])
assert_close(attend(q[order], k[order], v[order]), attend(q, k, v)[order])
assert (q @ k.T).numel() == 5 * 5  # and your first: a score for each pair, 144 for 12 tokens

# %% [markdown]
# ## Why divide by √d?
#
# Let the entries of a query and a key be independent, with mean 0 and variance 1. Each product of
# two entries then has mean 0 and variance 1 too, and the dot product adds up $d$ of them: its
# variance is $d$, its size about $\sqrt d$. The wider the vectors, the larger the scores, and a
# softmax of large scores gives nearly everything to one word. There it is flat: a small change of
# the scores changes nothing, so training learns next to nothing from it. See for yourself, with
# 2,000 random queries over eight keys.


# %%
def look_at_width(d, scale):
    q = torch.randn(2000, 1, d, generator=rng)
    k = torch.randn(2000, 8, d, generator=rng)
    scores = (q @ k.transpose(1, 2))[:, 0]
    spread = scores.std().item()
    weights = (scores * scale).softmax(dim=1)
    slope = (weights * (1 - weights)).amax(dim=1)  # of a weight, by what enters the softmax
    return spread, weights.amax(dim=1).mean().item(), slope.median().item()


widths = [1, 4, 16, 64, 256, 1024]
plain = [look_at_width(d, 1) for d in widths]
scaled = [look_at_width(d, d**-0.5) for d in widths]
spread = {d: row[0] / d**0.5 for d, row in zip(widths, plain, strict=True)}
assert all(0.9 < ratio < 1.1 for ratio in spread.values())

# %%
_, axes = plt.subplots(1, 2, figsize=(9, 3), layout="tight")
names = "largest weight, mean", "steepest slope of the softmax, median"
for ax, column, name in zip(axes, (1, 2), names, strict=True):
    lines = {"q·k": [r[column] for r in plain], "q·k / √d": [r[column] for r in scaled]}
    viz.curves(widths, lines, ax=ax, x="width d", y=name)
    ax.set_xscale("log", base=2)
plt.show()
largest, slope = plain[-1][1], scaled[-1][2] / plain[-1][2]
assert largest > 0.9 and max(row[1] for row in scaled) < 0.5
assert slope / 1024**0.5 > 5  # larger even after the factor 1/√d that stands before the softmax
ten = look_at_width(64, 10 * 64**-0.5)[1]
assert ten > 0.7 and 0.3 < scaled[3][1] < 0.4

# %% [markdown]
# *What to see:* left, without the division the largest of eight weights grows to more than
# 0.9<!-- asserted: largest --> at width 1,024; with it, it stays below one half at every width.
# Right, how steep the softmax is at its steepest, for the median query. Without the division it
# falls towards zero as the width grows. With it, it stays where it was.<!-- asserted: slope -->
#
# And your third prediction: at width 64, queries times ten raise the largest weight from about a
# third to more than 0.7.<!-- asserted: ten --> More one-sided, for the same reason.

# %% [markdown]
# ## Masks
#
# Two things must not be looked at. Captions of a batch are padded to one length, and **padding**
# says nothing. And a model that is to guess the next word must not see it: the **causal** mask lets
# a word look at itself and back. In this course `True` means *may look*. (Some of torch's own
# arguments, such as `key_padding_mask`, mean the opposite: read before you pass.)
#
# A mask acts on the *scores*, before the softmax: $-\infty$ becomes a share of exactly 0, and the
# others still sum to one. Setting *weights* to zero after the softmax looks the same and is wrong.

# %%
may_look = torch.ones(5, 5, dtype=torch.bool).tril()  # row i: positions 0 to i
assert torch.equal(causal_mask(5)[0, 0], may_look)  # the library's has axes for batch and heads
scores = q @ k.T / 8**0.5
after = scores.softmax(dim=1) * may_look
before = scores.masked_fill(~may_look, float("-inf")).softmax(dim=1)
print("mask after the softmax, sums: ", [f"{x:.2f}" for x in after.sum(dim=1)])
print("mask before the softmax, sums:", [f"{x:.2f}" for x in before.sum(dim=1)])
assert_close(before.sum(dim=1), torch.ones(5))
assert after[0].sum() < 0.9

# %% [markdown]
# ## Several heads
#
# One softmax makes one choice a word. "three" may need its colour, its size and the word "left" at
# once. So queries, keys and values are cut into several **heads** after their linear maps. Each
# head attends on its part, with shares of its own, and a last linear map mixes what they found.
# Parameters and multiplications are as many as for one wide head.


# %%
class Heads(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x, mask=None):
        b, n, width = x.shape
        slices = self.qkv(x).view(b, n, 3, self.heads, width // self.heads)
        q, k, v = slices.permute(2, 0, 3, 1, 4)  # each (b, heads, n, d)
        found = attend(q, k, v, mask)
        return self.output(found.transpose(1, 2).reshape(b, n, width))


# %% [markdown]
# **The agreement cell.** Your attention against torch's, with padding. Then your heads against
# `nn.MultiheadAttention` and the course's own `MultiHeadAttention`, all with the same parameters:
# what they return, and its gradient by `x`. After it, only the course's version is used; beside
# the values it returns the shares.

# %%
real = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
x = torch.randn(2, 6, 12, generator=rng, dtype=torch.float64, requires_grad=True)
q, k, v = torch.randn(3, 2, 3, 6, 4, generator=rng, dtype=torch.float64)
mask = padding_mask(real)
assert_close(attend(q, k, v, mask), F.scaled_dot_product_attention(q, k, v, attn_mask=mask))

mine = Heads(12, 3).double()
theirs = nn.MultiheadAttention(12, 3, batch_first=True, dtype=torch.float64)
pairs = zip(theirs.state_dict(), mine.state_dict().values(), strict=True)  # in the same order
theirs.load_state_dict(dict(pairs))
out = theirs(x, x, x, key_padding_mask=~real)[0]
assert_close(mine(x, mask), out)
ours, torchs = (torch.autograd.grad(y.square().sum(), x)[0] for y in (mine(x, mask), out))
assert_close(ours, torchs)

course = MultiHeadAttention(12, heads=3).double()
(wq, wkv), (bq, bkv) = (p.split([12, 24]) for p in mine.qkv.parameters())
out_w, out_b = mine.output.parameters()
parameters = {"query.weight": wq, "query.bias": bq, "key_value.weight": wkv, "key_value.bias": bkv}
course.load_state_dict(parameters | {"output.weight": out_w, "output.bias": out_b})
assert_close(course(x, mask=mask).values, mine(x, mask))

# %% [markdown]
# ## Train it: what colour is the digit?
#
# Now the question of this page. Captions with two digits; at each digit word, the network must name
# *that* digit's colour. It has one attention head and nothing else between the embeddings and the
# answer, so the colour can only come by looking.
#
# Lesson 01 builds scenes and captions. Here it is enough that `maker.sample` invents scenes of two
# digits, `say` keeps only what the caption shall name, and `write` puts it into words. Of all
# tokens only the digit words have a label, the number of their colour; -100 is the label that
# `F.cross_entropy` skips.


# %%
maker = SceneMaker(make_glyphs(load_handwriting()))
tokenizer = load_tokenizer(TOKENIZER)


def colour_task(n, rng, allow=in_training):
    """Tokens, and at each digit word the number of its colour; -100 elsewhere."""
    scenes = to_scenes(maker.sample(n, "two", rng=rng, allow=allow))
    said = [say(s, ("digit", "colour", "size"), i % 2 == 0) for i, s in enumerate(scenes)]
    captions = [write(scene, rng=rng) for scene in said]
    tokens = encode(tokenizer, captions)
    label = torch.full_like(tokens.ids, -100)
    for row, (scene, caption) in enumerate(zip(said, captions, strict=True)):
        places = [i for i, word in enumerate(pieces(tokenizer, caption)) if word in DIGITS]
        if len(places) == 2:  # "two red sevens" speaks of both at once
            label[row, places] = torch.tensor([list(COLOURS).index(t.colour) for t in scene.things])
    return captions, tokens, label


captions, tokens, label = colour_task(4, make_rng(1))
print(captions[0])
print([list(COLOURS)[k] if k >= 0 else "-" for k in label[0].tolist()])


# %%
class ColourReader(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.token = nn.Embedding(tokenizer.get_vocab_size(), width)
        self.position = LearnedPositions(32, width, std=0.3)
        self.attention = MultiHeadAttention(width, heads=1)
        self.colour = nn.Linear(width, len(COLOURS))

    def forward(self, ids, mask):
        found = self.attention(self.position.add(self.token(ids)), mask=padding_mask(mask))
        return self.colour(found.values), found.weights


# %% [markdown]
# Beside it stands a network that cannot choose: its queries are zero, so all scores are equal and
# every word gets the plain mean of all words. It knows which two colours there are, and not whose
# they are.
#
# `fit` is the course's training loop, as a generator: a loss, batches, an optimizer. Each network
# sees 100 batches of 64 captions four times.


# %%
def train_reader(model, seed, steps=400):
    rng = make_rng(seed)

    def loss(task):
        _, tokens, label = task
        return F.cross_entropy(model(*tokens)[0].flatten(0, 1), label.flatten(), ignore_index=-100)

    tasks = [colour_task(64, rng) for _ in range(100)]
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)
    return [at.loss for at in fit(loss, tasks * 4, optimizer, steps=steps)]


def new_reader(seed, chooses=True):
    torch.manual_seed(seed)
    model = ColourReader()
    if not chooses:
        for weight in model.attention.query.parameters():
            nn.init.zeros_(weight).requires_grad_(False)
    return model


# %% tags=["nbval-ignore-output"]
def held_out(layout):
    return held_out_in(layout)["colour"]


_, tokens, label = colour_task(500, make_rng(9), allow=held_out)


@torch.no_grad()
def accuracy(model):
    told = model(*tokens)[0].argmax(dim=2)
    return (told == label)[label >= 0].float().mean().item()


readers = {seed: (new_reader(seed), new_reader(seed, chooses=False)) for seed in range(3)}
for seed, pair in readers.items():
    for reader in pair:
        train_reader(reader, seed)
chooses, cannot = ([accuracy(pair[which]) for pair in readers.values()] for which in (0, 1))
print(
    "attention:", [f"{a:.3f}" for a in chooses], " mean of all words:", [f"{a:.3f}" for a in cannot]
)

# %%
assert min(chooses) > 0.95 and min(cannot) > 0.5 and max(cannot) < 0.65

# %% [markdown]
# *What to see:* on 500 captions, each with at least one digit in a colour that training never gave
# it, attention names more than 95 % right<!-- asserted: chooses --> with each of three seeds. The
# mean of all words does little better than a coin between the two colours that stand in the
# caption: less than 65 %.<!-- asserted: cannot --> (More than half, since sometimes both digits
# have one colour.) Both have the same layers. The difference is the choice.
#
# ## Look
#
# Back to the question at the top: what colour is the three, and how does the network know? Choose a
# word, and see where it looks. The darker the ground behind a word, the larger its share.

# %% tags=["nbval-ignore-output"]
reader = readers[0][0]
caption = "a red large seven to the left of a small blue three"
with torch.no_grad():
    looks = reader(*encode(tokenizer, [caption]))[1][0]
words = pieces(tokenizer, caption)
display(LookingWords(words, looks, chosen=words.index("three")))

# %%
_, ax = plt.subplots(figsize=(5.5, 5))
viz.attention_map(looks[0], words, ax=ax)
plt.show()
share = {
    w: looks[0, words.index(w), words.index(c)] for w, c in (("seven", "red"), ("three", "blue"))
}
assert min(share.values()) > 0.5

# %% [markdown]
# *What to see:* one row a word, one column a word looked at. In the rows of "seven" and "three",
# the only ones that were ever asked, more than half of the look goes to the right
# colour,<!-- asserted: share --> although it stands two words before "seven" and one before
# "three". So the answer to the question: it fetches the word whose key fits its query, wherever
# that stands. The other rows were never asked anything. That some of them look at colours too is a
# side effect of shared weights; read nothing into it.
#
# A caution for later lessons. Here the map explains the answer, because there is no other way for
# the colour to come in. In a deep network there are many ways, and a map shows one of them. Lesson
# 17 tests by removing words.
#
# ## Break one thing: forget the mask
#
# A **language model** guesses every next word of a caption. With the causal mask it has to guess.
# What if someone forgets the mask? Below, system A has it and system B has not. Both are one
# `Block`: attention with four heads, then a small network, as lesson 04 builds it. The loss is in
# **nats** per token: minus the natural logarithm of the probability that the model gave to the word
# that came.


# %%
class TinyLanguageModel(nn.Module):
    def __init__(self, causal, width=64):
        super().__init__()
        self.causal = causal
        self.token = nn.Embedding(tokenizer.get_vocab_size(), width)
        self.position = LearnedPositions(32, width, std=0.3)
        self.block = Block(width, heads=4)
        self.next = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, self.token.num_embeddings))

    def forward(self, ids):
        x = self.position.add(self.token(ids))
        return self.next(self.block(x, causal_mask(ids.shape[1]) if self.causal else None))


def next_word_loss(model, tokens):
    target = tokens.ids.masked_fill(~tokens.mask, -100)[:, 1:]  # at each place, the next token
    logits = model(tokens.ids)[:, :-1]
    return F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-100)


# %%
def train_language_model(causal, seed=0, steps=400):
    torch.manual_seed(seed)
    model, rng = TinyLanguageModel(causal), make_rng(seed)
    batches = [colour_task(64, rng)[1] for _ in range(100)]
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    training = fit(lambda t: next_word_loss(model, t), batches * 4, optimizer, steps=steps)
    return model, [at.loss for at in training]


system_a, losses_a = train_language_model(causal=True)
system_b, losses_b = train_language_model(causal=False)
_, tokens, _ = colour_task(500, make_rng(10))
with torch.no_grad():
    loss_a, loss_b = (next_word_loss(m, tokens).item() for m in (system_a, system_b))

# %% tags=["nbval-ignore-output"]
_, ax = plt.subplots(figsize=(6.5, 3))
every = range(0, 400, 20)
lines = {"A": [losses_a[i] for i in every], "B": [losses_b[i] for i in every]}
viz.curves(list(every), lines, ax=ax, x="step", y="training loss, nats per token")
plt.show()
print(f"on fresh captions: A {loss_a:.1f}, B {loss_b:.1f} nats per token")
assert loss_b < 0.05 and loss_a > 1
floor = 2 * torch.tensor(9.0 * 7 * 3).log() / (tokens.mask.sum(dim=1) - 1).float().mean()
assert loss_b < floor < loss_a and floor > 0.8

# %% [markdown]
# *What to see:* system B is far better, isn't it? On captions that it never saw its loss is below
# 0.05 nats,<!-- asserted: loss_b --> and that of A above 1.<!-- asserted: loss_a --> A test set
# does not help here: B cheats there too.
#
# The first alarm is a number that you can work out before any training. Each of two digits, its
# colour and its size were drawn by chance: of 10, 8 and 3, or at least 9, 7 and 3 once held-out
# combinations are taken away. Nobody can guess those. They cost $2 \log(9 \cdot 7 \cdot 3)$ nats a
# caption, more than 0.8 a token.<!-- asserted: floor --> A loss below what is unknowable is not a
# triumph; it is a leak.
#
# The second alarm: let both write.


# %%
@torch.no_grad()
def write_captions(model, n, rng):
    ids = torch.full((n, 1), START)
    while ids.shape[1] < 24:
        ids = torch.cat([ids, choose(model(ids)[:, -1], rng=rng)], dim=1)
    return [decode(tokenizer, row[: row.tolist().index(END)] if END in row else row) for row in ids]


def can_be_read(caption):
    try:
        return len(parse(caption).things) == 2
    except ValueError:
        return False


# %% tags=["nbval-ignore-output"]
written_a, written_b = (write_captions(m, 100, make_rng(4)) for m in (system_a, system_b))
for caption in written_a[:3] + written_b[:3]:
    print("A" if caption in written_a[:3] else "B", " ", caption[:90])
readable_a, readable_b = (sum(map(can_be_read, w)) for w in (written_a, written_b))

# %%
assert readable_a >= 90 and readable_b <= 30

# %% [markdown]
# Of 100 sentences, our grammar reads two digits in at least 90 of A's<!-- asserted: readable_a -->
# and in at most 30 of B's.<!-- asserted: readable_b --> While writing there is no next word to peek
# at, and B never learned anything else.
#
# **The check that proves it** is short. Change later words: what the model says at earlier places
# must not change. Run it on every model that is supposed to read from left to right.

# %% tags=["nbval-ignore-output"]
changed = tokens.ids.clone()
changed[:, 6:] = 7  # other tokens from place 6 on
with torch.no_grad():
    moved = {
        name: (model(changed) - model(tokens.ids))[:, :6].abs().max().item()
        for name, model in (("A", system_a), ("B", system_b))
    }
print({name: f"{by:.1f}" for name, by in moved.items()})
assert moved["A"] < 1e-4 and moved["B"] > 0.1

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. A caption has 12 tokens. How many scores does one head compute, and how many
# of them survive a causal mask?</summary>
#
# 12 × 12 = 144, and 12 + 11 + … + 1 = 78 of them.
#
# </details>
#
# <details><summary>2. Why is the mask not applied to the weights, after the softmax?</summary>
#
# The shares would no longer sum to one, and the hidden word would still have shaped the others: it
# stands in the denominator of the softmax.
#
# </details>
#
# <details><summary>3. "Encoder = Attention(Q, K, V)" is all that an article says of its encoder.
# What is missing?</summary>
#
# What Q, K and V are made of. From the same words, it is self-attention. Queries from a picture and
# keys and values from words make it cross-attention. These are different networks.
#
# </details>
#
# <details><summary>4. The keys are all equal. What does attention return?</summary>
#
# All scores of a query are equal, so every weight is 1/m: the plain mean of the values, whatever
# the query. Zero queries, as in the network that could not choose, come to the same.
#
# </details>

# %% [markdown]
# ## Exercises
#
# * **Difficulty 1, 5 minutes.** Train `ColourReader` without `self.position`. Which captions does
#   it still get right, and why not the others?
# * **Difficulty 2, 10 minutes.** Write `attend` with `torch.einsum` for `(b, heads, n, d)`, and run
#   the agreement cell on it.
# * **Difficulty 2, 10 minutes.** Train the reader at width 256 with and without the division by
#   $\sqrt d$, three seeds each, and plot the losses of the first 100 steps. (To undo the division,
#   multiply the fresh query's weight and bias by $\sqrt d$.)
# * **Difficulty 3, 15 minutes.** Ask for the *size* as well as the colour at each digit. Is one
#   head enough? Are two? Look at the maps before you answer.
#
# ## What to read
#
# * Vaswani et al. 2017, *Attention Is All You Need*, arXiv:1706.03762: Section 3.2 is this page.
# * Bahdanau, Cho and Bengio 2015, *Neural Machine Translation by Jointly Learning to Align and
#   Translate*, arXiv:1409.0473: attention before Transformers, in a recurrent network.
# * Phuong and Hutter 2022, *Formal Algorithms for Transformers*, arXiv:2207.09238: every shape
#   written out.
# * Jain and Wallace 2019, *Attention is not Explanation*, arXiv:1902.10186, and Wiegreffe and
#   Pinter 2019, *Attention is not not Explanation*, arXiv:1908.04626: what a map can and cannot
#   show.
#
# **Next:** `04_transformer`, where blocks of attention become a language model.
