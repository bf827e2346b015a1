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
# # 03 · Attention · solutions
#
# You write attention in its parts: how many scores there are, the weighted mean, both masks, and
# several heads. One cell has a typical bug.
#
# **Minutes:** about 66, for 6 exercises and 13 points. **You need:** the page `03_attention`.
#
# Each exercise has a card, a task, three hints to unfold one after the other, a cell to fill in,
# and a check. A check compares your function with the course's own on inputs that it draws, the
# smallest first, and shows the first one that differs; it knows the usual mistakes. Arguments are
# in the order of the task, and you may rename them. You may use what you wrote in earlier
# exercises. A cell with nothing but `...` is there for trying your function out.

# %%
import matplotlib.pyplot as plt
import torch

from llmvis_course.checks import check, keep_progress, show_progress

keep_progress()  # in progress.json, beside this notebook

# %% [markdown]
# ## 1 · How many scores?
#
# <!-- card: number_of_scores -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●○○○○ | ●●○ | 3 | 1 |
#
# A batch of captions looks at pictures: every word, in every head, looks at every patch of its own
# picture. Write down how many scores that makes, *before* you build anything. 128 captions of 12
# words, 4 heads and 64 patches make 393,216 <!-- asserted: all_scores -->: assert it below.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Count the scores of one head of one caption first.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# One query makes one score with each key. How many queries are there in all?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Captions times heads times queries times keys.
#
# </details>


# %%
def number_of_scores(batch, heads, queries, keys):
    """How many scores are computed."""
    ### BEGIN SOLUTION
    return batch * heads * queries * keys
    ### END SOLUTION


# %%
check("number_of_scores", number_of_scores)

# %%
### BEGIN SOLUTION
all_scores = number_of_scores(128, 4, 12, 64)
assert all_scores == 393_216
print(f"{all_scores:,} scores")
### END SOLUTION

# %% [markdown]
# ## 2 · Scaled dot-product attention
#
# <!-- card: attend -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 15 | 3 |
#
# Write $\mathrm{softmax}(q k^\top / \sqrt d)\,v$ for queries `q` (b, heads, n, d), keys `k` (b,
# heads, m, d) and values `v` (b, heads, m, d). `mask` (b, 1, n, m) is True where a query may look.
# Every query may look at one key at least.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Three steps: scores, shares, weighted mean. Where does the mask come in?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `@` multiplies the last two axes of two tensors; `k.transpose(-2, -1)` exchanges them. The width d
# is `q.shape[-1]`. The shares of one query add up to one over the *keys*.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `scores = q @ k.transpose(-2, -1) / d ** 0.5`, then fill minus infinity in where `~mask`, then
# `softmax(dim=-1)`, then `@ v`.
#
# </details>


# %%
def attend(q, k, v, mask):
    """The values found, (b, heads, n, d)."""
    ### BEGIN SOLUTION
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(dim=-1) @ v
    ### END SOLUTION


# %%
check("attend", attend)

# %% [markdown]
# ## 3 · No looking ahead
#
# <!-- card: causal_mask -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 8 | 2 |
#
# A language model has read `m` tokens and asks about the last `n` of them. Make its mask (n, m),
# of dtype `torch.bool`: True where a query may look, which is at itself and at all before it. The
# first of the queries stands at position `m - n`.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Write the mask for n = 2 and m = 4 on paper, with 1 and 0.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `torch.ones(n, m).tril()` keeps what is on and below the diagonal that starts at the top left.
# Yours starts further right.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `tril` takes a number: by how many columns the diagonal moves to the right. Here `m - n`. Then
# `.bool()`.
#
# </details>


# %%
def causal_mask(n, m):
    """True where a query may look, (n, m)."""
    ### BEGIN SOLUTION
    return torch.ones(n, m).tril(m - n).bool()
    ### END SOLUTION


# %%
check("causal_mask", causal_mask)

# %% [markdown]
# ## 4 · Who looks at padding?
#
# <!-- card: padded_weights -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●○○○ | ●●● | 10 | 2 |
#
# Captions of different lengths are filled up with padding. This function should share each query's
# whole among the real keys: `scores` (b, n, m), `real` (b, m), result (b, n, m). It runs, and its
# rows add up to one. Still, **padding gets some of the attention**. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Let all scores be 0, and one of two keys be padding. What does the function return?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# What does the softmax make of a score of 0, beside a score of -4?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Only a score of minus infinity gets nothing: `float("-inf")`.
#
# </details>


