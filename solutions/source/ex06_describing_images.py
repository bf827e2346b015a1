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
# # 06 · Looking, writing, and looking ahead · solutions
#
# You write how a captioner looks at a picture before each word, mend a loss that teaches it to
# write padding, and search for the likeliest sentence.
#
# **Minutes:** about 67, for 5 exercises and 12 points. **You need:** the softmax, logarithms of
# probabilities, and indices of tensors.
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
# ## 1 · From a loss to a sentence
#
# <!-- card: sentence_probability -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●○○○○ | ●●○ | 5 | 1 |
#
# A captioner has a `loss` of $L$ nats per word. How probable, then, is a sentence of `words` words,
# if every word costs just that? With 0.1 nats and 9 words it is 0.41 <!-- asserted: nine -->,
# rounded: even a good captioner would seldom write the very sentence of the data.
#
# <details><summary>Hint 1: a nudge</summary>
#
# The loss is minus the logarithm of a word's probability.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Probabilities of words multiply; their logarithms add.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# exp(-L n).
#
# </details>


# %%
def sentence_probability(loss, words):
    """The probability of the whole sentence."""
    ### BEGIN SOLUTION
    return math.exp(-loss * words)
    ### END SOLUTION


# %%
check("sentence_probability", sentence_probability)

# %%
### BEGIN SOLUTION
nine = sentence_probability(0.1, 9)
assert round(nine, 2) == 0.41
print(f"{nine:.2f}")
### END SOLUTION

# %% [markdown]
# ## 2 · Where to look before the next word
#
# <!-- card: look -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●○○ | ●●● | 15 | 3 |
#
# The decoder's `state` (b, d) decides how much each of the m `cells` (b, m, e) of the picture
# counts. Additive attention scores a cell $c_j$ for the state $h$ by $v \cdot \tanh(h W_h + c_j
# W_c)$, with `w_state` (d, k), `w_cell` (e, k), and the vector `score` (k), which is v. The weights
# are the softmax of the scores over the cells. Return what is seen, $\sum_j a_j c_j$ (b, e), and
# the weights (b, m).
#
# <details><summary>Hint 1: a nudge</summary>
#
# One state is added to every cell: which axis is missing from `state @ w_state`?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `torch.tanh(...) @ score` has the shape (b, m).
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `weights[:, :, None] * cells`, summed over the cells.
#
# </details>


# %%
def look(state, cells, w_state, w_cell, score):
    """What is seen, (b, e), and the weights of the cells, (b, m)."""
    ### BEGIN SOLUTION
    thought = torch.tanh((state @ w_state)[:, None] + cells @ w_cell)
    weights = (thought @ score).softmax(dim=1)
    seen = (weights[:, :, None] * cells).sum(dim=1)
    return seen, weights
    ### END SOLUTION


# %%
check("look", look)

# %% [markdown]
# ## 3 · A captioner that loves padding
#
# <!-- card: caption_loss -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●○○○ | ●●● | 12 | 2 |
#
# `logits` (b, n, v) score every word at every place, `targets` (b, n) holds the words that should
# stand there, and `real` (b, n) is False where a short sentence was padded: what `targets` holds
# there means nothing. The loss is the mean of minus the log-probability over *real* words, in nats.
# A captioner trained with the code below **has a loss near zero and learns mostly to write
# padding**. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Of a batch with one long sentence and many short ones: what are most places?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Where is `real` used?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `lost[real]` holds the real words' losses only.
#
# </details>


# %%
def caption_loss(logits, targets, real):
    """The loss in nats per real word, a number without axes."""
    ### BEGIN SOLUTION
    lost = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    return lost[real].mean()
    ### END SOLUTION
    # MEND lost = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    # MEND return lost.mean()


# %%
check("caption_loss", caption_loss)

