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
# # 04 · Transformers · solutions
#
# You write the loss of a language model and the normalisation of its blocks, mend a block and a
# sampler, count a GPT-2, and search for a temperature.
#
# **Minutes:** about 76, for 6 exercises and 14 points. **You need:** the page `04_transformer`.
#
# Each exercise has a card, a task, three hints to unfold one after the other, a cell to fill in,
# and a check. A check compares your function with the course's own on inputs that it draws, the
# smallest first, and shows the first one that differs; it knows the usual mistakes. Arguments are
# in the order of the task, and you may rename them. You may use what you wrote in earlier
# exercises. A cell with nothing but `...` is there for trying your function out.

# %%
import torch
import torch.nn.functional as F

from llmvis_course.checks import check, keep_progress, show_progress

keep_progress()  # in progress.json, beside this notebook

# %% [markdown]
# ## 1 · Guess the next token
#
# <!-- card: next_token_loss -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 12 | 3 |
#
# `logits` (b, n, v) were computed from `ids` (b, n); `real` (b, n) is False at padding, which fills
# captions up at the end. Return the mean of $-\log p(\text{next token})$ over all next tokens that
# are real, in nats a token: a tensor without axes. The scores at place i speak of the token at
# place i + 1.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Which scores have no next token? Which token is nobody's next one?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Score places `:-1`, tokens `1:`. A next token counts if *it* is real.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `log_softmax` over the last axis; `gather` the log-probability of each token that came; sum those
# that are real, and divide by how many they are.
#
# </details>


# %%
def next_token_loss(logits, ids, real):
    """Nats per real next token."""
    ### BEGIN SOLUTION
    log_p = logits[:, :-1].log_softmax(dim=-1)
    came = ids[:, 1:]
    kept = real[:, 1:]
    lost = -log_p.gather(-1, came[:, :, None])[:, :, 0]
    return (lost * kept).sum() / kept.sum()
    ### END SOLUTION


# %%
check("next_token_loss", next_token_loss)

# %% [markdown]
# ## 2 · Normalise each vector
#
# <!-- card: layer_norm -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●○ | 10 | 2 |
#
# Write $\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \odot g + b$ for `x` (b, n, d), with mean and
# variance of each vector by itself, $\epsilon = 10^{-5}$, `scale` $g$ and `shift` $b$ (d). The
# variance is the mean of the squared distances from the mean: divided by d, not by d - 1.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Over which axis do mean and variance go, and how do they keep it?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `x.mean(dim=-1, keepdim=True)`; the variance is the mean of `(x - mean) ** 2`.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Divide by `(variance + 1e-5) ** 0.5`, then `* scale + shift`.
#
# </details>


# %%
def layer_norm(x, scale, shift):
    """Each vector normalised, scaled and shifted, (b, n, d)."""
    ### BEGIN SOLUTION
    mean = x.mean(dim=-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=-1, keepdim=True)
    return (x - mean) / (variance + 1e-5) ** 0.5 * scale + shift
    ### END SOLUTION


# %%
check("layer_norm", layer_norm)

# %% [markdown]
# ## 3 · A block that does not learn
#
# <!-- card: think -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●○○○ | ●●● | 12 | 2 |
#
# The second half of a Transformer's block: normalise a copy (scale, shift, as above), send it
# through two linear maps, `w1` (4d, d) and `w2` (d, 4d), with an exact GELU between them, and add
# that to `x`. As it stands, **what comes in is lost on the way**: twelve such blocks in a row leave
# no straight path from the last to the first. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Follow `x`. Does any path lead from the input to the output without a weight on it?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# A block *adds* to what comes in.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `x + ...`: the sum of the input itself, not of its normalised copy.
#
# </details>


# %%
def think(x, scale, shift, w1, b1, w2, b2):
    """x and what was thought of it, (b, n, d)."""
    ### BEGIN SOLUTION
    y = F.layer_norm(x, x.shape[-1:], scale, shift)
    y = F.gelu(y @ w1.T + b1)
    return x + y @ w2.T + b2
    ### END SOLUTION
    # MEND y = F.layer_norm(x, x.shape[-1:], scale, shift)
    # MEND y = F.gelu(y @ w1.T + b1)
    # MEND return y @ w2.T + b2


# %%
check("think", think)

