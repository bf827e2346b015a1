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
# # 11 · Text to image with a GAN · solutions
#
# You turn a caption into one vector, make a game of a loop that is none, teach a critic to hear the
# text, and let frozen eyes say what a drawing lacks.
#
# **Minutes:** about 76, for 6 exercises and 14 points. **You need:** the two losses of a GAN
# (notebook 07), `detach`, and `torch.autograd.grad`.
#
# Each exercise has a card, a task, three hints to unfold one after the other, a cell to fill in,
# and a check. A check compares your function with the course's own on inputs that it draws, the
# smallest first, and shows the first one that differs; it knows the usual mistakes. Arguments are
# in the order of the task, and you may rename them. You may use what you wrote in earlier
# exercises. A cell with nothing but `...` is there for trying your function out.

# %%
import math

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from transformers import GPT2Config, GPT2Model

from llmvis_course.checks import check, keep_progress, show_progress

keep_progress()  # in progress.json, beside this notebook

# %% [markdown]
# ## 1 · One vector for a caption
#
# <!-- card: caption_vectors -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 8 | 2 |
#
# A GPT-2 gives a vector for every place of every caption: `states` (b, n, d). Captions have
# different lengths, and the short ones are filled up. `real` (b, n) is True at tokens and False at
# padding, which may stand at either end. Return the mean of the vectors of each caption's own
# tokens, (b, d). Every caption has a token.
#
# <details><summary>Hint 1: a nudge</summary>
#
# A caption of two tokens has the same vector alone as beside a caption of ten.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Make padding 0 and sum. By what is the sum of *this* caption divided?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `real[:, :, None]` lines up with `states`. Times it, summed over axis 1, and divided by
# `real.sum(dim=1, keepdim=True)`.
#
# </details>


# %%
def caption_vectors(states, real):
    """One vector for each caption, (b, d)."""
    ### BEGIN SOLUTION
    tokens = real[:, :, None].to(states)
    return (states * tokens).sum(dim=1) / tokens.sum(dim=1)
    ### END SOLUTION


# %%
check("caption_vectors", caption_vectors)

# %% [markdown]
# Try it on a GPT-2, a small and fresh one. Token 0 is padding here. Is the second caption's vector
# the same alone as in company?

# %%
torch.manual_seed(0)
sizes = {"vocab_size": 20, "n_positions": 8, "n_embd": 16, "n_layer": 2, "n_head": 2}
gpt2 = GPT2Model(GPT2Config(**sizes, bos_token_id=None, eos_token_id=None)).eval()
ids = torch.tensor([[3, 8, 5, 11, 2], [7, 4, 0, 0, 0]])

# %%
### BEGIN SOLUTION
with torch.no_grad():
    company = caption_vectors(gpt2(ids).last_hidden_state, ids != 0)
    alone = caption_vectors(gpt2(ids[1:, :2]).last_hidden_state, ids[1:, :2] != 0)
torch.testing.assert_close(company[1:], alone)
print(company.shape)
### END SOLUTION

# %% [markdown]
# ## 2 · A loop that is no game
#
# <!-- card: play_round -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●●○○ | ●●● | 16 | 3 |
#
# The smallest GAN: from `codes` z (m, k) the generator draws pictures $\tanh(zG)$ with its weights
# `generator` (k, d), and the critic scores a picture by $x \cdot w$ with its weights `critic` (d).
# `pictures` (n, d) are real, and `step` is a number. In a round the critic's turn is first: a step
# down the slope of the mean of $\mathrm{softplus}(-s)$ for real pictures plus the mean of
# $\mathrm{softplus}(s)$ for drawings. Then the generator's, against the critic **that has just
# moved**: down the slope of the mean of $\mathrm{softplus}(-s)$ for its drawings. (With
# $D = \sigma(s)$, that is $-\log D$, and $\mathrm{softplus}(s)$ is $-\log(1 - D)$.) Return the new
# weights of the generator, and those of the critic.
#
# The code below is the article's loop: both players are trained alike, with the label "real" for
# whatever comes out. Both losses fall, and it looks like success. But **every drawing becomes white
# paper**, and the critic is content. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Whom does the critic see? And who tells the generator what the critic thinks?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# The critic's loss needs a second term, with the contrary label. The generator's label is for what
# the new critic *says* of the drawing.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `F.softplus(drawn @ critic).mean()` is added in the first turn; in the second,
# `drawn @ new_critic` is called real. `torch.autograd.grad(loss, critic)` asks for the slope of the
# critic alone: nobody else moves.
#
# </details>


