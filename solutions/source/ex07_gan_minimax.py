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
# # 07 · Two networks that teach each other · solutions
#
# You write what each player of a GAN loses, work out its best reply, and mend a training step in
# which the wrong player learns.
#
# **Minutes:** about 62, for 7 exercises and 13 points. **You need:** logarithms, the sigmoid, and
# `detach`.
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

from llmvis_course.checks import check, keep_progress, show_progress

keep_progress()  # in progress.json, beside this notebook

# %% [markdown]
# ## 1 · The best reply
#
# <!-- card: best_discriminator -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●○○○○ | ●●● | 5 | 1 |
#
# At a picture x the data have the density `p` and the generator's pictures the density `q`
# (tensors of any one shape, above zero). Which D(x) is best for the discriminator, if real and
# made pictures come equally often?
#
# <details><summary>Hint 1: a nudge</summary>
#
# Of all pictures that look like x, which share is real?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# If p = q, nobody can tell. What does D say then?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# p / (p + q).
#
# </details>


# %%
def best_discriminator(p, q):
    """How probable it is that a picture is real."""
    ### BEGIN SOLUTION
    return p / (p + q)
    ### END SOLUTION


# %%
check("best_discriminator", best_discriminator)

# %% [markdown]
# ## 2 · What is the game worth?
#
# <!-- card: value_of -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●○○○○ | ●●○ | 4 | 1 |
#
# The value is $V = \mathbb{E}\log D(\text{real}) + \mathbb{E}\log(1 - D(\text{made}))$. What is it
# if the discriminator says the same `share` for every picture? At the equilibrium it says one
# half, and the value is -1.386 <!-- asserted: at_rest -->, rounded: that is $-\log 4$.
#
# <details><summary>Hint 1: a nudge</summary>
#
# What is the mean of a number that never changes?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# One logarithm for real pictures, one for made ones.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `math.log(share) + math.log(1 - share)`.
#
# </details>


# %%
def value_of(share):
    """The value of the game, in nats."""
    ### BEGIN SOLUTION
    return math.log(share) + math.log(1 - share)
    ### END SOLUTION


# %%
check("value_of", value_of)

# %%
### BEGIN SOLUTION
at_rest = value_of(0.5)
assert round(at_rest, 3) == -1.386 and abs(at_rest + math.log(4)) < 1e-12
print(f"{at_rest:.3f}")
### END SOLUTION

# %% [markdown]
# ## 3 · What the discriminator loses
#
# <!-- card: discriminator_loss -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 10 | 2 |
#
# `real` (n) and `made` (m) are scores (logits: $D = \sigma(s)$). Write
# $-\mathbb{E}\log\sigma(s_{\text{real}}) - \mathbb{E}\log(1 - \sigma(s_{\text{made}}))$, for
# scores from -1,000 to 1,000. (A listing in print labels made pictures 1 too: a mistake.)
#
# <details><summary>Hint 1: a nudge</summary>
#
# 1 - sigmoid(s) is sigmoid(-s).
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# The sigmoid of -1,000 is 0, and log 0 is minus infinity: take both steps at once.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `F.logsigmoid(real)` and `F.logsigmoid(-made)`; the mean of each, minus both.
#
# </details>


# %%
def discriminator_loss(real, made):
    """The discriminator's loss, in nats."""
    ### BEGIN SOLUTION
    return -F.logsigmoid(real).mean() - F.logsigmoid(-made).mean()
    ### END SOLUTION


# %%
check("discriminator_loss", discriminator_loss)

# %% [markdown]
# ## 4 · What the generator loses
#
# <!-- card: generator_loss -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 6 | 2 |
#
# The generator wants its pictures to be taken for real. Write the loss that does not saturate,
# $-\mathbb{E}\log\sigma(s_{\text{made}})$, for scores from -1,000 to 1,000.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Whatever the discriminator's loss was: which score does the generator want?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# One logarithm, one mean, one sign.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `-F.logsigmoid(made).mean()`.
#
# </details>


# %%
def generator_loss(made):
    """The generator's loss, in nats."""
    ### BEGIN SOLUTION
    return -F.logsigmoid(made).mean()
    ### END SOLUTION


# %%
check("generator_loss", generator_loss)

# %% [markdown]
# ## 5 · Who learns in this step?
#
# <!-- card: critic_loss -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●●○○ | ●●● | 12 | 2 |
#
# One step of the discriminator, as small as can be: a picture x has the score `x @ weight`, and
# the generator makes pictures `noise @ generator`. The loss is right. But its gradient also
# reaches the generator, **which thereby learns to be found out**. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Which tensor links the two players?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# The discriminator must still learn from made *pictures*; so cut before its weight comes in.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `made = (noise @ generator).detach()`.
#
# </details>


