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
# # 02 · Recurrent networks: how can a network read?
#
# **The question.** A picture always has the same number of pixels. A sentence has as many words as
# it likes. How can a network with a fixed number of weights read three words or thirty, and still
# know at the end what the first one was?
#
# A **recurrent network** reads one word at a time and keeps a **state**: a few numbers that must
# hold whatever will matter later. This page builds two of them, shows why the simpler one forgets,
# and lets the other write captions.
#
# **After this page you can**
#
# * write an RNN and a GRU cell, and send gradients back through time by hand;
# * measure how far back a gradient reaches, and make it reach further;
# * read a language model's loss word by word: what it knows, and what nobody can know;
# * recognise an exploding gradient, and stop it.
#
# **Minutes:** 45 to read, 2 to compute. **You need:** notebook 00, matrix products, a first
# PyTorch training loop (loss, gradient, optimizer), and the chain rule: the derivative of $f(g(x))$
# is $f'(g(x))\,g'(x)$.

# %% [markdown]
# ## Symbols
#
# | symbol | meaning | shape or range |
# |---|---|---|
# | `b` | batch | |
# | `n` | positions | |
# | `d` | width of a vector, here of the state | |
# | `h` | state of a recurrent network | `(b, d)` |
# | `ids, mask` | tokens of captions, and which are real | `(b, n)` |
# | `x` | here what is read: one vector of width `i` a position | `(b, n, i)` |
# | `W`, `U` | the cell's weights, of the word and of the state | `(d, i)`, `(d, d)` |
# | `b`, `c` | its biases (as an axis, `b` stays the batch) | `(d)` |
#
# $t$ counts positions on this page, $\odot$ multiplies number by number, and
# $\sigma(a) = 1 / (1 + e^{-a})$ lies between 0 and 1.

# %% [markdown]
# ## Predict first
#
# 1. A cell reads captions of 12 tokens. How many more weights does it need to read 24?
# 2. Wiggle the first word of a long text. How much of that wiggle is left in the state of a fresh
#    RNN 40 words later: a tenth, a thousandth, or less than a millionth?
# 3. A perfect model of our captions guesses the next word, again and again. Which words of
#    "a small red seven left of a large blue three" will it still often get wrong?

# %%
import statistics

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from llmvis_course import viz
from llmvis_course.data.captions import parse
from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs
from llmvis_course.data.scenes import SceneMaker
from llmvis_course.data.splits import training_batches
from llmvis_course.data.tokens import END, START, decode, encode, load_tokenizer, pieces
from llmvis_course.data.world import DIGITS
from llmvis_course.layers.recurrent import GRUCell, RNNCell, unroll
from llmvis_course.models.rnn_lm import RNNLM
from llmvis_course.training.fit import fit
from llmvis_course.training.repro import make_rng
from llmvis_course.weights import TOKENIZER

# %% [markdown]
# ## One cell, used again and again
#
# The new state is made of the old state and the new word, by one linear map each and a $\tanh$,
# which keeps every number between -1 and 1:
#
# $$h_t = \tanh(W x_t + U h_{t-1} + b)$$
#
# That is all. The same three things, $W$, $U$ and $b$, are used at every position.


# %%
def rnn_cell(x, h, W, U, b):
    """x (b, i) and h (b, d) give the next h."""
    return torch.tanh(x @ W.T + h @ U.T + b)


def read(x, W, U, b):
    """x (b, n, i): the states after every position, (b, n, d)."""
    h, states = x.new_zeros(len(x), len(U)), []
    for x_t in x.unbind(dim=1):
        h = rnn_cell(x_t, h, W, U, b)
        states.append(h)
    return torch.stack(states, dim=1)


rng = make_rng(0)
d, i = 5, 3
W, U, b = (torch.randn(size, generator=rng, dtype=torch.float64) for size in ((d, i), (d, d), (d,)))
x = torch.randn(2, 7, i, generator=rng, dtype=torch.float64, requires_grad=True)
states = read(x, W, U, b)
print(states.shape)

# %% [markdown]
# Your first prediction: none. Nothing in $W$, $U$ and $b$ knows how long the text is.
#
# Articles often write $W_h \cdot [h_{t-1}, x_t] + b$ instead, with state and word joined into one
# vector and one wide matrix. It is the same sum.