# %%
def play_round(pictures, codes, generator, critic, step):
    """The new weights of the generator, (k, d), and of the critic, (d)."""
    ### BEGIN SOLUTION
    generator, critic = generator.detach().requires_grad_(), critic.detach().requires_grad_()
    drawn = torch.tanh(codes @ generator)
    loss = F.softplus(-(pictures @ critic)).mean() + F.softplus(drawn @ critic).mean()
    (slope,) = torch.autograd.grad(loss, critic)
    new_critic = critic - step * slope
    loss = F.softplus(-(drawn @ new_critic)).mean()
    (slope,) = torch.autograd.grad(loss, generator)
    return generator - step * slope, new_critic
    ### END SOLUTION
    # MEND generator, critic = generator.detach().requires_grad_(), critic.detach().requires_grad_()
    # MEND drawn = torch.tanh(codes @ generator)
    # MEND loss = F.softplus(-(pictures @ critic)).mean()
    # MEND (slope,) = torch.autograd.grad(loss, critic)
    # MEND new_critic = critic - step * slope
    # MEND loss = F.softplus(-drawn).mean()
    # MEND (slope,) = torch.autograd.grad(loss, generator)
    # MEND return generator - step * slope, new_critic


# %%
check("play_round", play_round)

# %% [markdown]
# A hundred rounds, for pictures of four pixels: two white, two black. What is drawn in the end?

# %%
rng = torch.Generator().manual_seed(0)
generator, critic = 0.1 * torch.randn(3, 4, generator=rng), torch.zeros(4)
for _ in range(100):
    pictures = torch.tensor([0.8, 0.8, -0.8, -0.8]) + 0.1 * torch.randn(16, 4, generator=rng)
    codes = torch.randn(16, 3, generator=rng)
    codes[:, 0] = 1  # so that a pixel can be white for every code
    generator, critic = play_round(pictures, codes, generator, critic, 0.2)
pixels = torch.tanh(codes @ generator).mean(dim=0)
print(["white" if pixel > 0 else "black" for pixel in pixels])

# %% [markdown]
# ## 3 · A critic that hears the text
#
# <!-- card: matching_loss -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●○○ | ●●● | 14 | 3 |
#
# A critic scores a picture x with a caption t by $x^\top W t$; `weight` is W (d, k). It is shown
# three kinds of pairs (Reed et al. 2016): `pictures` (n, d) with their `texts` (n, k), which are to
# be called real; the same pictures with **wrong** captions, which are not; and `drawn` (n, d) with
# the `texts` they were drawn for, which are not. For the wrong captions, every picture takes the
# caption of the next row, and the last picture that of the first row. With a bar for the mean over
# n pairs, return
# $$-\overline{\log\sigma(s_{right})} - \tfrac12\,\overline{\log(1 - \sigma(s_{wrong}))} -
# \tfrac12\,\overline{\log(1 - \sigma(s_{drawn}))}.$$
# It is the critic's turn: no gradient should reach `drawn`.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Three vectors of n scores. Which of them should be high?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `(x @ weight) * t`, summed over the last axis, is a score for each row. `torch.roll` moves rows;
# which way, and along which axis?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `torch.roll(texts, -1, dims=0)`. And $-\log\sigma(s)$ is `F.softplus(-s)`, $-\log(1-\sigma(s))$ is
# `F.softplus(s)`, exact however large s is.
#
# </details>


# %%
def matching_loss(pictures, drawn, texts, weight):
    """What the critic loses, without axes."""
    ### BEGIN SOLUTION
    others = torch.roll(texts, -1, dims=0)
    right = ((pictures @ weight) * texts).sum(dim=1)
    wrong = ((pictures @ weight) * others).sum(dim=1)
    fake = ((drawn.detach() @ weight) * texts).sum(dim=1)
    no = F.softplus(wrong).mean() + F.softplus(fake).mean()
    return F.softplus(-right).mean() + no / 2
    ### END SOLUTION


