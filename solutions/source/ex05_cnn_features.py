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
# # 05 · Convolution and features · solutions
#
# You write convolution as a loop, mend pooling and Grad-CAM, and find out how far a network sees,
# and how much the edge of what it sees counts.
#
# **Minutes:** about 86, for 7 exercises and 14 points. **You need:** the page `05_cnn_features`.
#
# Each exercise has a card, a task, three hints to unfold one after the other, a cell to fill in,
# and a check. A check compares your function with the course's own on inputs that it draws, the
# smallest first, and shows the first one that differs; it knows the usual mistakes. Arguments are
# in the order of the task, and you may rename them. You may use what you wrote in earlier
# exercises. A cell with nothing but `...` is there for trying your function out.

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F

from llmvis_course.checks import check, keep_progress, show_progress

keep_progress()  # in progress.json, beside this notebook

# %% [markdown]
# ## 1 · How many places are left?
#
# <!-- card: output_size -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●○○○○ | ●●○ | 5 | 1 |
#
# Along one side there are `side` pixels. A window of `size` moves over them in steps of `stride`,
# after `padding` pixels were added at both ends. At how many places does it stand? Write the
# formula.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Try side 5, size 3, stride 1: draw it.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# The last window begins at side + 2 padding - size. How many steps fit in between?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# (side + 2 padding - size) // stride + 1.
#
# </details>


# %%
def output_size(side, size, stride, padding):
    """How many places a window has along one side."""
    ### BEGIN SOLUTION
    return (side + 2 * padding - size) // stride + 1
    ### END SOLUTION


# %%
check("output_size", output_size)

# %% [markdown]
# ## 2 · Convolution by hand
#
# <!-- card: convolve -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●○○ | ●●● | 20 | 3 |
#
# Write $y_{o,i,j} = b_o + \sum_c \sum_{u,v} W_{o,c,u,v}\,x_{c,\,si+u-p,\,sj+v-p}$ for pictures
# `x` (b, c, h, w), `weight` (o, c, k, k) and `bias` (o), with s for `stride` and p for
# `padding`, without `F.conv2d`. (One formula in print sums over the *output* channels; this one
# does not.)
#
# <details><summary>Hint 1: a nudge</summary>
#
# Pad first: `F.pad(x, [padding] * 4)`. Then two loops over places, nothing else.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# At place (i, j) the window is `x[:, :, s*i : s*i + k, s*j : s*j + k]`.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `(window[:, None] * weight).sum(dim=(2, 3, 4)) + bias` has shape (b, o). Stack over j to (b, o,
# j), then over i to (b, o, i, j): `dim=-1`, then `dim=-2`.
#
# </details>


# %%
def convolve(x, weight, bias, stride, padding):
    """One map for each output channel, (b, o, i, j)."""
    ### BEGIN SOLUTION
    x = F.pad(x, [padding] * 4)
    size = weight.shape[-1]
    down = (x.shape[2] - size) // stride + 1
    right = (x.shape[3] - size) // stride + 1
    rows = []
    for i in range(down):
        row = []
        for j in range(right):
            top, left = stride * i, stride * j
            window = x[:, None, :, top : top + size, left : left + size]
            row.append((window * weight).sum(dim=(2, 3, 4)) + bias)
        rows.append(torch.stack(row, dim=-1))
    return torch.stack(rows, dim=-2)
    ### END SOLUTION


# %%
check("convolve", convolve)

# %% [markdown]
# ## 3 · Pooling with a bright edge
#
# <!-- card: max_pool -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●○○○ | ●●○ | 10 | 2 |
#
# The largest number of each window of `size`, `stride` apart, after `padding`. On a dark picture
# (-1 everywhere) this function **draws a bright frame**. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# What does `F.pad` fill in where nothing is said?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# In a window at the edge, which wins: a pixel of -1, or the padding?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Fill something in that can never win: `value=-torch.inf`.
#
# </details>


# %%
def max_pool(x, size, stride, padding):
    """The largest number of each window, (b, c, i, j)."""
    ### BEGIN SOLUTION
    padded = F.pad(x, [padding] * 4, value=-torch.inf)
    windows = padded.unfold(2, size, stride).unfold(3, size, stride)
    return windows.amax(dim=(-2, -1))
    ### END SOLUTION
    # MEND padded = F.pad(x, [padding] * 4)
    # MEND windows = padded.unfold(2, size, stride).unfold(3, size, stride)
    # MEND return windows.amax(dim=(-2, -1))


# %%
check("max_pool", max_pool)

# %% [markdown]
# ## 4 · How far does it see?
#
# <!-- card: receptive_field -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●○○ | ●●○ | 12 | 2 |
#
# `layers` is a tuple of pairs (size, stride), the layer next to the picture first. How many pixels
# along one side can one place of the last layer see? With no layers it is 1.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Two convolutions of size 3, stride 1: draw which pixels one output needs.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# A layer adds (size - 1) steps. How long is one step, in pixels of the picture?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Keep two numbers: what is seen, and how long a step is. Each layer adds (size - 1) · step, and
# *then* multiplies the step by its stride.
#
# </details>