# %%
def padded_weights(scores, real):
    """The shares of each query among the real keys, (b, n, m)."""
    ### BEGIN SOLUTION
    scores = scores.masked_fill(~real[:, None, :], float("-inf"))
    return scores.softmax(dim=-1)
    ### END SOLUTION
    # MEND scores = scores.masked_fill(~real[:, None, :], 0.0)
    # MEND return scores.softmax(dim=-1)


# %%
check("padded_weights", padded_weights)

# %% [markdown]
# ## 5 · Several heads
#
# <!-- card: multi_head -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●○○ | ●●● | 20 | 3 |
#
# Let `x` (b, n, d) look at itself with several heads: project it with `query`, `key` and `value`
# (each (d, d), used as `x @ query.T`), give each head its own d / heads neighbouring columns,
# attend in each head (no mask), put the findings side by side again, and project them with
# `output`.
#
# <details><summary>Hint 1: a nudge</summary>
#
# First split the *width* into (heads, d / heads). Then move the heads before the positions.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `.view(b, n, heads, d // heads).transpose(1, 2)` gives (b, heads, n, d // heads). A direct
# `.view(b, heads, n, ...)` would mix positions up.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# After attention go back the same way: `.transpose(1, 2).reshape(b, n, d)`, then `@ output.T`.
# Scores are divided by the root of d / heads. (Your `attend` will do, with a mask that is True
# everywhere.)
#
# </details>


# %%
def multi_head(x, query, key, value, output, heads):
    """What the heads found, joined and projected, (b, n, d)."""
    ### BEGIN SOLUTION
    b, n, d = x.shape
    q = (x @ query.T).view(b, n, heads, d // heads).transpose(1, 2)
    k = (x @ key.T).view(b, n, heads, d // heads).transpose(1, 2)
    v = (x @ value.T).view(b, n, heads, d // heads).transpose(1, 2)
    weights = (q @ k.transpose(-2, -1) / (d // heads) ** 0.5).softmax(dim=-1)
    found = (weights @ v).transpose(1, 2).reshape(b, n, d)
    return found @ output.T
    ### END SOLUTION


# %%
check("multi_head", multi_head)

# %% [markdown]
# ## 6 · Why divide by the root?
#
# <!-- card: spread_of_scores -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●○○○ | ●●● | 10 | 2 |
#
# Measure. Draw many pairs of a query and a key with standard normal numbers (`torch.randn`) of
# width `d`, and return the standard deviation of $q \cdot k$. The check allows 6 %. Then state
# your claim: to which power of d does it grow?
#
# <details><summary>Hint 1: a nudge</summary>
#
# 20,000 pairs are enough: tensors of shape (20_000, d).
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# The score of each pair is `(q * k).sum(dim=1)`.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `.std().item()` of those scores.
#
# </details>


# %%
def spread_of_scores(d):
    """The standard deviation of the score of two random vectors of width d."""
    ### BEGIN SOLUTION
    rng = torch.Generator().manual_seed(1)
    q = torch.randn(20_000, d, generator=rng)
    k = torch.randn(20_000, d, generator=rng)
    return (q * k).sum(dim=1).std().item()
    ### END SOLUTION


# %%
check("spread_of_scores", spread_of_scores)

# %% [markdown]
# **Your claim.** Measure widths 4, 16, 64 and 256, and fit a straight line through the logarithms
# of width and spread: its slope is the power. (`numpy.polyfit(x, y, 1)` fits one.)
#
# <!-- BEGIN SOLUTION -->
#
# It grows like $\sqrt d$: the power is 0.5 <!-- asserted: power -->, within 0.03. *What to see:*
# the points lie on the line for $\sqrt d$.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
widths = torch.tensor([4.0, 16.0, 64.0, 256.0])
spreads = torch.tensor([spread_of_scores(int(d)) for d in widths])
x, y = widths.log(), spreads.log()
power = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
assert abs(power - 0.5) < 0.03
print(f"grows like d to the power {power:.1f}")
plt.figure(figsize=(4, 2.6))
plt.loglog(widths, spreads, "o", label="measured")
plt.loglog(widths, widths.sqrt(), label="root of d")
plt.xlabel("width d")
plt.ylabel("spread of scores")
plt.legend()
plt.show()
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks:
# `python -m llmvis_course.checks --progress`.

# %%
show_progress("ex03_attention")