# %%
def critic_loss(weight, real, noise, generator):
    """The discriminator's loss; it teaches the discriminator only."""
    ### BEGIN SOLUTION
    made = (noise @ generator).detach()
    yes, no = real @ weight, made @ weight
    return -F.logsigmoid(yes).mean() - F.logsigmoid(-no).mean()
    ### END SOLUTION
    # MEND made = noise @ generator
    # MEND yes, no = real @ weight, made @ weight
    # MEND return -F.logsigmoid(yes).mean() - F.logsigmoid(-no).mean()


# %%
check("critic_loss", critic_loss)

# %% [markdown]
# ## 6 · What the game measures
#
# <!-- card: jensen_shannon -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●○○ | ●●○ | 15 | 3 |
#
# With the best discriminator, the value is $2\,\mathrm{JS}(p, q) - \log 4$. Write
# $\mathrm{JS} = \tfrac12 \mathrm{KL}(p \| m) + \tfrac12 \mathrm{KL}(q \| m)$ with $m = (p + q)/2$,
# for rows of shares `p` and `q` (b, v), in nats: (b). A share may be zero, in p, in q, or in both
# at the same place, and $0 \log 0 = 0$.
#
# <details><summary>Hint 1: a nudge</summary>
#
# KL(p || m) is the sum of p log(p / m).
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Where p is 0, `p * log(p / m)` is NaN on a computer.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `torch.xlogy(p, p) - torch.xlogy(p, m)`, summed over the shares, is KL(p || m), also where both
# are 0.
#
# </details>


# %%
def jensen_shannon(p, q):
    """The divergence of each row, in nats."""
    ### BEGIN SOLUTION
    m = (p + q) / 2
    from_p = (torch.xlogy(p, p) - torch.xlogy(p, m)).sum(dim=-1)
    from_q = (torch.xlogy(q, q) - torch.xlogy(q, m)).sum(dim=-1)
    return 0.5 * (from_p + from_q)
    ### END SOLUTION


# %%
check("jensen_shannon", jensen_shannon)

# %% [markdown]
# **Try it.** How far apart are two distributions that share nothing? What does that mean for a
# generator whose pictures are all wrong?
#
# <!-- BEGIN SOLUTION -->
#
# They are 0.693 <!-- asserted: apart --> nats apart (that is $\log 2$), *however far apart they
# lie*: no slope says in which direction to go.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
one, other = torch.eye(2)
apart = jensen_shannon(one[None], other[None]).item()
assert round(apart, 3) == 0.693
print(f"{apart:.3f} nats")
### END SOLUTION

# %% [markdown]
# ## 7 · Why not minimax to the letter?
#
# <!-- card: gradient_ratio -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●○○○ | ●●● | 10 | 2 |
#
# Measure. A made picture has the `score` s. How much larger is the slope of $\log\sigma(s)$ than
# that of $\log(1 - \sigma(s))$? Return the ratio of their absolute values. Then state your claim.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Autograd gives both slopes: make `score` a float64 tensor with `requires_grad=True`.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `torch.autograd.grad(F.logsigmoid(s), s)` returns a tuple with one slope.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# log(1 - sigmoid(s)) is `F.logsigmoid(-s)`. Divide, and take `abs`.
#
# </details>


# %%
def gradient_ratio(score):
    """The slope of the non-saturating loss over that of the minimax loss."""
    ### BEGIN SOLUTION
    s = torch.tensor(score, dtype=torch.float64, requires_grad=True)
    (wanted,) = torch.autograd.grad(F.logsigmoid(s), s)
    (minimax,) = torch.autograd.grad(F.logsigmoid(-s), s)
    return abs(wanted / minimax).item()
    ### END SOLUTION


# %%
check("gradient_ratio", gradient_ratio)

# %% [markdown]
# **Your claim.** Early on the discriminator is sure: let the score be -5. How many times as
# strongly does the loss of exercise 4 teach then? Where are both the same?
#
# <!-- BEGIN SOLUTION -->
#
# It teaches 148 <!-- asserted: stronger --> times as strongly, rounded. *What to see:* the two
# slopes cross where the discriminator has no idea, at a score of 0.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
stronger = gradient_ratio(-5.0)
assert round(stronger) == 148
print(f"{stronger:.0f} times as strong")
s = torch.linspace(-6, 6, 100)
plt.figure(figsize=(4, 2.6))
plt.plot(s, 1 - s.sigmoid(), label="not saturating")
plt.plot(s, s.sigmoid(), label="minimax")
plt.xlabel("score of a made picture")
plt.ylabel("size of the slope")
plt.legend()
plt.show()
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks:
# `python -m llmvis_course.checks --progress`.

# %%
show_progress("ex07_gan_minimax")
