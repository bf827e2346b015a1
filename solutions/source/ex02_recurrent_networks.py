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
# # 02 · Recurrent networks · solutions
#
# You write one step of a recurrent network, let it read a sequence, mend a gated cell, and measure
# what becomes of a gradient on its way back through time.
#
# **Minutes:** about 62, for 6 exercises and 13 points. **You need:** the page
# `02_recurrent_networks`.
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
# ## 1 · One step
#
# <!-- card: rnn_step -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●○○○○ | ●●● | 8 | 2 |
#
# Write $h' = \tanh(W x + U h + b)$ for a batch: inputs `x` (b, i), states `h` (b, d), weights `w`
# (d, i) and `u` (d, d), bias `b` (d). Weights are laid out as in `nn.Linear`: one row for each
# number of the result.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Write down the shapes: (b, i) and (d, i) should give (b, d).
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `x @ w.T` multiplies each row of x with each row of w.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Add `x @ w.T`, `h @ u.T` and `b`, and take `torch.tanh` once of the sum.
#
# </details>


# %%
def rnn_step(x, h, w, u, b):
    """The next states, (b, d)."""
    ### BEGIN SOLUTION
    return torch.tanh(x @ w.T + h @ u.T + b)
    ### END SOLUTION


# %%
check("rnn_step", rnn_step)

# %% [markdown]
# ## 2 · Read a sequence
#
# <!-- card: read_sequence -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 12 | 3 |
#
# Read `x` (b, n, i) from left to right with the step above, from a state of zeros, and return
# *all* states, (b, n, d). Gradients should find their way back through time.
#
# <details><summary>Hint 1: a nudge</summary>
#
# A loop over positions, a state that is replaced in each round, a list that grows.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `x.unbind(dim=1)` gives the inputs position by position. Zeros of the right type:
# `x.new_zeros(len(x), len(b))`.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `states.append(h)` after each step; at the end `torch.stack(states, dim=1)`.
#
# </details>


# %%
def read_sequence(x, w, u, b):
    """The state after each position, (b, n, d)."""
    ### BEGIN SOLUTION
    h = torch.zeros(len(x), len(b), dtype=x.dtype)
    states = []
    for x_t in x.unbind(dim=1):
        h = torch.tanh(x_t @ w.T + h @ u.T + b)
        states.append(h)
    return torch.stack(states, dim=1)
    ### END SOLUTION


# %%
check("read_sequence", read_sequence)

# %% [markdown]
# ## 3 · A gate that forgets too well
#
# <!-- card: gru_step -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●●○○ | ●●○ | 15 | 3 |
#
# This GRU **forgets what it should remember**: the longer a gate wants to keep a state, the sooner
# it is gone. Mend it. `w` (3d, i) and `u` (3d, d) hold three maps stacked in the order reset,
# update, proposal; `b` and `c` (3d) are their biases:
# $r = \sigma(W_r x + b_r + U_r h + c_r)$, $z$ likewise,
# $\tilde h = \tanh(W x + b + r \odot (U h + c))$, and $h' = (1 - z) \odot \tilde h + z \odot h$.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Compare the code with the equations, line by line, from the bottom up.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Where the update gate $z$ is 1, the old state should be kept. Put z = 1 into the last line: which
# of the two is left?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `z` belongs to the old state `h`, and `1 - z` to the proposal `new`.
#
# </details>


# %%
def gru_step(x, h, w, u, b, c):
    """The next states, (b, d)."""
    ### BEGIN SOLUTION
    r_x, z_x, new_x = (x @ w.T + b).chunk(3, dim=1)
    r_h, z_h, new_h = (h @ u.T + c).chunk(3, dim=1)
    r = torch.sigmoid(r_x + r_h)
    z = torch.sigmoid(z_x + z_h)
    new = torch.tanh(new_x + r * new_h)
    return (1 - z) * new + z * h
    ### END SOLUTION
    # MEND r_x, z_x, new_x = (x @ w.T + b).chunk(3, dim=1)
    # MEND r_h, z_h, new_h = (h @ u.T + c).chunk(3, dim=1)
    # MEND r = torch.sigmoid(r_x + r_h)
    # MEND z = torch.sigmoid(z_x + z_h)
    # MEND new = torch.tanh(new_x + r * new_h)
    # MEND return z * new + (1 - z) * h