# %%
assert read(torch.cat([x, x], dim=1), W, U, b).shape == (2, 14, d)  # no new weights for 14
joined, wide = torch.cat([states[:, 2], x[:, 3]], dim=1), torch.cat([U, W], dim=1)
assert_close(torch.tanh(joined @ wide.T + b), states[:, 3])

# %% [markdown]
# ## Back-propagation through time
#
# Unrolled, a recurrent network is a deep network with one layer a word, all sharing their weights.
# A gradient at the last state walks back through every $\tanh$, whose slope is $1 - h_t^2$, and
# through $U$. For a loss $L$ that looks at the last state only:
#
# $$\delta_t = \frac{\partial L}{\partial h_t} \odot (1 - h_t^2), \qquad
# \frac{\partial L}{\partial h_{t-1}} = U^\top \delta_t, \qquad
# \frac{\partial L}{\partial U} = \sum_t \delta_t\, h_{t-1}^\top$$
#
# (A loss that looks at every state adds its own gradient at each $t$.) In code a state is a row and
# the batch is summed: $U^\top\delta$ is `delta @ U`, and $\delta h^\top$ is `delta.T @ before`.
# `states[:, 0]` is $h_1$, and $h_0 = 0$.


# %%
def back_through_time(states, grad_last, U):
    """The gradient of U, for a loss that looks at the last state only."""
    grad_h, grad_U = grad_last, torch.zeros_like(U)
    for t in reversed(range(states.shape[1])):
        before = states[:, t - 1] if t > 0 else torch.zeros_like(states[:, 0])
        delta = grad_h * (1 - states[:, t] ** 2)
        grad_U = grad_U + delta.T @ before
        grad_h = delta @ U
    return grad_U


def last_loss(U):
    return read(x, W, U, b)[:, -1].square().sum()


mine = back_through_time(states, 2 * states[:, -1], U)
(theirs,) = torch.autograd.grad(last_loss(U.requires_grad_()), U)
assert_close(mine, theirs)

# %% [markdown]
# Autograd agrees. But autograd might share our mistake. Nothing is more honest than trying: move
# one number of $U$ up and down a little, and see what the loss does.

# %%
with torch.no_grad():
    step = torch.zeros_like(U)
    step[1, 2] = 1e-6
    tried = (last_loss(U + step) - last_loss(U - step)) / 2e-6
assert_close(mine[1, 2], tried, rtol=1e-5, atol=1e-6)
U = U.detach()

# %% [markdown]
# ## A cell with gates
#
# The RNN overwrites its whole state at every word. The **gated recurrent unit** (GRU) decides,
# number by number, whether to. A *gate* is a sigmoid, between 0 and 1. The update gate $z$ says how
# much of the old state stays, and the reset gate $r$ how much of $U h_{t-1} + c$ enters the
# proposal:
#
# $$r = \sigma(W_r x_t + U_r h_{t-1} + b_r) \qquad z = \sigma(W_z x_t + U_z h_{t-1} + b_z)$$
# $$\tilde h = \tanh(W x_t + b + r \odot (U h_{t-1} + c)) \qquad
# h_t = (1 - z) \odot \tilde h + z \odot h_{t-1}$$
#
# With $z = 1$ a number is carried on untouched, and so is the gradient that comes back for it.


