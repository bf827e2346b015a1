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
# # 09 · Fusion: how do words steer pixels?
#
# **The question.** "A red seven and a blue three." Somewhere in the network there are vectors for
# these words. Somewhere else there are vectors for the pixels. How does *red* reach the pixels of
# the seven, and not those of the three?
#
# This page takes a printed recipe apart, builds three better ways, each in a few lines, and lets
# them compete on one task, with two simpler ones to compare. Then it turns
# the question around: given a picture and a sentence, do they belong together? Two networks learn
# to answer that from pairs.
#
# **After this page you can**
#
# * show what a printed recipe for fusion cannot do, and put it right;
# * write FiLM, per-pixel attention and cross-attention, and check them against a library;
# * say why one vector for a sentence loses which colour belongs to which thing, and measure it;
# * write the contrastive loss, and say what its temperature does;
# * use an alignment score as a judge, and know when not to believe it.
#
# **Minutes:** 50 to read, 2 to compute. **You need:** notebooks 03 (attention) and 05 (features).

# %% [markdown]
# ## Symbols
#
# | symbol | meaning | shape or range |
# |---|---|---|
# | `b` | batch | |
# | `n`, `m` | pixels; words | |
# | `c`, `d` | width of a pixel's vector; of a word's | |
# | `x` | vectors of pixels | `(b, n, c)` |
# | `e` | vectors of words | `(b, m, d)` |
# | `s` | one vector for a whole caption | `(b, d)` |
# | `a` | weight of word `m` for pixel `n` | `(b, n, m)`, sums to 1 over `m` |
# | `u`, `w` | a picture and a caption as points | length 1 |
# | $\tau$ | temperature | > 0 |

# %% [markdown]
# ## Predict first
#
# 1. Each pixel of a green seven is multiplied by a weight of its own. With the right weights, can
#    the seven become red?
# 2. A network gets the *mean* of the vectors of all words. What can it know about "a red seven and
#    a blue three" that does not hold for "a blue seven and a red three"?
# 3. Of 64 captions, one belongs to your picture, and you have no idea which. You give each the same
#    probability. What is the cross-entropy, in nats?

# %%
import math
from typing import NamedTuple

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from llmvis_course import viz
from llmvis_course.data.captions import write
from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs
from llmvis_course.data.scenes import SceneMaker, to_scenes
from llmvis_course.data.splits import in_training, say
from llmvis_course.data.tokens import encode, pieces
from llmvis_course.data.world import COLOURS, Scene, Thing
from llmvis_course.evaluate import Judge
from llmvis_course.evaluate.content import ContentExtractor
from llmvis_course.evaluate.retrieval import Retrieval, distinct_pairs
from llmvis_course.layers.fusion import FUSIONS, CrossAttention, FiLM, PixelAttention, weigh_only
from llmvis_course.layers.unet import Words
from llmvis_course.models.clip import TwoTowers, recall
from llmvis_course.models.clip import contrastive_loss as course_contrastive_loss
from llmvis_course.models.grad_cam import enlarge
from llmvis_course.pipeline import TextToImage
from llmvis_course.training.fit import fit, warm_cosine
from llmvis_course.training.muon import muon_and_adamw
from llmvis_course.training.repro import make_rng
from llmvis_course.weights.make_clip import pair_batches

# %% [markdown]
# ## A printed recipe, taken at its word
#
# The article that this course follows describes fusion so: encode the text as a vector; encode the
# image; compute the similarity between the two, which gives each pixel a weight; multiply the image
# by the weights. As an equation, with weights that are 1 on average:
#
# $$x_n \leftarrow N\,\mathrm{softmax}_n\!\left(\frac{x_n \cdot s}{\sqrt{c}}\right) x_n$$
#
# Try it where you can see everything: let a pixel's vector be its colour, and the text's vector the
# colour red (times 6, so that it speaks up).

# %%
maker = SceneMaker(make_glyphs(load_handwriting()))
test_maker = SceneMaker(make_glyphs(load_handwriting(train=False)))
layout = test_maker.sample(1, "two", rng=make_rng(1))
layout.colour[0, :2] = torch.tensor([list(COLOURS).index(name) for name in ("red", "green")])
picture = test_maker.render(layout)
x = ((picture.double() + 1) / 2).flatten(2).mT  # (1, pixels, 3)
s = 6 * torch.tensor([COLOURS["red"]]).double()
weights = (x @ s[..., None] / 3**0.5).softmax(dim=1) * x.shape[1]
printed = weights * x
assert_close(printed, weigh_only(x, s))
bright = x.norm(dim=-1) > 0.1
direction = F.cosine_similarity(printed, x, dim=-1)[bright]
assert (direction - 1).abs().max() < 1e-9