# %%
check("matching_loss", matching_loss)

# %% [markdown]
# ## 4 · What is this game worth?
#
# <!-- card: loss_at_rest -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●●●○○ | ●●○ | 8 | 1 |
#
# Wrong captions now have the weight `share` $w$ and drawings $1 - w$, in place of the two halves.
# The generator has become perfect: its drawings cannot be told from real pictures of their
# captions. The critic knows for sure when a caption is wrong, and does its best otherwise. What is
# its loss, in nats? For one half it is 0.955 <!-- asserted: rest -->, rounded. For $w = 0$ it is
# $\log 4$, as ever.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Wrong captions cost it nothing. What is left are right pairs and drawings that look alike.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# For such a pair it says "real" with some probability D. Which D makes
# $-\log D - (1 - w)\log(1 - D)$ least?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# D is the weight of real among all that look so: $1 / (1 + (1 - w))$. Put it in.
#
# </details>


# %%
def loss_at_rest(share):
    """The critic's loss when the generator is perfect, in nats."""
    ### BEGIN SOLUTION
    d = 1 / (2 - share)
    return -math.log(d) - (1 - share) * math.log(1 - d)
    ### END SOLUTION


# %%
check("loss_at_rest", loss_at_rest)

# %%
### BEGIN SOLUTION
rest = loss_at_rest(0.5)
assert round(rest, 3) == 0.955 and math.isclose(loss_at_rest(0.0), math.log(4))
print(f"{rest:.3f} nats")
### END SOLUTION

# %% [markdown]
# ## 5 · Eyes that say what is missing
#
# <!-- card: content_loss -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●○○ | ●●● | 14 | 3 |
#
# Frozen eyes answer q questions about a picture (which digit? which colour?), each with one of v
# answers: `pictures @ eyes[j]` (b, v) are the scores for question j, with `pictures` (b, d) and
# `eyes` (q, d, v). What a caption says is `asked` (b, q), int64: the right answer to each question,
# or -1 where the caption does not name it. Return the mean, over **all that is named**, of minus
# the logarithm of the probability that the eyes give to the right answer. The gradient should reach
# the pictures, and not the eyes: they would learn to see whatever is asked for.
#
# <details><summary>Hint 1: a nudge</summary>
#
# It is the loss of a classifier. How many terms does the mean have?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Make all scores, (b, q, v). Softmax over the answers. What should -1 not do, if you use it as an
# index?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `F.cross_entropy` takes scores (b * q, v) and answers (b * q), and has the option
# `ignore_index=-1`. Use `eyes.detach()`.
#
# </details>


# %%
def content_loss(pictures, eyes, asked):
    """What the eyes miss, in nats for each thing that is named."""
    ### BEGIN SOLUTION
    scores = torch.einsum("bd,qdv->bqv", pictures, eyes.detach())
    return F.cross_entropy(scores.flatten(0, 1), asked.flatten(), ignore_index=-1)
    ### END SOLUTION


# %%
check("content_loss", content_loss)

# %% [markdown]
# ## 6 · When does a critic listen?
#
# <!-- card: text_heard -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●●○○ | ●●● | 16 | 2 |
#
# Measure. A critic sees two bits of a pair: does the picture look real (l), and does the caption
# fit (f)? Its score is a table $s_{lf}$ of four numbers, 0 at the start. For a *right* pair both
# bits should be 1. For a *drawn* one l should be 0 and f 1: the generator understands every word,
# and cannot draw yet. For a *wrong* one l should be 1 and f 0. Each bit is what it should be with
# the probability `clear`, whatever the other one is. Let the table descend on
# $$\mathbb E_{right}[\mathrm{softplus}(-s)] + w\,\mathbb E_{wrong}[\mathrm{softplus}(s)] +
# (1 - w)\,\mathbb E_{drawn}[\mathrm{softplus}(s)]$$
# until it stands still, with $w$ = `share`. Return $s_{11} - s_{10}$: what a fitting caption is
# worth to a picture that looks real. The check allows 2 %.
#
# <details><summary>Hint 1: a nudge</summary>
#
# No chance is needed: an expectation is a sum over four cells, each with its probability.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# With `bit = torch.tensor([1 - clear, clear])`, the cells of a right pair have the probabilities
# `torch.outer(bit, bit)`. For the two others, one of the bits is turned round.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `flip(0)` exchanges rows, `flip(1)` columns. Then make the table a tensor that requires a
# gradient, and take a thousand steps of size 5. (By hand: the slope of softplus is the sigmoid.)
#
# </details>


