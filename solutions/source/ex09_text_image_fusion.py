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
# # 09 · Words meet pixels · solutions
#
# You let a caption turn channels up and down, give every pixel its weights of the words, mend a
# contrastive loss, and measure what its temperature learns.
#
# **Minutes:** about 64, for 5 exercises and 12 points. **You need:** the page
# `09_text_image_fusion`, for softmax, cross-entropy, and cosines.
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
# ## 1 · One message for all pixels
#
# <!-- card: film -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 12 | 3 |
#
# `x` (b, n, c) are pixels, `e` (b, m, d) the words of a caption for each picture, and `mask` (b, m)
# is True where a word is real and False for padding; each caption has at least one word. The
# summary $s$ of a caption is the mean of its real words. A linear layer with `weight` (2c, d) and
# `bias` (2c) makes 2c numbers of it: first c for γ, then c for β. Return $(1 + \gamma)\,x_n +
# \beta$ for all pixels, (b, n, c).
#
# <details><summary>Hint 1: a nudge</summary>
#
# By how many words is the sum of a caption divided, if some of its places are padding?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# With `mask[:, :, None]`, a product leaves padding out of the sum, and a sum counts the words.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `s @ weight.T + bias` is (b, 2c). Give it an axis for pixels, and `chunk` the last axis.
#
# </details>


# %%
def film(x, e, mask, weight, bias):
    """Pixels, turned up or down and shifted, (b, n, c)."""
    ### BEGIN SOLUTION
    real = mask[:, :, None]
    s = (e * real).sum(dim=1) / real.sum(dim=1)
    gamma, beta = (s @ weight.T + bias)[:, None].chunk(2, dim=2)
    return (1 + gamma) * x + beta
    ### END SOLUTION


# %%
check("film", film)

# %% [markdown]
# Put a FiLM into a network that is trained already. Which weight and bias do no harm?

# %%
### BEGIN SOLUTION
x, e = torch.randn(2, 5, 3), torch.randn(2, 4, 6)
same = film(x, e, torch.ones(2, 4, dtype=torch.bool), torch.zeros(6, 6), torch.zeros(6))
print("all zero leave pixels as they are:", torch.equal(same, x))
### END SOLUTION

# %% [markdown]
# ## 2 · Which words a pixel hears
#
# <!-- card: pixel_weights -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●○○ | ●●● | 14 | 3 |
#
# `x` (b, n, c) are pixels, `e` (b, m, c) words that are as wide, and `mask` (b, m) is True where a
# word is real; each caption has at least one. Return $a_{nm} = \mathrm{softmax}_m(x_n \cdot e_m /
# \sqrt c)$, (b, n, m). The weights of each pixel sum to 1, and padding has the weight 0.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Make all scores first, (b, n, m). Which score becomes the weight 0?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Padding scores minus infinity, before the softmax. The mask needs an axis for pixels.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `scores.masked_fill(~mask[:, None], -torch.inf)`; the softmax goes over the last axis.
#
# </details>


# %%
def pixel_weights(x, e, mask):
    """For every pixel, a weight a word, (b, n, m)."""
    ### BEGIN SOLUTION
    scores = x @ e.transpose(1, 2) / x.shape[2] ** 0.5
    scores = scores.masked_fill(~mask[:, None], -torch.inf)
    return scores.softmax(dim=2)
    ### END SOLUTION


# %%
check("pixel_weights", pixel_weights)

# %% [markdown]
# ## 3 · What a sure pair costs
#
# <!-- card: lowest_loss -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●●○○○ | ●●○ | 8 | 1 |
#
# Towers have learned all they can: each of `n` pictures has the cosine 1 with its own caption, and
# 0 with the n - 1 others. Cosines are multiplied by `scale`, and then comes the softmax. What is
# the contrastive loss, in nats? For 64 pairs and a scale of 5 it is 0.35 <!-- asserted: sure -->,
# rounded: not zero.
#
# <details><summary>Hint 1: a nudge</summary>
#
# All rows and all columns look alike. Take one: what are its n scores?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# One is the scale, the others are 0. What is the softmax of the one?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# $e^s / (e^s + n - 1)$; the loss is minus its logarithm.
#
# </details>