# %%
_, axes = plt.subplots(1, 3, figsize=(8.5, 2.9), layout="tight")
viz.show_picture(picture[0], ax=axes[0], title="the image")
axes[1].imshow(weights.view(32, 32), cmap="viridis")
axes[1].set_title("weight of each pixel", fontsize=9)
axes[1].set_axis_off()
dimmed = (printed / printed.max()).mT.unflatten(2, (32, 32))[0] * 2 - 1
viz.show_picture(dimmed, ax=axes[2], title="weights times image")
plt.show()

# %% [markdown]
# *What to see:* the weights find the red digit. Here that part works. (Next to a white digit it
# would not: a dot product rewards length too, and white is longer than red.) But then the green
# digit only gets
# darker. A weight is one number, so a pixel's vector becomes longer or shorter and keeps its
# *direction*. Green stays green, whatever the text says: your first prediction. This recipe can
# point. It cannot tell a pixel anything new.
#
# There are two ways out. Give each *channel* a number of its own, and let the words set it. Or let
# the words come into the pixel. The next three cells do one, both, and the other.
#
# ## FiLM: one message for all pixels
#
# Take the mean of the word vectors as a summary $s$ of the caption. A linear layer makes two
# numbers for each channel out of it, a scale and a shift (Perez et al. 2018):
#
# $$x_n \leftarrow (1 + \gamma(s))\,x_n + \beta(s)$$
#
# All its weights start at zero. Then $\gamma = \beta = 0$, and a network into which you put it does
# at first what it did before.


# %%
def my_film(x, e, say):
    gamma, beta = say(e.mean(dim=1))[:, None].chunk(2, dim=-1)
    return (1 + gamma) * x + beta


rng = make_rng(0)
x = torch.randn(2, 9, 16, generator=rng)
e = torch.randn(2, 5, 8, generator=rng)
words = Words(e, torch.ones(2, 5, dtype=torch.bool))
torch.manual_seed(0)
film = FiLM(16, text_width=8)
assert_close(film(x, words), x)  # starts as the identity
nn.init.normal_(film.say.weight)
assert_close(film(x, words), my_film(x, e, film.say))
print(my_film(x, e, film.say).shape)

# %% [markdown]
# ## Per-pixel attention: the recipe, made right
#
# Now mend the recipe instead of leaving it. Compare each pixel with each *word*, not with the whole
# text. Let the weights of one pixel sum to one over the words. What a pixel then hears is its own
# mixture of the caption, and *that* scales and shifts it:
#
# $$a_{nm} = \mathrm{softmax}_m\!\left(\frac{x_n \cdot e_m}{\sqrt{c}}\right), \qquad
# s_n = \sum_m a_{nm} e_m, \qquad x_n \leftarrow (1 + \gamma(s_n))\,x_n + \beta(s_n)$$
#
# For $x_n \cdot e_m$ both must be equally wide: here $e_m$ is the word's vector after a learned
# linear layer from $d$ to $c$ numbers (`per_pixel.word`).
#
# Similarity, a weight per pixel, a weighted image: all three steps of the recipe are there. In
# other words, every pixel has a FiLM of its own. (AttnGAN, Xu et al. 2018, brought this attention
# into a generator; it appends $s_n$ to the pixel instead.)


# %%
def my_pixel_attention(x, e, say):
    """Words `e` must be as wide as pixels; returns the pixels and the weights."""
    new, weights = [], []
    for pixels, words in zip(x, e, strict=True):
        for pixel in pixels:
            a = (words @ pixel / len(pixel) ** 0.5).softmax(dim=0)
            gamma, beta = say(a @ words).chunk(2)
            new.append((1 + gamma) * pixel + beta)
            weights.append(a)
    return torch.stack(new).view_as(x), torch.stack(weights).view(*x.shape[:2], -1)


per_pixel = PixelAttention(16, text_width=8)
nn.init.normal_(per_pixel.say.weight, std=0.3)
mine, a = my_pixel_attention(x, per_pixel.word(e), per_pixel.say)
order = torch.tensor([3, 0, 4, 2, 1])
shuffled, a_shuffled = my_pixel_attention(x, per_pixel.word(e)[:, order], per_pixel.say)
assert_close(a.sum(dim=-1), torch.ones(2, 9))
assert_close(a_shuffled, a[..., order])  # other order, same weights in that order
assert_close(shuffled, mine)
print(a.shape)

# %% [markdown]
# ## Cross-attention: what finds a word, and what it says, apart
#
# In the last recipe a word's one vector does two jobs: it is what pixels are compared with, and it
# is what they hear. Cross-attention splits them. A pixel makes a *query*, each word a *key* to be
# found by and a *value* to be heard; and several heads look for different things at once. It is
# notebook 03 with queries from the picture:
#
# $$x_n \leftarrow x_n + W_o \sum_m \mathrm{softmax}_m\!\left(\frac{q_n \cdot k_m}{\sqrt{h}}\right)
# v_m$$
#
# This is one head, and $h$ is its width (below, 4 heads of width 4). The outcomes of all heads are
# put side by side before $W_o$.