# %%
check("gru_step", gru_step)

# %% [markdown]
# ## 4 · Clip, and keep the direction
#
# <!-- card: clip_gradients -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●○ | 10 | 2 |
#
# `grads` is a tuple of gradients of any shapes. Where their common length $\|g\|$ (the root of the
# sum of *all* their squared numbers) exceeds `limit`, scale all of them by the same factor so that
# it equals `limit`; otherwise leave them. Return a tuple or list of new tensors.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Think of all numbers as one long vector. What is its length?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `sum((g ** 2).sum() for g in grads) ** 0.5` is the length.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# The factor is `min(1.0, limit / length)`; multiply each gradient with it (a length of 0 needs no
# factor).
#
# </details>


# %%
def clip_gradients(grads, limit):
    """The gradients, together at most `limit` long."""
    ### BEGIN SOLUTION
    length = sum((grad**2).sum() for grad in grads) ** 0.5
    factor = min(1.0, limit / length)
    return [grad * factor for grad in grads]
    ### END SOLUTION


# %%
check("clip_gradients", clip_gradients)

# %% [markdown]
# ## 5 · How many weights?
#
# <!-- card: count_gru -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●○○○○ | ●○○ | 5 | 1 |
#
# Before you build it: how many weights has torch's GRU cell with `inputs` inputs and `width`
# states? (It keeps a bias with each of its maps.) The one with 32 inputs and 64 states has
# 18,816 <!-- asserted: weights -->.
#
# <details><summary>Hint 1: a nudge</summary>
#
# A GRU is three maps of the input and three of the state.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# One map of the input has width times inputs weights, and width biases.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# 3 (width · inputs + width · width + 2 width).
#
# </details>


# %%
def count_gru(inputs, width):
    """The number of weights, biases included."""
    ### BEGIN SOLUTION
    return 3 * (width * inputs + width * width + 2 * width)
    ### END SOLUTION


# %%
check("count_gru", count_gru)

# %%
### BEGIN SOLUTION
weights = count_gru(32, 64)
assert weights == 18_816
assert weights == sum(p.numel() for p in torch.nn.GRUCell(32, 64).parameters())
print(f"{weights:,} weights")
### END SOLUTION

# %% [markdown]
# ## 6 · What is left of a gradient?
#
# <!-- card: gradient_left -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●○○○ | ●●● | 12 | 2 |
#
# Measure. Let $h_t = \tanh(u\,h_{t-1})$ start from $h_0 = 0.5$ (float64), and return
# $|\partial h_T / \partial h_0|$ after `steps` steps, as a number. Then state your claim: after
# how many steps is less than a thousandth left?
#
# <details><summary>Hint 1: a nudge</summary>
#
# Let autograd do it: the start is a tensor with `requires_grad=True`.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Keep the start under its own name; the loop replaces `h`.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `h.backward()`, then `abs(start.grad.item())`.
#
# </details>


# %%
def gradient_left(u, steps):
    """How much the last state moves when the first one does."""
    ### BEGIN SOLUTION
    start = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    h = start
    for _ in range(steps):
        h = torch.tanh(u * h)
    h.backward()
    return abs(start.grad.item())
    ### END SOLUTION


# %%
check("gradient_left", gradient_left)

# %% [markdown]
# **Your claim.** With $u = 0.5$, after how many steps is less than a thousandth left? And what
# changes with $u = 1$ and $u = 1.5$?
#
# <!-- BEGIN SOLUTION -->
#
# After 10 <!-- asserted: gone --> steps. *What to see:* with u = 0.5 the gradient vanishes at a
# steady rate, with u = 1 slowly, and with u = 1.5 it vanishes too: the tanh is flat where it is
# saturated.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
gone = next(n for n in range(1, 100) if gradient_left(0.5, n) < 1e-3)
assert gone == 10
print(f"a thousandth is left after {gone} steps")
plt.figure(figsize=(4, 2.6))
for u in (0.5, 1.0, 1.5):
    plt.semilogy(range(1, 31), [gradient_left(u, n) for n in range(1, 31)], label=f"u = {u}")
plt.xlabel("steps")
plt.ylabel("gradient left")
plt.legend()
plt.show()
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks:
# `python -m llmvis_course.checks --progress`.

# %%
show_progress("ex02_recurrent_networks")
