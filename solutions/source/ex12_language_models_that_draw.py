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
# # 12 · Language models that draw · solutions
#
# You turn vectors into tokens, mend the step that gradients should pass, watch and move a codebook,
# and measure what a code more is worth.
#
# **Minutes:** about 70, for 6 exercises and 13 points. **You need:** `detach`, logarithms, and
# tensors of whole numbers.
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
# ## 1 · How good is good enough?
#
# <!-- card: good_enough -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●○○○○ | ●●○ | 6 | 1 |
#
# A picture is `n` tokens, drawn one after the other, and each is good with the same probability,
# whatever came before. A `share` of all pictures shall be good as a whole. How probable must a good
# token be? For nine of ten pictures of 64 tokens it is 0.998 <!-- asserted: token -->, rounded.
#
# <details><summary>Hint 1: a nudge</summary>
#
# If you knew the probability for a token, what would it be for the picture?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# It is a product of n equal factors. Solve for one of them.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# The n-th root is the power of one over n.
#
# </details>


# %%
def good_enough(share, n):
    """The probability of a good token."""
    ### BEGIN SOLUTION
    return share ** (1 / n)
    ### END SOLUTION


# %%
check("good_enough", good_enough)

# %%
### BEGIN SOLUTION
token = good_enough(0.9, 64)
assert round(token, 3) == 0.998 and abs(token**64 - 0.9) < 1e-9
print(f"{token:.3f}")
### END SOLUTION

# %% [markdown]
# ## 2 · A number for a vector
#
# <!-- card: nearest_codes -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 10 | 2 |
#
# `z` (n, d) are vectors and `codes` (v, d) a codebook. Return the token of each vector, (n): the
# number, counted from 0, of the code with the least squared distance
# $\lVert z - e_k \rVert^2$. Tokens are whole numbers of the type int64, as torch gives them
# to you.
#
# <details><summary>Hint 1: a nudge</summary>
#
# First make a table of all distances, a row for each vector and a column for each code.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `z[:, None] - codes` is (n, v, d). Sum the squares over which axis?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `argmin(dim=1)` says where in each row the least one stands.
#
# </details>


# %%
def nearest_codes(z, codes):
    """The token of each vector, (n)."""
    ### BEGIN SOLUTION
    differences = z[:, None] - codes
    return differences.square().sum(dim=2).argmin(dim=1)
    ### END SOLUTION


# %%
check("nearest_codes", nearest_codes)

# %% [markdown]
# ## 3 · An encoder that does the opposite
#
# <!-- card: quantise -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●●○○ | ●●● | 15 | 3 |
#
# `z` (n, d) comes from the encoder, `codes` (v, d) is the codebook, `tokens` (n) are the tokens of
# `z` (int64), and `beta` is a number. Return two things. First what the decoder gets: forwards the
# codes of the tokens, $z_q$; backwards its gradient goes to $z$ as if it had got $z$ itself, and
# not to the codes (the straight-through gradient). Then the pulls
# $\mathrm{mean}\bigl[(\mathrm{sg}[z] - z_q)^2\bigr] + \beta\,\mathrm{mean}\bigl[(z -
# \mathrm{sg}[z_q])^2\bigr]$, with means over all numbers: nothing else should move the codes. (sg,
# *stop the gradient*, is `detach`.) Below both results have the right numbers. But in training,
# when the decoder asks for larger numbers, the encoder gives smaller ones. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# `detach` makes a constant of something. Write the slope of what the decoder gets, by z and by the
# codes.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# The slope should be 1 by z, and 0 by the codes.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# z itself stays as it is; what is added to it, the whole difference, is the constant.
#
# </details>


# %%
def quantise(z, codes, tokens, beta):
    """What the decoder gets, (n, d), and the pulls, without axes."""
    ### BEGIN SOLUTION
    z_q = codes[tokens]
    passed = z + (z_q - z).detach()
    to_vectors = (z.detach() - z_q).square().mean()
    to_codes = (z - z_q.detach()).square().mean()
    return passed, to_vectors + beta * to_codes
    ### END SOLUTION
    # MEND z_q = codes[tokens]
    # MEND passed = z.detach() + (z_q - z)
    # MEND to_vectors = (z.detach() - z_q).square().mean()
    # MEND to_codes = (z - z_q.detach()).square().mean()
    # MEND return passed, to_vectors + beta * to_codes


# %%
check("quantise", quantise)

# %% [markdown]
# ## 4 · Is the codebook alive?
#
# <!-- card: codebook_perplexity -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 10 | 2 |
#
# `tokens` (int64) may have any number of axes; they are numbers of a codebook of `size` codes. With
# $p_k$, the share of all tokens that are $k$, return the perplexity $\exp(-\sum_k p_k \log p_k)$, a
# number. A code that is never used adds nothing.
#
# <details><summary>Hint 1: a nudge</summary>
#
# If all tokens are the same, it is 1. If v codes are used equally often, it is v.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `torch.bincount` counts, but wants one axis. What is the logarithm of a share of 0?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Keep only the counts above 0, divide them by how many tokens there are, and sum.
#
# </details>