# %%
def my_cross_attention(x, e, part, heads=4):
    def split(t):  # (b, n, heads d) to (b, heads, n, d)
        return t.unflatten(2, (heads, -1)).transpose(1, 2)

    q = split(part.query(x))
    k, v = (split(half) for half in part.key_value(e).chunk(2, dim=-1))
    weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1)
    return x + part.output((weights @ v).transpose(1, 2).flatten(2)), (q, k, v)


cross = CrossAttention(16, text_width=8)
cross.norm = nn.Identity()  # the course's normalises pixels before they ask
mine_cross, (q, k, v) = my_cross_attention(x, e, cross.look)

# %% [markdown]
# **The agreement cell.** The three of them against the course's, cross-attention against torch's
# as well, values and gradients. After it, only the library's versions are used.

# %%
theirs = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
assert_close(mine_cross, x + cross.look.output(theirs))
per_pixel.norm = nn.Identity()
x.requires_grad_()
pairs = [
    (my_film(x, e, film.say), film(x, words)),
    (my_pixel_attention(x, per_pixel.word(e), per_pixel.say)[0], per_pixel(x, words)),
    (my_cross_attention(x, e, cross.look)[0], cross(x, words)),
]
for mine, course in pairs:
    assert_close(mine, course)
    grads = [torch.autograd.grad(y.square().sum(), x)[0] for y in (mine, course)]
    assert_close(*grads)
print(list(FUSIONS))

# %% [markdown]
# Two are new. "No text" leaves pixels as they are. "Global text" adds one vector, made from the
# mean of the words, to all pixels: FiLM's shift without its scale. All five have one interface,
# pixels and words in, pixels out. So any of them can stand in for
# any other, also inside the course's generator: `TextFlow(vocabulary, new_fuse=FiLM)`.
#
# ## Does a mean know which is which?
#
# Your second prediction. Take the words' vectors as they lie in the table of the tokenizer's
# tokens, before any network has read the sentence.

# %%
system, judge = TextToImage.pretrained(), Judge.pretrained()
swapped = ["a red seven and a blue three", "a blue seven and a red three"]
ids, mask = encode(system.tokenizer, swapped)
with torch.no_grad():
    bags = system.model.encoder.token(ids).mean(dim=1)
    vectors, _ = system.model.read(ids, mask)
assert_close(bags[0], bags[1])
same = F.cosine_similarity(*vectors.mean(dim=1), dim=0).item()
assert 0.5 < same < 0.999

# %% [markdown]
# The means are equal, to the last digit that adding allows. A mean has no order: it is a *bag* of
# words. After the course's text encoder has read both captions, each word knows its neighbours, and
# the means are no longer equal; their cosine is below 0.999.<!-- asserted: same --> So something is
# left of who is what. Is it enough to paint by?
#
# ## The task: colour it in
#
# Most of a generator's work has nothing to do with fusion. So take everything else away. The
# painter is given a scene of two digits *without colours*. It is given what the course's content
# reader (notebook 05) sees in each cell of 4 × 4 pixels: vectors that know which digit lies there.
# And it gets a caption, read by the course's text encoder. Both networks stay as they are. What is
# trained is the fusion, and a few layers that turn the result into one colour a cell.
#
# ```
# grey picture → content reader → 64 cells ─┐
#                                           ├→ fusion → a colour a cell → times the grey picture
# caption → text encoder → words ───────────┘
# ```


# %%
class Task(NamedTuple):
    real: torch.Tensor  # pictures in [-1, 1]
    light: torch.Tensor  # the same without colour, 0..1
    cells: torch.Tensor  # (b, 64, 64): what the content reader sees in each cell
    words: Words
    said: list[Scene]


def paintable(layout):
    """Two different digits in two different colours."""
    digit, colour = layout.digit, layout.colour
    return (digit[:, 0] != digit[:, 1]) & (colour[:, 0] != colour[:, 1])


eyes = ContentExtractor.pretrained().reader


# %%
@torch.no_grad()
def read_all(captions):
    ids, mask = encode(system.tokenizer, captions)
    split = zip(ids.split(250), mask.split(250), strict=True)
    return Words(torch.cat([system.model.read(*part).vectors for part in split]), mask)


@torch.no_grad()
def prepare(maker, n, allow, seed):
    rng = make_rng(seed)
    layout = maker.sample(n, "two", rng=rng, allow=lambda one: paintable(one) & allow(one))
    real = maker.render(layout)
    light = (1 + real.amax(dim=1, keepdim=True)) / 2
    cells = torch.cat([eyes.fuse(eyes.backbone(2 * part))[0] for part in light.split(250)])
    said = [say(scene, ("digit", "colour"), False) for scene in to_scenes(layout)]
    words = read_all([write(scene, rng=rng) for scene in said])
    return Task(real, light, cells.flatten(2).mT, words, said)