# %%
def lowest_loss(n, scale):
    """The loss of towers that are sure and right, a number."""
    ### BEGIN SOLUTION
    return math.log(1 + (n - 1) * math.exp(-scale))
    ### END SOLUTION


# %%
check("lowest_loss", lowest_loss)

# %%
### BEGIN SOLUTION
sure = lowest_loss(64, 5.0)
assert round(sure, 2) == 0.35
print(f"{sure:.2f}")
### END SOLUTION

# %% [markdown]
# ## 4 · Scores that depend on the company
#
# <!-- card: contrastive_loss -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●●○○ | ●●● | 16 | 3 |
#
# Row i of `u` (n, d) is what a picture tower says of picture i, row i of `w` (n, d) what a text
# tower says of its caption. They may have any length. The scores are the cosines of all pictures
# with all captions, times the number `scale`, which is $1/\tau$. Return the mean of two
# cross-entropies: of each picture among the captions, and of each caption among the pictures; a
# number without axes. The code below runs, and its loss falls in training. But the score of a
# picture and its caption changes with who else is in the batch. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Take `scores[0, 0]`. Which numbers of `u` and `w` went into it, and which should?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# A vector of length 1 is a row here. Print the length of each row after the first line.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `dim` of `F.normalize` is the axis along which the numbers of one vector lie.
#
# </details>


# %%
def contrastive_loss(u, w, scale):
    """In nats, without axes; row i belongs to row i."""
    ### BEGIN SOLUTION
    u, w = F.normalize(u, dim=1), F.normalize(w, dim=1)
    scores = scale * u @ w.T
    own = torch.arange(len(u))
    return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2
    ### END SOLUTION
    # MEND u, w = F.normalize(u, dim=0), F.normalize(w, dim=0)
    # MEND scores = scale * u @ w.T
    # MEND own = torch.arange(len(u))
    # MEND return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2


# %%
check("contrastive_loss", contrastive_loss)

# %% [markdown]
# ## 5 · What the temperature learns
#
# <!-- card: learned_scale -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●●○○ | ●●○ | 14 | 2 |
#
# Measure. Towers no longer change: of two captions, the one that fits better has a cosine that is
# larger by `gap`. It is the right one, but for a share `wrong` of the pairs, which were mixed up
# when they were collected. So the loss is $(1 - r)\log(1 + e^{-sg}) + r\log(1 + e^{sg})$, with the
# gap g and the share r. Only the scale s learns. Let it start at 1 and descend until it stands
# still; return it, a number. The check allows 1 %.
#
# <details><summary>Hint 1: a nudge</summary>
#
# The model believes the better one with probability $1 / (1 + e^{-sg})$. What should it believe?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# The slope by s is g times (that probability, minus 1 - r). A plain number and a loop will do.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# The slope becomes small long before the end: take steps of the whole slope, and 2,000 of them.
#
# </details>


# %%
def learned_scale(gap, wrong):
    """The scale in the end."""
    ### BEGIN SOLUTION
    s = 1.0
    for _ in range(2000):
        chance = 1 / (1 + math.exp(-s * gap))
        s = s - gap * (chance - (1 - wrong))
    return s
    ### END SOLUTION


# %%
check("learned_scale", learned_scale)

# %% [markdown]
# **Your claim.** With which probability does the model believe the better caption in the end, if
# one pair in ten is wrong? And what happens to the scale if no pair is?
#
# <!-- BEGIN SOLUTION -->
#
# It believes it with probability 0.9 <!-- asserted: belief -->, rounded: the scale learns how often
# the pairs can be trusted, and makes the model as sure as that. *What to see:* the fewer pairs are
# wrong, the larger the scale. With none it would grow without end, and so one sets a limit (100 in
# CLIP).
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
belief = 1 / (1 + math.exp(-learned_scale(1.0, 0.1)))
assert round(belief, 3) == 0.9
print(f"{belief:.2f}")
some = (0.4, 0.2, 0.1, 0.05, 0.02)
found = [learned_scale(1.0, wrong) for wrong in some]
assert found == sorted(found)
plt.figure(figsize=(4, 2.6))
plt.semilogx([100 * wrong for wrong in some], found, "o-")
plt.xlabel("wrong pairs, %")
plt.ylabel("scale in the end")
plt.show()
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks: `python -m
# llmvis_course.checks --progress`.

# %%
show_progress("ex09_text_image_fusion")