# %%
def codebook_perplexity(tokens, size):
    """How many codes, equally used, would say as much."""
    ### BEGIN SOLUTION
    counts = torch.bincount(tokens.flatten(), minlength=size)
    p = counts[counts > 0] / tokens.numel()
    return torch.exp(-(p * p.log()).sum()).item()
    ### END SOLUTION


# %%
check("codebook_perplexity", codebook_perplexity)

# %% [markdown]
# ## 5 · Codes that follow their vectors
#
# <!-- card: move_codes -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●○○ | ●●○ | 15 | 3 |
#
# `used` (v) and `sums` (v, d) are moving averages: $N_k$ of how many vectors of a batch choose code
# $k$, and $m_k$ of the sum of those vectors. Now comes a batch `z` (n, d) with its `tokens` (n),
# int64. Each average becomes γ times what it was, and 1 - γ times what this batch says; γ is
# `decay`. This holds for codes that nobody chose, too. Return the new `used`, the new `sums`, and
# the codes $m_k / N_k$: three tensors. No `used` is zero. Leave the inputs as they are.
#
# <details><summary>Hint 1: a nudge</summary>
#
# What does the batch say of a code that nobody chose? And does that code move?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `F.one_hot(tokens, v)`, from `torch.nn.functional`, is a table (n, v) of who chose what. Its sums
# are counts; what is it, turned round, times z?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `chosen.T @ z` sums the vectors of each code, if `chosen` has the dtype of z.
#
# </details>


# %%
def move_codes(used, sums, z, tokens, decay):
    """New counts (v), new sums (v, d), and codes (v, d)."""
    ### BEGIN SOLUTION
    chosen = torch.nn.functional.one_hot(tokens, len(used)).to(z)
    used = decay * used + (1 - decay) * chosen.sum(dim=0)
    sums = decay * sums + (1 - decay) * chosen.T @ z
    return used, sums, sums / used[:, None]
    ### END SOLUTION


# %%
check("move_codes", move_codes)

# %% [markdown]
# The page's example: codes at 1 and 9, each used once before, decay one half, and the points 2, 4
# and 10. Where do the codes go?

# %%
### BEGIN SOLUTION
points, two = torch.tensor([[2.0], [4.0], [10.0]]), torch.tensor([[1.0], [9.0]])
_, _, moved = move_codes(torch.ones(2), two, points, nearest_codes(points, two), 0.5)
print([f"{code:.2f}" for code in moved.flatten().tolist()])
assert torch.allclose(moved, torch.tensor([[7 / 3], [19 / 2]]))
### END SOLUTION

# %% [markdown]
# ## 6 · What is a code more worth?
#
# <!-- card: times_smaller -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●○○○ | ●●○ | 14 | 2 |
#
# Measure. Vectors of one number lie anywhere between 0 and 1, all places alike. Cut this line into
# `v` equal pieces and put a code in the middle of each. The error is the mean of
# $(z - z_q)^2$. How many times smaller is it with `v` codes than with one? The check allows 3 %.
#
# <details><summary>Hint 1: a nudge</summary>
#
# One code stands at 0.5; two stand at 0.25 and 0.75.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Draw 100,000 vectors, (100,000, 1). Find their codes with your `nearest_codes`, and take the mean.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# The codes are `(torch.arange(v) + 0.5) / v`, with a second axis: (v, 1). Measure for 1 and for v.
#
# </details>


# %%
def times_smaller(v):
    """The error of one code, divided by that of v."""
    ### BEGIN SOLUTION
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(100_000, 1, generator=rng, dtype=torch.float64)
    errors = []
    for size in (1, v):
        codes = (torch.arange(size).double()[:, None] + 0.5) / size
        errors.append((x - codes[nearest_codes(x, codes)]).square().mean().item())
    return errors[0] / errors[1]
    ### END SOLUTION


# %%
check("times_smaller", times_smaller)

# %% [markdown]
# **Your claim.** A token of v codes costs $\log_2 v$ bits. What does one bit more do to the error
# of a number? And if the same token has to say two numbers, as if the codes stood on a square grid?
#
# <!-- BEGIN SOLUTION -->
#
# One bit is twice as many codes, and divides the error by about 4 <!-- asserted: bit -->. With two
# numbers, the bit is shared: it takes two bits to halve the pieces on both axes, and one bit
# divides the error by about 2. A token that says 192 numbers gets nearly nothing from a bit more,
# unless the vectors keep to few places, which is what an encoder learns. *What to see:* on both
# logarithmic axes, a line that rises by two for each one to the right.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
some = [2, 4, 8, 16]
found = [times_smaller(v) for v in some]
bit = [after / before for before, after in zip(found, found[1:], strict=False)]
assert all(3.8 < one < 4.2 for one in bit)
print("for each bit more:", [round(one) for one in bit])
plt.figure(figsize=(4, 2.6))
plt.loglog(some, found, "o", label="measured")
plt.loglog(some, [v**2 for v in some], color="gray", label="v squared")
plt.xlabel("codes v")
plt.ylabel("times smaller")
plt.legend()
plt.show()
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks: `python -m
# llmvis_course.checks --progress`.

# %%
show_progress("ex12_language_models_that_draw")