task = prepare(maker, 2000, in_training, 1)
test = prepare(test_maker, 200, lambda layout: ~in_training(layout), 2)
print(task.cells.shape, [write(scene, rng=make_rng(0)) for scene in test.said[:2]])

# %% [markdown]
# The test has handwriting that nobody trained on, and in each of its scenes a combination that
# nobody trained on: a digit in a colour, or a pair of digits.
#
# The painter: five versions that differ in `fuse` alone. Some fusions have more weights than
# others; the hidden layer after them makes up for it, so that all are equally large.

# %%
HIDDEN = dict(zip(FUSIONS, (624, 502, 380, 378, 256), strict=True))


class Painter(nn.Module):
    def __init__(self, name, width=64):
        super().__init__()
        self.see = nn.Sequential(nn.Linear(64, width), nn.LayerNorm(width))
        self.fuse = FUSIONS[name](width, text_width=128)
        hidden = HIDDEN[name]
        self.paint = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, 3)
        )

    def forward(self, light, cells, words, looks=None):
        x = self.fuse(self.see(cells), words, looks)
        colours = self.paint(x).sigmoid().mT.unflatten(2, (8, 8))
        return 2 * light * F.interpolate(colours, scale_factor=4) - 1


sizes = {name: sum(p.numel() for p in Painter(name).parameters()) for name in FUSIONS}
print(sizes)
assert max(sizes.values()) / min(sizes.values()) < 1.01

# %% [markdown]
# Each version is trained with three seeds, on the same batches, for the same number of steps. The
# loss is the squared error of the pixels. Then the judge looks: a picture is right when both digits
# have the colours that the caption says. Before you run it, write down five numbers.


# %%
def paint_loss(painter, rows):
    words = Words(task.words.vectors[rows], task.words.mask[rows])
    painted = painter(task.light[rows], task.cells[rows], words)
    return (painted - task.real[rows]).square().sum() / task.light[rows].square().sum()


def train(model, loss, batches, steps):
    optimizers = muon_and_adamw(model, muon=1e-2, adamw=5e-3)
    return [at.loss for at in fit(loss, batches, optimizers, steps=steps, schedule=warm_cosine)]


@torch.no_grad()
def share_right(painter, words, said):
    seen = judge.look(painter(test.light, test.cells, words))
    return sum(s.fits(one) for s, one in zip(seen, said, strict=True)) / len(said)


painters, found = {}, {name: [] for name in FUSIONS}
for seed in range(3):
    for name in FUSIONS:
        torch.manual_seed(seed)
        painter, rng = Painter(name), make_rng(seed)
        rows = (torch.randint(2000, (32,), generator=rng) for _ in range(200))
        train(painter, lambda r, p=painter: paint_loss(p, r), rows, 200)
        found[name].append(share_right(painter, test.words, test.said))
        painters[name] = painter

# %% tags=["nbval-ignore-output"]
_, ax = plt.subplots(figsize=(7, 2.6), layout="tight")
viz.seed_dots(found, ax=ax, x="share of 200 held-out captions painted right")
ax.set_xlim(-0.02, 1.02)
plt.show()
print({name: [round(share, 2) for share in shares] for name, shares in found.items()})

# %%
without, added, filmed, own, crossed = found.values()
blind, summarised = max(without), max(added + filmed)
looking = min(own + crossed)
tie = abs(sum(own) - sum(crossed)) / 3
real = sum(s.fits(t) for s, t in zip(judge.look(test.real), test.said, strict=True)) / 200
assert blind < 0.03 and summarised < 0.3 and looking > 0.7 and tie < 0.1 and real > 0.95

# %% [markdown]
# *What to see:* one dot a seed. Without text, nothing is right.<!-- asserted: blind --> With one
# vector for the whole caption, added or as FiLM, less than 30 %.<!-- asserted: summarised --> With
# a look at the words from each pixel, more than 70 % in every run.<!-- asserted: looking --> The
# judge itself passes over 95 % of the real pictures.<!-- asserted: real -->
#
# And here is what the page did *not* find: a winner between per-pixel attention and
# cross-attention. Their means differ by less than 10 points.<!-- asserted: tie --> On this task it
# matters *that* each pixel chooses its words, and not how.
#
# Look at what they paint.

# %% tags=["nbval-ignore-output"]
names, rows = ["FiLM", "per-pixel attention"], slice(0, 6)
some = Words(*(field[rows] for field in test.words))
with torch.no_grad():
    painted = [painters[name](test.light[rows], test.cells[rows], some) for name in names]