# %%
def receptive_field(layers):
    """Pixels along one side that one output depends on."""
    ### BEGIN SOLUTION
    seen, step = 1, 1
    for size, stride in layers:
        seen = seen + (size - 1) * step
        step = step * stride
    return seen
    ### END SOLUTION


# %%
check("receptive_field", receptive_field)

# %% [markdown]
# ## 5 · Fine and coarse together
#
# <!-- card: fuse -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●○ | 12 | 2 |
#
# Add coarse features to fine ones: `fine` (b, c, 2h, 2w), `coarse` (b, e, h, w). First bring the
# coarse ones to c channels with `weight` (c, e), place by place (a 1 x 1 convolution), then repeat
# each place to 2 x 2, then add.
#
# <details><summary>Hint 1: a nudge</summary>
#
# A 1 x 1 convolution is a matrix product at every place.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `torch.einsum("ce,behw->bchw", weight, coarse)`, or flatten the places and use `@`.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `repeat_interleave(2, dim=2)` repeats each row; `repeat` would lay whole maps side by side.
#
# </details>


# %%
def fuse(fine, coarse, weight):
    """Fine features that know the coarse ones, (b, c, 2h, 2w)."""
    ### BEGIN SOLUTION
    b, _, h, w = coarse.shape
    same = (weight @ coarse.flatten(2)).view(b, -1, h, w)
    large = same.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    return fine + large
    ### END SOLUTION


# %%
check("fuse", fuse)

# %% [markdown]
# ## 6 · Heat in the wrong places
#
# <!-- card: grad_cam -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●●○○ | ●●○ | 12 | 2 |
#
# Grad-CAM: $\mathrm{ReLU}(\sum_c a_c A_c)$, where $a_c$ is the mean over all places of the
# gradient of channel c. `features` and `gradients` are (c, h, w), the map is (h, w). As it stands,
# **channels that speak against the class shine as well**. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# One channel is for the class, another against it, in the same place. What should be seen there?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Where is the ReLU: before or behind the sum over channels? And the weights: what became of their
# signs?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `weights = gradients.mean(dim=(1, 2))`, without `abs`; the ReLU comes last.
#
# </details>


# %%
def grad_cam(features, gradients):
    """Where the evidence for the class is, (h, w)."""
    ### BEGIN SOLUTION
    weights = gradients.mean(dim=(1, 2))
    total = (weights[:, None, None] * features).sum(dim=0)
    return torch.relu(total)
    ### END SOLUTION
    # MEND weights = gradients.abs().mean(dim=(1, 2))
    # MEND total = (weights[:, None, None] * features).sum(dim=0)
    # MEND return torch.relu(total)


# %%
check("grad_cam", grad_cam)

# %% [markdown]
# ## 7 · Does the edge count?
#
# <!-- card: middle_share -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●●○○ | ●●○ | 15 | 2 |
#
# Measure. After `depth` convolutions of three taps (1-D, each tap 1/3) one output sees 2 · depth +
# 1 pixels. Send a single 1 through all layers, and return which share of the total arrives at most
# depth / 2 places from the centre, to either side (`depth` is even).
#
# <details><summary>Hint 1: a nudge</summary>
#
# Start with zeros and a 1 in the middle, in a row of 2 · depth + 1 numbers.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# One layer replaces each number by the mean of itself and its neighbours (0 beyond the ends).
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Add up `row[depth - depth // 2 : depth + depth // 2 + 1]`.
#
# </details>


# %%
def middle_share(depth):
    """The share of the influence that comes from the middle half."""
    ### BEGIN SOLUTION
    row = torch.zeros(2 * depth + 1, dtype=torch.float64)
    row[depth] = 1.0
    for _ in range(depth):
        padded = F.pad(row, [1, 1])
        row = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    cut = depth // 2
    return row[depth - cut : depth + cut + 1].sum().item()
    ### END SOLUTION


# %%
check("middle_share", middle_share)

# %% [markdown]
# **Your claim.** How much of the influence comes from the middle half with 32 layers? What would
# it be if all pixels counted the same?
#
# <!-- BEGIN SOLUTION -->
#
# With 32 layers it is 99.97 % <!-- asserted: middle -->, rounded: what a network *can* see is not
# what it looks at. *What to see:* the share climbs towards one as the network gets deeper.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
middle = middle_share(32)
assert round(100 * middle, 2) == 99.97
print(f"{100 * middle:.2f} % from the middle half")
depths = range(2, 34, 2)
plt.figure(figsize=(4, 2.6))
plt.plot(depths, [middle_share(d) for d in depths], "o-")
plt.axhline(0.5, color="gray", label="if all pixels counted the same")
plt.xlabel("layers")
plt.ylabel("share of the middle half")
plt.legend()
plt.show()
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks:
# `python -m llmvis_course.checks --progress`.

# %%
show_progress("ex05_cnn_features")