# %% [markdown]
# ## 4 · Top-p that is too strict
#
# <!-- card: keep_likely -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●●○○ | ●●○ | 15 | 3 |
#
# Top-p keeps the fewest tokens whose shares *together reach* `p`, and gives them the whole. Most
# likely first, shares of $\mathrm{softmax}(\mathrm{logits}/T)$, result (b, v) in the order of the
# vocabulary. As it stands, **a token that is very likely is sometimes dropped, and the row is
# NaN**. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Try p = 0.5 with shares 0.7, 0.2, 0.1. Which tokens should stay? Which do?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# A token stays if the *more likely* ones have not reached p yet.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# What the more likely ones take together is `ranked.cumsum(dim=-1) - ranked`.
#
# </details>


# %%
def keep_likely(logits, temperature, p):
    """The probabilities that are drawn from, (b, v)."""
    ### BEGIN SOLUTION
    shares = (logits / temperature).softmax(dim=-1)
    ranked, order = shares.sort(dim=-1, descending=True)
    before = ranked.cumsum(dim=-1) - ranked
    ranked = ranked * (before < p)
    ranked = ranked / ranked.sum(dim=-1, keepdim=True)
    return torch.zeros_like(shares).scatter(-1, order, ranked)
    ### END SOLUTION
    # MEND shares = (logits / temperature).softmax(dim=-1)
    # MEND ranked, order = shares.sort(dim=-1, descending=True)
    # MEND before = ranked.cumsum(dim=-1)
    # MEND ranked = ranked * (before < p)
    # MEND ranked = ranked / ranked.sum(dim=-1, keepdim=True)
    # MEND return torch.zeros_like(shares).scatter(-1, order, ranked)


# %%
check("keep_likely", keep_likely)

# %% [markdown]
# ## 5 · How large is a GPT-2?
#
# <!-- card: count_gpt -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●●○○○ | ●○○ | 12 | 2 |
#
# Before you look it up: how many weights has a GPT-2 with this vocabulary, context, depth (blocks)
# and width? The head is the table of embeddings again, and nothing else; every linear map in a
# block has a bias; a norm has 2 · width numbers. The smallest published one (50,257; 1,024; 12;
# 768) has 124,439,808 <!-- asserted: smallest -->.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Count one block first: attention, network, two norms.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Attention has four maps from width to width; the network goes to four times the width and back.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# A block has 12 width² + 13 width. Add the embeddings, the places, and one last norm.
#
# </details>


# %%
def count_gpt(vocabulary, context, depth, width):
    """The number of weights."""
    ### BEGIN SOLUTION
    attention = 4 * (width * width + width)
    network = width * 4 * width + 4 * width + 4 * width * width + width
    block = attention + network + 2 * 2 * width
    return vocabulary * width + context * width + depth * block + 2 * width
    ### END SOLUTION


# %%
check("count_gpt", count_gpt)

# %%
### BEGIN SOLUTION
smallest = count_gpt(50_257, 1_024, 12, 768)
assert smallest == 124_439_808
print(f"{smallest:,} weights")
### END SOLUTION

# %% [markdown]
# ## 6 · Which temperature?
#
# <!-- card: temperature_for -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●●○○ | ●○○ | 15 | 2 |
#
# Search. `logits` (v) are scores and `entropy` a number of nats. Find the temperature $T$ between
# 0.03 and 30 at which $-\sum_i p_i \log p_i$ of $\mathrm{softmax}(\mathrm{logits}/T)$ is that
# number. A temperature within 0.1 % is near enough.
#
# <details><summary>Hint 1: a nudge</summary>
#
# The higher the temperature, the more even the shares, and the higher the entropy.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Halve an interval: try its middle, and keep the half that must hold the answer.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Try `(low * high) ** 0.5`; if the entropy there is too low, it becomes `low`, otherwise `high`.
# Sixty rounds are plenty.
#
# </details>


# %%
def temperature_for(logits, entropy):
    """The temperature at which the entropy is as asked."""
    ### BEGIN SOLUTION
    low, high = 0.001, 1000.0
    for _ in range(60):
        middle = (low * high) ** 0.5
        p = (logits / middle).softmax(dim=0)
        if torch.distributions.Categorical(p).entropy() < entropy:
            low = middle
        else:
            high = middle
    return middle
    ### END SOLUTION


# %%
check("temperature_for", temperature_for)

# %% [markdown]
# **Your claim.** Take ten scores 0, 1, ..., 9. Which temperature gives half of the largest
# possible entropy (that of ten equal shares, $\log 10$)?
#
# <!-- BEGIN SOLUTION -->
#
# 1.1 <!-- asserted: halfway -->, rounded.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
ten = torch.arange(10.0)
halfway = temperature_for(ten, 0.5 * torch.tensor(10.0).log())
assert round(float(halfway), 1) == 1.1
print(f"T = {float(halfway):.1f}")
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks:
# `python -m llmvis_course.checks --progress`.

# %%
show_progress("ex04_transformer")