said = [write(scene, rng=make_rng(0)) for scene in test.said[rows]]
titles = said + [""] * 12
_, ax = plt.subplots(figsize=(9.5, 5.6), layout="tight")
viz.picture_grid(torch.cat([test.real[rows], *painted]), titles, ax=ax, columns=6)
plt.show()

# %% [markdown]
# *What to see:* above the real pictures with their captions, then FiLM's, then per-pixel
# attention's. FiLM knows which two colours are wanted, and not where. To be least wrong it gives
# both digits a mixture: mud. A squared error rewards the mean of what is possible, and a mean of
# red and blue is in no caption.
#
# ## Swap the captions
#
# A good picture could also be luck. The causal test: leave the picture, swap the two colours in the
# caption, and see whether the colours swap in the picture.


# %%
def swap_colours(scene):
    one, two = scene.things
    return Scene((Thing(one.digit, two.colour), Thing(two.digit, one.colour)))


swapped_said = [swap_colours(scene) for scene in test.said]
swapped_words = read_all([write(scene, rng=make_rng(0)) for scene in swapped_said])
obeys = share_right(painters["per-pixel attention"], swapped_words, swapped_said)
old = share_right(painters["per-pixel attention"], swapped_words, test.said)
assert obeys > 0.7 and old < 0.05

# %% tags=["nbval-ignore-output"]
looks = []
painter = painters["per-pixel attention"]
with torch.no_grad():
    both = [
        painter(test.light[4:5], test.cells[4:5], Words(*(f[4:5] for f in w)), looks)
        for w in (test.words, swapped_words)
    ]
captions = [write(scene, rng=make_rng(0)) for scene in (test.said[4], swapped_said[4])]
tokens = pieces(system.tokenizer, captions[1])
maps = enlarge(looks[1][0, 0].T[: len(tokens)].unflatten(1, (8, 8)), 32)
_, axes = plt.subplots(2, 1, figsize=(8.5, 4.6), layout="tight", height_ratios=[1, 1.1])
viz.picture_grid(torch.cat(both), captions, ax=axes[0], columns=4)
viz.word_maps(both[1][0], tokens, maps, ax=axes[1], columns=len(tokens))
plt.show()

# %% [markdown]
# *What to see:* above, one scene and its caption, then the same scene with the colours swapped in
# the caption. Over 70 % of the swapped captions are painted right, and fewer than 5 % of the
# pictures still show the old colours.<!-- asserted: obeys --> <!-- asserted: old --> Below, for
# each word of the second caption, which cells looked at it (bright yellow; the number is its share
# of all looks). Cells of one digit look at words that belong to that digit. Which of them, the name
# or the colour, hardly matters: the encoder has told each about the other.

# %% [markdown]
# ## Two towers: do they belong together?
#
# Now the other direction. A **picture tower** turns a picture into a point $u$ on the unit sphere,
# a **text tower** a caption into a point $w$. They shall be near where they belong together. Nobody
# says what "near" should mean. All there is are pairs (Radford et al. 2021, *CLIP*).
#
# The picture tower is a *Vision Transformer*, ViT: it cuts the picture into 64 patches of 4 × 4
# pixels, and reads them as a Transformer reads words. The article lists ViT as a pre-trained model
# of vision *and language*. It is not: a ViT is a classifier of pictures built of Transformer
# blocks, and has never seen a word (Dosovitskiy et al. 2021). It is the loss that brings language
# in.
#
# Take $n$ pairs. Each picture asks: which of the $n$ captions is mine? Each caption asks: which
# picture? Both are classifications with $n$ answers, and the scores are the cosines, divided by a
# temperature $\tau$:
#
# $$L = -\frac{1}{2n}\sum_i \left(\log\frac{e^{u_i \cdot w_i/\tau}}{\sum_j e^{u_i \cdot w_j/\tau}}
# + \log\frac{e^{u_i \cdot w_i/\tau}}{\sum_j e^{u_j \cdot w_i/\tau}}\right)$$


# %%
def my_contrastive_loss(u, w, scale):
    total = 0.0
    for i in range(len(u)):
        row = [(scale * u[i] @ w[j]).exp() for j in range(len(u))]
        column = [(scale * u[j] @ w[i]).exp() for j in range(len(u))]
        total -= (row[i] / sum(row)).log() + (column[i] / sum(column)).log()
    return total / (2 * len(u))


u, w = torch.eye(2), torch.tensor([[1.0, 0.0], [0.6, 0.8]])
by_hand = sum(math.log(1 + math.exp(d)) for d in (1.2 - 2, 0 - 1.6, 0 - 2, 1.2 - 1.6)) / 4
assert_close(my_contrastive_loss(u, w, 2.0), torch.tensor(by_hand))
rng = make_rng(3)
u, w = (F.normalize(torch.randn(64, 8, generator=rng), dim=1) for _ in range(2))
table, own_row = 5 * u @ w.T, torch.arange(64)
theirs = (F.cross_entropy(table, own_row) + F.cross_entropy(table.T, own_row)) / 2
assert_close(my_contrastive_loss(u, w, 5.0), theirs)
assert_close(course_contrastive_loss(u, w, 5.0), theirs)
guess = course_contrastive_loss(u, 0 * w, 5.0).item()
print(f"guessing among 64: {guess:.2f} nats")
assert abs(guess - math.log(64)) < 1e-5