# %%
def text_heard(clear, share):
    """How much more a pair scores that fits, if it looks real."""
    ### BEGIN SOLUTION
    bit = torch.tensor([1 - clear, clear])
    right = torch.outer(bit, bit)
    drawn, wrong = right.flip(0), right.flip(1)
    no = share * wrong + (1 - share) * drawn
    table = torch.zeros(2, 2)
    for _ in range(1000):
        table = table + 5 * (right * (-table).sigmoid() - no * table.sigmoid())
    return (table[1, 1] - table[1, 0]).item()
    ### END SOLUTION


# %%
check("text_heard", text_heard)

# %% [markdown]
# **Your claim.** While the generator draws badly, how much does the critic listen without wrong
# captions, and how much with half of the weight on them, if bits are clear to 0.9? Then try a
# network in place of the table, with three seeds: four kinds of pictures, four captions, drawings
# that fit and look drawn. How probable does it find that a real picture with a *wrong* caption is
# right?
#
# <!-- BEGIN SOLUTION -->
#
# Not at all without, 3.7 nats <!-- asserted: half --> with. To a network that saw no wrong captions
# a wrong pair is right with more than 0.99 <!-- asserted: deaf -->: it never needed the text. With
# them it is less than 0.05 <!-- asserted: heard -->, for every seed. *What to see:* the dots on top
# are three critics that looked at pictures only. A painter that draws well, but whatever it likes,
# would pass.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
half = text_heard(0.9, 0.5)
assert abs(text_heard(0.9, 0.0)) < 0.01 and round(half, 1) == 3.7
print(f"0.0 and {half:.1f} nats")


def looking(kind, look):
    """Three numbers: how real it looks, and which of four kinds it is."""
    angle = kind * math.pi / 2
    seen = torch.stack([torch.full((len(kind),), look), angle.cos(), angle.sin()], dim=1)
    return seen + 0.1 * torch.randn(len(kind), 3)


def wrong_called_right(seed, share):
    """Train a small critic; then the probability it gives to real pictures, captions wrong."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(7, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for step in range(151):
        said = torch.randint(4, (256,))
        other = (said + torch.randint(1, 4, (256,))) % 4
        real, drawn = looking(said, 1.0), looking(said, -1.0)
        pairs = ((real, said), (real, other), (drawn, said))
        scores = [net(torch.cat([x, F.one_hot(t, 4).float()], dim=1)) for x, t in pairs]
        if step == 150:
            return scores[1].sigmoid().mean().item()
        no = share * F.softplus(scores[1]).mean() + (1 - share) * F.softplus(scores[2]).mean()
        optimizer.zero_grad()
        (F.softplus(-scores[0]).mean() + no).backward()
        optimizer.step()


deaf, heard = ([wrong_called_right(seed, share) for seed in range(3)] for share in (0.0, 0.5))
assert min(deaf) > 0.99 and max(heard) < 0.05
plt.figure(figsize=(4, 2.6))
for share, found in ((0.0, deaf), (0.5, heard)):
    plt.plot([share - 0.05, share, share + 0.05], found, "o")
plt.xticks([0, 0.5], ["never", "half of the weight"])
plt.xlim(-0.25, 0.75)
plt.ylim(-0.05, 1.05)
plt.xlabel("wrong captions in training")
plt.ylabel("P(right), wrong pairs")
plt.show()
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks: `python -m
# llmvis_course.checks --progress`.

# %%
show_progress("ex11_text_to_image_gan")