# %% [markdown]
# ## 4 · A step of beam search
#
# <!-- card: beam_step -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●○○ | ●●○ | 15 | 3 |
#
# There are k beginnings of a sentence, with the log-probabilities `log_p` (k). `step` (k, v) holds
# the log-probability of each next word after each. Of all k · v ways to go on, keep the k
# likeliest. Return three tensors (k), the likeliest first: their log-probabilities, which beginning
# each came from, and its new word (both int64).
#
# <details><summary>Hint 1: a nudge</summary>
#
# How probable is a beginning together with its next word?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Flatten the table of sums, and let `topk` choose.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# In a flat table with v places a row, place i lies in row `i // v`, at `i % v`.
#
# </details>


# %%
def beam_step(log_p, step):
    """Log-probabilities, beginnings, and words of the k likeliest."""
    ### BEGIN SOLUTION
    total = log_p[:, None] + step
    best, where = total.flatten().topk(len(log_p))
    return best, where // step.shape[1], where % step.shape[1]
    ### END SOLUTION


# %%
check("beam_step", beam_step)

# %% [markdown]
# ## 5 · Is looking ahead worth it?
#
# <!-- card: found_by_beams -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●●●○ | ●●○ | 20 | 3 |
#
# Measure. In a little language the next word depends on the last one only: `table` (v, v) has $\log
# p(\text{next} \mid \text{word})$, and word 0 comes before all. Search with `beams` beginnings for
# a sentence of `words` words, and return the log-probability of the likeliest one that you find, as
# a number. At first there is one beginning. In each round keep the `beams` likeliest of all ways to
# go on, or all of them if there are fewer. Then state your claim.
#
# <details><summary>Hint 1: a nudge</summary>
#
# `table[last]` is the `step` of exercise 4 for the last words of all beginnings. But `beam_step`
# keeps as many as it is given: from one it makes one. Here the number has to grow.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Start with `last = torch.tensor([0])` and one log-probability of 0.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# In each round: add, flatten, `topk(min(beams, len(total)))`, and the new last words are the places
# `% v`.
#
# </details>


# %%
def found_by_beams(table, beams, words):
    """The log-probability of the sentence that was found."""
    ### BEGIN SOLUTION
    last = torch.tensor([0])
    log_p = table.new_zeros(1)
    for _ in range(words):
        total = (log_p[:, None] + table[last]).flatten()
        log_p, where = total.topk(min(beams, len(total)))
        last = where % len(table)
    return log_p.max().item()
    ### END SOLUTION


# %%
check("found_by_beams", found_by_beams)

# %% [markdown]
# **Your claim.** In 200 random languages of 8 words: how often do 3 beams find a better sentence of
# 5 words than greedy search does? How often a worse one? Draw them with `torch.manual_seed(0)` and
# `torch.randn(8, 8, dtype=torch.float64).log_softmax(dim=1)`.
#
# <!-- BEGIN SOLUTION -->
#
# In more than 20 % of the languages 3 beams find a better sentence,<!-- asserted: better --> and in
# hardly any a worse one. It can happen: a beginning that greedy search keeps may fall out of a beam
# full of others. *What to see:* the first beams bring the most.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
torch.manual_seed(0)
tables = [torch.randn(8, 8, dtype=torch.float64).log_softmax(dim=1) for _ in range(200)]
found = torch.tensor([[found_by_beams(t, beams, 5) for beams in (1, 2, 3, 5, 8)] for t in tables])
better = (found[:, 2] > found[:, 0] + 1e-4).float().mean().item()
worse = (found[:, 2] < found[:, 0] - 1e-4).float().mean().item()
assert better > 0.2 and worse < 0.05
plt.figure(figsize=(4, 2.6))
plt.plot((1, 2, 3, 5, 8), found.mean(dim=0), "o-")
plt.xlabel("beams")
plt.ylabel("mean log-probability found")
plt.show()
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks: `python -m
# llmvis_course.checks --progress`.

# %%
show_progress("ex06_describing_images")