# %% [markdown]
# Your third prediction: $\log 64 \approx 4.16$.<!-- asserted: guess --> Where a loss starts tells
# you whether it asks among as many as you think. Whether the pairs are in order, the start cannot
# tell: wrong pairs start there too, and then stay.
#
# Train small towers for a moment. The scale $1/\tau$ is a weight like others, and learns too.


# %%
def train_towers(new_scale=None, steps=100):
    torch.manual_seed(0)
    towers = TwoTowers(512, width=48, depth=(2, 1), space=32)
    if new_scale is not None:
        towers.log_scale = nn.Parameter(torch.tensor(math.log(new_scale)), requires_grad=False)
    scales = []

    def loss(pairs):
        scales.append(towers.scale.item())
        return towers.loss(pairs.pictures, *encode(system.tokenizer, pairs.captions))

    losses = train(towers, loss, pair_batches(maker, 64, rng=make_rng(0)), steps)
    return losses, scales


losses, scales = train_towers()
start, end = losses[0], sum(losses[-10:]) / 10
cooled = scales[-1] / scales[0]

# %%
smooth = [sum(losses[i : i + 5]) / 5 for i in range(0, 100, 5)]
_, axes = plt.subplots(1, 2, figsize=(8.5, 2.8), layout="tight")
at = range(5, 101, 5)
guessing = [math.log(64)] * 20
lines = {"loss": smooth, "guessing": guessing}
viz.curves(at, lines, ax=axes[0], x="step", y="loss, nats")
viz.curves(at, {"τ": [1 / s for s in scales[4::5]]}, ax=axes[1], x="step", y="temperature τ")
plt.show()
assert start > 3.9 and end < 3.5

# %% [markdown]
# *What to see:* the loss starts near that of a guess,<!-- asserted: start --> and within 100 steps
# falls below 3.5.<!-- asserted: end -->
#
# ## Retrieval: a needle among a thousand
#
# The course ships larger towers, trained for some minutes (`make weights`). From pairs alone,
# telling a three from a five is learned last, and takes long. So the shipped picture tower need not
# learn to see: beside each patch it is told what the content reader of notebook 05 sees there,
# locked (as in Zhai et al. 2022). And every other batch is full of *near misses*, with two colours
# and one lean, so that digits and places must tell the pairs apart.
#
# The exam: 1,000 pictures of handwriting that nobody trained on, 1,000 captions that say everything
# about them, no two with the same meaning. For each picture, is its own caption the nearest of all?
# That is **recall@1**; recall@5 asks whether it is among the nearest five. Guessing gets 0.1 %.

# %%
retrieval = Retrieval.pretrained()
exam = distinct_pairs(test_maker, 1000, rng=make_rng(5))
u, w = retrieval.see(exam.pictures), retrieval.read(exam.captions)
table = u @ w.T
assert len(set(exam.said)) == 1000

# %% tags=["nbval-ignore-output"]
ways = {"picture → caption": table, "caption → picture": table.T}
print(f"{'':20}" + "".join(f"recall@{k:<4}" for k in (1, 5, 10)))
for name, scores in ways.items():
    print(f"{name:20}" + "".join(f"{100 * recall(scores, k):6.1f} %   " for k in (1, 5, 10)))

# %%
there, back = (recall(scores) for scores in ways.values())
five = min(recall(scores, 5) for scores in ways.values())
assert there > 0.8 and back > 0.8 and five > 0.95

# %% tags=["nbval-ignore-output"]
asked = [3, 250, 700, 900]
best = table.T[asked].topk(5).indices
titles = [f"{table[k, row]:.2f}" for row, ks in zip(asked, best, strict=True) for k in ks]
marks = [k == row for row, ks in zip(asked, best.tolist(), strict=True) for k in ks]
_, ax = plt.subplots(figsize=(6.5, 6), layout="tight")
viz.picture_grid(exam.pictures[best.flatten()], titles, ax=ax, columns=5, right=marks)
plt.show()
for row in asked:
    print(exam.captions[row])