# %%
def gru_cell(x, h, W, U, b, c):
    """W (3d, i), U (3d, d), b and c (3d): three maps each, for r, z and the proposal."""
    x_r, x_z, x_new = (x @ W.T + b).chunk(3, dim=1)
    h_r, h_z, h_new = (h @ U.T + c).chunk(3, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    return (1 - z) * torch.tanh(x_new + r * h_new) + z * h


# %% [markdown]
# **The agreement cell.** Your RNN and your GRU against torch's `nn.RNN` and `nn.GRU` and the
# course's cells, with the same weights: all states, and the gradient of the words. After this cell
# only the course's are used: `unroll(cell, x)` reads a sequence with any cell. (torch keeps two
# biases, `b` and `c`. In an RNN they only add up; in a GRU the second stands inside the reset
# gate.)


# %%
def states_of(cell, x, *weights):
    h, states = x.new_zeros(len(x), d), []
    for x_t in x.unbind(dim=1):
        h = cell(x_t, h, *weights)
        states.append(h)
    return torch.stack(states, dim=1)


for hand, course, library in ((rnn_cell, RNNCell, nn.RNN), (gru_cell, GRUCell, nn.GRU)):
    theirs = library(i, d, batch_first=True, dtype=torch.float64)
    W, U, b, c = (p.detach() for p in theirs.parameters())
    own = course(i, d).double()
    own.load_state_dict({"input.weight": W, "state.weight": U, "input.bias": b, "state.bias": c})
    weights = (W, U, b + c) if hand is rnn_cell else (W, U, b, c)
    found = [states_of(hand, x, *weights), unroll(own, x).states, theirs(x)[0]]
    slopes = [torch.autograd.grad(states.square().sum(), x)[0] for states in found]
    for other in (1, 2):
        assert_close(found[0], found[other])
        assert_close(slopes[0], slopes[other])

# %% [markdown]
# ## How far back does a gradient reach?
#
# Now your second prediction. We read 60 random vectors, take one number of the last state, and ask
# how much each earlier vector could have changed it: the length of its gradient. Four readers, all
# fresh: an RNN; the same with its matrix $U$ three times as large; a GRU; and a GRU whose
# update gate starts nearly open: $z$ near 1, so that the old state passes through. For that we add
# 3 to its bias, since $\sigma(3) \approx 0.95$.


# %%
def with_open_gate(cell, by=3.0):
    with torch.no_grad():
        cell.input.bias[cell.width : 2 * cell.width] += by  # r, z, proposal: z is the second
    return cell


def with_larger_state_matrix(cell, times=3.0):
    with torch.no_grad():
        cell.state.weight *= times
    return cell


def reach(cell, n=60, b=64):
    """The mean length of the gradient of a last state by the vector k steps before, k = 0..n-1."""
    x = 0.3 * torch.randn(b, n, 16, generator=make_rng(1))
    x.requires_grad_()
    last = unroll(cell, x).states[:, -1, 0].sum()
    return torch.autograd.grad(last, x)[0].norm(dim=2).mean(dim=0).flip(0)


torch.manual_seed(0)
readers = {
    "RNN": RNNCell(16, 32),
    "RNN, U × 3": with_larger_state_matrix(RNNCell(16, 32)),
    "GRU": GRUCell(16, 32),
    "GRU, gate open": with_open_gate(GRUCell(16, 32)),
}
far = {name: reach(cell) for name, cell in readers.items()}

# %%
_, ax = plt.subplots(figsize=(6.5, 3.2))
shown = list(range(0, 60, 4))
lines = {name: (found / found[0])[shown].tolist() for name, found in far.items()}
viz.curves(shown, lines, ax=ax, x="words before the end", y="gradient, share of the last word's")
ax.set_yscale("log")
plt.show()
left = {name: (found[40] / found[0]).item() for name, found in far.items()}
assert left["RNN"] < 1e-6 and left["GRU"] < 1e-6
open_gate = left["GRU, gate open"]
assert open_gate > 0.05
grows = left["RNN, U × 3"]
assert grows > 1

# %% [markdown]
# *What to see:* each line is a share of its own start. On a logarithmic axis it is nearly straight,
# so the gradient is multiplied by about the same number at every word. For the fresh RNN that
# number is well below one: 40 words back, less than a millionth is left.<!-- asserted: left -->
# Training cannot learn from what it cannot feel. With a larger $U$ the number exceeds one, and the
# gradient grows instead.<!-- asserted: grows --> Nothing in the formula holds it near one.
#
# The GRU's gate is there, but in a fresh GRU it stands about half open, $\sigma(0) = 0.5$, and less
# than a millionth is left as well.<!-- asserted: left --> With the gate open from the start, more
# than a twentieth is left after 40 words.<!-- asserted: open_gate -->
#
# ## Train: remember the first word
#
# Does it matter? A task that asks for nothing but memory. Read one of ten symbols, then `gap` words
# of noise, then say which symbol it was. Guessing gets a tenth right.
#
# (An **embedding** is a table with one learned vector for each token. **Cross-entropy** is minus
# the logarithm of the probability that was given to the right answer. `fit` takes one gradient step
# a batch, and yields what it knows after each.)


# %%
def recall_task(b, gap, rng):
    """Tokens (b, gap + 1): a symbol 0..9, then noise 10..19; and the symbol."""
    symbol = torch.randint(10, (b,), generator=rng)
    noise = torch.randint(10, 20, (b, gap), generator=rng)
    return torch.cat([symbol[:, None], noise], dim=1), symbol


class Recaller(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.token, self.cell, self.say = nn.Embedding(20, 16), cell, nn.Linear(32, 10)

    def forward(self, ids):
        return self.say(unroll(self.cell, self.token(ids)).states[:, -1])


def learn_to_recall(make_cell, gap, seed, steps=250):
    torch.manual_seed(seed)
    model, rng = Recaller(make_cell()), make_rng(seed)
    tasks = (recall_task(64, gap, rng) for _ in range(steps))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in fit(lambda t: F.cross_entropy(model(t[0]), t[1]), tasks, optimizer, steps=steps):
        pass
    ids, symbol = recall_task(500, gap, make_rng(100 + seed))
    return (model(ids).argmax(dim=1) == symbol).float().mean().item()


# %% tags=["nbval-ignore-output"]
cells = {
    "RNN": lambda: RNNCell(16, 32),
    "GRU": lambda: GRUCell(16, 32),
    "GRU, gate open": lambda: with_open_gate(GRUCell(16, 32)),
}
right = {
    (name, gap): [learn_to_recall(make, gap, seed) for seed in range(3)]
    for gap in (3, 30)
    for name, make in cells.items()
}
for (name, gap), shares in right.items():
    print(f"gap {gap:2}  {name:15}", "  ".join(f"{share:.2f}" for share in shares))

# %%
near, distant = ({name: right[name, gap] for name in cells} for gap in (3, 30))
assert all(min(shares) > 0.95 for shares in near.values())
assert max(distant["RNN"] + distant["GRU"]) < 0.3
remembers = min(distant["GRU, gate open"])
assert remembers > 0.8

# %% [markdown]
# *What to see:* three seeds each. Over a gap of 3 all of them remember.<!-- asserted: near --> Over
# a gap of 30 the RNN and the fresh GRU do little better than guess: less than 0.3
# right.<!-- asserted: distant --> The GRU with the open gate gets more than 0.8 right with every
# seed.<!-- asserted: remembers --> The two GRUs have the same number of weights, and differ in one
# starting bias. What counts is whether the gradient of the loss reaches the first word, and that
# you saw in the plot, before a single step of training.
#
# ## A language model that writes captions
#
# A **language model** says, after every word, how likely each next word is. Training needs no
# labels: the text is its own answer. The loss is in **nats** per token: minus the natural logarithm
# of the probability that the model gave to the word that came. `RNNLM` is what you have built, with
# an embedding in front and a score for every word behind.

# %% tags=["nbval-ignore-output"]
tokenizer = load_tokenizer(TOKENIZER)
maker = SceneMaker(make_glyphs(load_handwriting()))
captions = training_batches(maker, 64, rng=make_rng(2))
batches = [encode(tokenizer, next(captions).captions) for _ in range(100)]
torch.manual_seed(0)
writer = RNNLM(tokenizer.get_vocab_size(), width=96)
optimizer = torch.optim.Adam(writer.parameters(), lr=3e-3)
training = fit(lambda batch: writer.loss(*batch), batches * 4, optimizer, steps=400)
losses = [at.loss for at in training]
fresh = encode(tokenizer, [c for _ in range(8) for c in next(captions).captions])
with torch.no_grad():
    loss = writer.loss(*fresh).item()
print(f"start {losses[0]:.2f}, after 400 steps {loss:.2f} nats per token on fresh captions")

# %%
start = losses[0]
assert 5.5 < start < 6.5 and loss < 1.6  # equal shares would cost log 389, about 6.0

# %% [markdown]
# One number hides where the loss comes from. Here is one caption, word by word.

# %%
caption = "a small red seven left of a large blue three"
ids = encode(tokenizer, [caption]).ids
with torch.no_grad():
    each = F.cross_entropy(writer(ids[:, :-1]).logits[0], ids[0, 1:], reduction="none")
words = pieces(tokenizer, caption)[1:]
_, ax = plt.subplots(figsize=(7.5, 2.8))
viz.word_bars(each.tolist(), words, ax=ax, y="loss, nats")
ax.axhline(torch.tensor(10.0).log(), color=viz.VERMILION, linestyle="--")
ax.text(len(words) - 0.5, 2.36, "log 10", color=viz.VERMILION, ha="right")
plt.show()


# %%
def mean_loss_at(chosen):
    """Over fresh captions, the mean loss where the word that came is one of `chosen`."""
    wanted = torch.tensor([tokenizer.encode(word).ids[0] for word in chosen])
    with torch.no_grad():
        logits = writer(fresh.ids[:, :-1]).logits
    came = fresh.ids[:, 1:]
    loss = F.cross_entropy(logits.flatten(0, 1), came.flatten(), reduction="none")
    return loss[torch.isin(came.flatten(), wanted)].mean().item()


never_counts = [word for word in DIGITS if word not in ("two", "three", "four")]
at_digits, at_of = mean_loss_at(never_counts), mean_loss_at(["of"])
assert 1.8 < at_digits < 2.6
assert at_of < 0.2

# %% [markdown]
# *What to see:* your third prediction: every word that the scene decides, small, red, seven, left,
# large, blue and three. Only "a" and "of" are language alone: "of" costs on average less than 0.2
# nats.<!-- asserted: at_of --> A digit costs about $\log 10 \approx 2.3$ (the dashed line), on
# average between 1.8 and 2.6.<!-- asserted: at_digits --> That is what a ten-sided die costs. A
# model that has noticed which combinations never occur in training can save a little, $\log 9$
# after a colour. It cannot save the rest, since scenes are drawn by chance: that is not ignorance
# of language but of *this* picture. Lesson 06 gives the writer a picture to look at.
#
# Let it write. The prompt is [START]; a word is drawn from the probabilities, read as the next
# input, and so on until [END].


# %%
def write_captions(n, rng, **options):
    prompt = torch.full((n, 1), START)
    rows = writer.sample(prompt, 30, rng=rng, **options)
    return [
        decode(tokenizer, row[: row.tolist().index(END)] if END in row else row) for row in rows
    ]


def can_be_read(caption):
    try:
        return bool(parse(caption).things)
    except ValueError:
        return False


# %% tags=["nbval-ignore-output"]
written = write_captions(200, make_rng(3))
print(*written[:6], sep="\n")
readable = sum(map(can_be_read, written)) / 200
print(f"{100 * readable:.0f} % can be read by the grammar")

# %%
assert readable > 0.75

# %% [markdown]
# *What to see:* nobody told it that a colour comes before a digit, or that "leaning" is followed by
# a side; judge by the six lines. Of 200 sentences our grammar reads more than three
# quarters.<!-- asserted: readable --> It refuses a sentence that names no digit or contradicts
# itself, such as two sizes for one thing. It does not check the order of words.
#
# ## Break one thing: forget the clipping
#
# `fit` does one thing that we did not mention. Before each step it measures the length of the whole
# gradient, and if that exceeds 1 it shortens it to 1. Here is the recall task over a gap of 12, an
# RNN whose $U$ is four times as large as usual, and plain gradient descent; as always, and without
# clipping. Three seeds each.


# %%
def recall_with(clip, seed, steps=300):
    torch.manual_seed(seed)
    model, rng = Recaller(with_larger_state_matrix(RNNCell(16, 32), 4)), make_rng(seed)
    tasks = (recall_task(64, 12, rng) for _ in range(steps))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)

    def loss(task):
        return F.cross_entropy(model(task[0]), task[1])

    return list(fit(loss, tasks, optimizer, steps=steps, clip=clip))


# %% tags=["nbval-ignore-output"]
limits = {"clipped to 1": 1.0, "not clipped": float("inf")}
runs = {name: [recall_with(limit, seed) for seed in range(3)] for name, limit in limits.items()}
_, axes = plt.subplots(1, 2, figsize=(9.5, 3), layout="tight")
every = range(0, 300, 12)
shown = ("loss", "loss, mean", statistics.mean), ("gradient", "length of gradient, longest", max)
for ax, (field, name, of) in zip(axes, shown, strict=True):
    lines = {
        run: [of(getattr(at, field) for at in ats[0][k : k + 12]) for k in every]
        for run, ats in runs.items()
    }
    viz.curves(list(every), lines, ax=ax, x="step", y=name)
    ax.set_yscale("log")
plt.show()

# %%
clipped, wild = ([sum(at.loss for at in r[-50:]) / 50 for r in ats] for ats in runs.values())
assert max(clipped) < 1 < min(wild)
usual, longest = (
    [f([at.gradient for at in r]) for r in runs["not clipped"]] for f in (statistics.median, max)
)
assert max(usual) < 3 and min(longest) > 5

# %% [markdown]
# *What to see:* the first of three seeds, in windows of twelve steps. Clipped, the last 50 steps
# have a mean loss below 1 with every seed;<!-- asserted: clipped --> not clipped, it stays above 1
# with every seed.<!-- asserted: wild --> The plot on the right shows a likely cause. In each run
# that is not clipped, at least half of the gradients are shorter than 3,<!-- asserted: usual -->
# and at least one is longer than 5.<!-- asserted: longest --> It is the growing line of the plot
# above: somewhere back in time, a small change is multiplied at every word. One step along such a
# gradient throws the weights far from everything learned so far.
#
# Clipping keeps the direction and limits the length. It cures *exploding* gradients only. A
# gradient that has *vanished* cannot be stretched back: there the gate is the cure. (A limit of 1
# also shortens ordinary steps. Is it the spikes or the smaller steps? Below, that is an exercise.)
#
# ## Check yourself
#
# <details><summary>1. How many numbers does a GRU of width d with inputs of width i learn?
# </summary>
#
# Three times $d \cdot i$ for $W$, three times $d \cdot d$ for $U$, and two biases of $3d$:
# $3d(i + d + 2)$.
#
# </details>
#
# <details><summary>2. The gradient shrinks by 0.7 a word. What is left after 40 words?</summary>
#
# $0.7^{40} \approx 6 \cdot 10^{-7}$: less than a millionth.
#
# </details>
#
# <details><summary>3. A friend's caption model reaches 0.1 nats per token. Congratulations, or an
# alarm?</summary>
#
# An alarm. A caption of ten tokens with one digit, drawn from ten, costs at least $\log 10 / 10$
# nats a token for the digit alone, more than 0.2. It must have seen the answer; lesson 03 shows how
# that comes about.
#
# </details>
#
# <details><summary>4. Why is the last state alone a poor summary of a long text for a decoder?
# </summary>
#
# (A decoder is a network that writes a text from it.) Its size is fixed, however long the text is,
# and every word overwrites part of it. Lesson 03 looks back at all words instead.
#
# </details>

# %% [markdown]
# ## Exercises
#
# * **Difficulty 1, 5 minutes.** Sample with `write_captions(200, make_rng(3), temperature=0.5)`,
#   and with 2. (The scores are divided by it before the softmax.) What share can be read, and how
#   many are different?
# * **Difficulty 1, 10 minutes.** Run `recall_with(5.0, seed)`, which cuts only the spikes, and
#   unclipped runs with a tenth of the rate. Which of the two explanations holds?
# * **Difficulty 2, 10 minutes.** Write the LSTM cell by hand from
#   `help(llmvis_course.layers.recurrent.LSTMCell)`, and compare its `h` with `nn.LSTM`. Its four
#   maps are stacked as i, f, g, o. Its state is a pair, so write `states_of` for a pair.
# * **Difficulty 2, 15 minutes.** Plot the share recalled against the gap, for update-gate biases 0,
#   1, 2, 3 and 4. Which bias suits which gap? (A gate's memory is about $1/(1 - z)$ words long.)
# * **Difficulty 3, 15 minutes.** Truncate back-propagation. In `Recaller.forward` pass `unroll` the
#   argument `keep=torch.Tensor.detach`, which cuts the way back before every word, and train the
#   GRU with the open gate on a gap of 3. What happens, and why? Then cut before every tenth word
#   only: read `x.split(10, dim=1)` part by part, and pass on `last.detach()`.
#
# ## What to read
#
# * Elman 1990, *Finding structure in time*, Cognitive Science 14: the network of this page.
# * Hochreiter and Schmidhuber 1997, *Long short-term memory*, Neural Computation 9: first gates.
# * Cho et al. 2014, *Learning phrase representations using RNN encoder-decoder for statistical
#   machine translation*, arXiv:1406.1078: the GRU (there $U(r \odot h)$; torch's form is this
#   page's).
# * Pascanu, Mikolov and Bengio 2013, *On the difficulty of training recurrent neural networks*,
#   arXiv:1211.5063: gradients that vanish and explode, and clipping.
# * Tallec and Ollivier 2018, *Can recurrent neural networks warp time?*, arXiv:1804.11188: how to
#   choose the bias of a gate.
#
# **Next:** `03_attention`, which looks back at every word instead of remembering.