# %% [markdown]
# *What to see:* recall@1 is over 80 % in both directions,<!-- asserted: there -->
# <!-- asserted: back --> recall@5 over 95 %.<!-- asserted: five --> Below, a row for each of four
# captions and the five pictures nearest to it, with their cosines; ✓ marks its own. For one digit
# the first runners-up are near misses, an attribute or two off. For two digits there are so many
# combinations that a thousand pictures hold few near misses, and the cosine drops sooner. Nobody
# told the text tower what words mean. Pairs did.
#
# ## The alignment score as a judge
#
# The cosine of a picture and a caption is a number for how well they fit. People use it to choose
# the best of several drawings, or to compare generators. When may you believe it? Take real scenes
# of two things. Give the score a true caption and a false one, and count how often the true one
# scores higher. Four ways of being false: another scene's caption; one colour replaced; one digit
# replaced; the two colours swapped.

# %%
pairs = distinct_pairs(test_maker, 300, rng=make_rng(8), two=1.0)
rows = [i for i, scene in enumerate(pairs.said) if scene.things[0].colour != scene.things[1].colour]
points, true = retrieval.see(pairs.pictures[rows]), [pairs.said[i] for i in rows]
NAMES = list(COLOURS)


def told(things, scene):
    """The scene with other digits and colours."""
    sized = zip(things, scene.things, strict=True)
    return Scene(tuple(Thing(*one, thing.size) for one, thing in sized), scene.relation)


def falsify(scene, k):
    """Four false captions of a scene; `k` chooses what is put in."""
    (a, red), (b, blue) = ((thing.digit, thing.colour) for thing in scene.things)
    colour = [name for name in NAMES if name not in (red, blue)][k % 6]
    digit = [d for d in range(10) if d not in (a, b)][k % 8]
    yield "another scene", true[k - 1]
    yield "one colour replaced", told([(a, colour), (b, blue)], scene)
    yield "one digit replaced", told([(digit, red), (b, blue)], scene)
    yield "colours swapped", told([(a, blue), (b, red)], scene)


# %%
def align(scenes):
    captions = [write(scene, rng=make_rng(9)) for scene in scenes]
    return (points * retrieval.read(captions)).sum(dim=1)


false = [dict(falsify(scene, k)) for k, scene in enumerate(true)]
right = align(true)
won = {
    kind: (right > align([one[kind] for one in false])).float().mean().item() for kind in false[0]
}
short = align([say(scene, ("digit", "colour"), False) for scene in true])
longer = align([one["one colour replaced"] for one in false])
lost = (short < longer).float().mean().item()

# %% tags=["nbval-ignore-output"]
bars = won | {"true but short, against\none colour replaced": 1 - lost}
_, ax = plt.subplots(figsize=(7, 2.4), layout="tight")
drawn = ax.barh(list(bars), [100 * share for share in bars.values()], color=viz.BLUE)
ax.bar_label(drawn, fmt="%.0f", padding=3)
ax.axvline(50, color=viz.GREY, linestyle=":")
ax.invert_yaxis()
ax.set_xlim(0, 110)
ax.set_xlabel("the true caption scored higher, %; a coin gets 50")
plt.show()

# %%
easy, swapped = won["another scene"], won["colours swapped"]
assert easy > 0.95 and swapped < 0.85 and lost > 0.3

# %% [markdown]
# *What to see:* another scene's caption loses in more than 95 % of cases.<!-- asserted: easy -->
# So the score can find a needle. The other bars ask a harder thing of it: to
# notice one wrong word, or two words in each other's place. A bar near 50 means that it does not
# look. One wrong word it notices. With the two colours swapped, where every word is right, the true
# caption wins in fewer than 85 %:<!-- asserted: swapped --> which colour belongs to which digit is
# what it hears least. And the last bar: the towers only ever read captions that say everything. In
# more than three of ten cases a caption that is *true* and short scores lower than one that is
# complete and *false*.<!-- asserted: lost --> The score measures how near a caption is to those
# that came with such pictures, and not whether it is true. Before you let it judge, test it as
# here, on what you want judged. This course's judge looks at pixels for that reason.
#
# ## Break one thing: forget the temperature
#
# Cosines lie between -1 and 1. Leave out the division by $\tau$, that is, set $\tau = 1$. Nothing
# crashes, the code looks cleaner, and the loss falls. What is the lowest that it can get? Suppose
# the towers could do what no points can: 1 for the own caption, -1 for all 63 others. (Captions 2
# and 3 would both lie opposite picture 1, so in one place, and picture 2 could not tell them
# apart.) Even then
#
# $$L = \log\left(1 + 63\,e^{-2}\right).$$

# %%
floor, on_a_sphere = (math.log(1 + 63 * math.exp(-gap)) for gap in (2, 64 / 63))
broken, _ = train_towers(new_scale=1.0)
_, ax = plt.subplots(figsize=(5.5, 2.8), layout="tight")
slow = [sum(broken[i : i + 5]) / 5 for i in range(0, 100, 5)]
lines = {"learned temperature": smooth, "temperature 1": slow, "floor of the second": [floor] * 20}
viz.curves(at, lines, ax=ax, x="step", y="loss, nats")
plt.show()
print(f"{floor:.2f}")
stuck = sum(broken[-10:]) / 10
assert 2.2 < floor < 2.3 and 3.1 < on_a_sphere < 3.2 and stuck > end + 0.2

# %% [markdown]
# *What to see:* with $\tau = 1$ no towers of any size could get below 2.25
# nats.<!-- asserted: floor --> Points on a sphere cannot even get there: at best, each of the 63
# has a cosine of $-1/63$, which leaves $\log(1 + 63\,e^{-64/63}) = 3.17$
# nats.<!-- asserted: on_a_sphere --> After 100 steps ours are at least 0.2 nats behind those with a
# temperature of their own.<!-- asserted: stuck --> The softmax of numbers between -1 and 1 is
# nearly flat: a wrong caption that is almost as near as the right one is punished almost as much
# as one that is far away. Dividing by a small $\tau$ makes the near misses count. That is where
# a tower still has something to learn.
#
# The lesson beyond this loss: work out the lowest value that your loss can take. A curve that
# falls and flattens may have arrived, or may have hit a wall that you built.
#
# ## Check yourself
#
# <details><summary>1. Why does FiLM start as the identity, and why is that useful?</summary>
#
# Its last layer starts at zero, so the scale is $1 + 0$ and the shift 0. Put into a network that is
# already trained, it changes nothing until the text has proved useful.
#
# </details>
#
# <details><summary>2. You shuffle the words' vectors before per-pixel attention. What changes in
# the picture?</summary>
#
# Nothing: the weights are shuffled alike, and the sum is the same. If you shuffle the words before
# the *text encoder* reads them, everything can change.
#
# </details>
#
# <details><summary>3. FiLM gets a summary that does differ between the two captions. Why does it
# still paint mud?</summary>
#
# From the summary it would have to work out, for each of ten digits, which of eight colours it has,
# and to hand that to the pixels as a few scales and shifts. That is a table of pairs pressed into
# one vector. A pixel that looks at words needs no table: it looks up one entry, its own.
#
# </details>
#
# <details><summary>4. Your contrastive loss stays at log n for hundreds of steps. Name two
# bugs.</summary>
#
# Captions and pictures are not in the same order (one of them was sorted or shuffled); or all
# captions of a batch come out as the same point (the vector of [START] was taken before attention
# brought it anything of the other words, or the vectors are multiplied by zero).
#
# </details>
#
# ## Exercises
#
# * **Difficulty 1, 5 minutes.** Turn the two things of each caption around ("a blue three and a red
#   seven"). What should per-pixel attention paint? Test it.
# * **Difficulty 2, 10 minutes.** In `my_pixel_attention` the softmax runs over words. Let it run
#   over pixels. What do the weights of one word then say? What goes wrong in a picture without the
#   thing that the word names?
# * **Difficulty 2, 15 minutes.** Give FiLM three times as many steps, or the vector of the token
#   [START] instead of the mean. How far does it get?
# * **Difficulty 3, 25 minutes.** Teach the towers to bind: give each batch hard negatives. Draw it
#   with `distinct_pairs(maker, 64, rng=rng, two=1.0)`, whose `said` holds the scenes, and leave out
#   scenes of one colour. Add the captions with swapped colours, as columns that are never right.
#   (The course's `contrastive_loss` takes square tables only: write the two cross-entropies
#   yourself.) Start from the shipped weights (`retrieval.towers`; its own `see` and `read` let
#   gradients through, those of `retrieval` do not) and train for 50 steps. Does the alignment score
#   notice swaps now? What does retrieval pay for it?
#
# ## What to read
#
# * Perez et al. 2018, *FiLM: Visual Reasoning with a General Conditioning Layer*, arXiv:1709.07871.
# * Xu et al. 2018, *AttnGAN: Fine-Grained Text to Image Generation with Attentional Generative
#   Adversarial Networks*, arXiv:1711.10485: attention from pixels to words.
# * Dosovitskiy et al. 2021, *An Image is Worth 16x16 Words*, arXiv:2010.11929: the ViT.
# * Radford et al. 2021, *Learning Transferable Visual Models From Natural Language Supervision*,
#   arXiv:2103.00020: CLIP.
# * Zhai et al. 2022, *LiT: Zero-Shot Transfer with Locked-image text Tuning*, arXiv:2111.07991:
#   towers that start from eyes which can see.
# * Rombach et al. 2022, *High-Resolution Image Synthesis with Latent Diffusion Models*,
#   arXiv:2112.10752: cross-attention in a generator.
# * Thrush et al. 2022, *Winoground*, arXiv:2204.03162, and Yuksekgonul et al. 2023, *When and Why
#   Vision-Language Models Behave like Bags-of-Words*, arXiv:2210.01936: large towers, and swapped
#   words.
#
# **Next:** `10_adaptive_adjustment`, where several losses must be weighed against each other.
