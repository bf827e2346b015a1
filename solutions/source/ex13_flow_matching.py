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
# # 13 · From noise to data, and how fast · solutions
#
# You write the path from data to noise and its velocity, work one velocity out exactly, mend a
# sampler that walks the wrong way, and measure what few steps cost.
#
# **Minutes:** about 72, for 6 exercises and 14 points. **You need:** Gaussians and their variances,
# and derivatives.
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
from llmvis_course.models.flow import linear_guess

keep_progress()  # in progress.json, beside this notebook

# %% [markdown]
# ## 1 · How much of it is noise?
#
# <!-- card: noise_share -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●●○○○ | ●●○ | 6 | 1 |
#
# On the straight path $x_t = (1 - t)\,x_0 + t\,\epsilon$, time 0 is data and time 1 is noise. The
# data have the standard deviation `std`, the noise has 1, and neither knows of the other. Which
# share of the *variance* of $x_t$ comes from the noise? Pictures of mostly black paper have a
# deviation near 0.2: half-way, at t = 0.5, noise is 0.96 <!-- asserted: half_way --> of the
# variance, rounded.
#
# <details><summary>Hint 1: a nudge</summary>
#
# How does the variance change if a number is multiplied by t?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Variances of independent numbers add up.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# The noise brings t², the data bring (1 - t)² std².
#
# </details>


# %%
def noise_share(t, std):
    """The noise's share of the variance at time t."""
    ### BEGIN SOLUTION
    return t**2 / (t**2 + (1 - t) ** 2 * std**2)
    ### END SOLUTION


# %%
check("noise_share", noise_share)

# %%
### BEGIN SOLUTION
half_way = noise_share(0.5, 0.2)
assert round(half_way, 2) == 0.96
print(f"{half_way:.2f}")
### END SOLUTION

# %% [markdown]
# ## 2 · The path and its velocity
#
# <!-- card: path_and_target -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 12 | 3 |
#
# `x0` holds data and `noise` standard normal numbers of the same shape, (b, ...): rows of numbers
# or pictures. `t` (b) holds a time for each row. Return two tensors: $x_t = (1 - t)\,x_0 +
# t\,\epsilon$, and the velocity that the network should learn, the derivative of $x_t$ by $t$.
#
# <details><summary>Hint 1: a nudge</summary>
#
# `t` needs as many axes as `x0`, all but the first of length 1.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# The path is a straight line: where is t in its derivative?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `t.view(-1, *[1] * (x0.dim() - 1))`; and what comes in (noise) minus what goes (data).
#
# </details>


# %%
def path_and_target(x0, noise, t):
    """Where each path is at its time, and its velocity: (b, ...) each."""
    ### BEGIN SOLUTION
    t = t.view(-1, *[1] * (x0.dim() - 1))
    return (1 - t) * x0 + t * noise, noise - x0
    ### END SOLUTION


# %%
check("path_and_target", path_and_target)

# %% [markdown]
# ## 3 · More than the caption asks
#
# <!-- card: guide -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●○○○○ | ●●● | 6 | 2 |
#
# The network gives a velocity for the caption, `v_told`, and one of the same shape for an empty
# caption, `v_free`. Mix them with the guidance `w`, a number. In this course w = 1 is the plain
# model, w = 0 ignores the text, and w = 5 goes five times as far from `v_free` as the caption does.
# (Papers differ: some call this w + 1.)
#
# <details><summary>Hint 1: a nudge</summary>
#
# What does the caption change? That is a difference.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Start from the empty caption, and go w times that way.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# At w = 1 it should be `v_told`, at w = 0 `v_free`: their weights are w and 1 - w.
#
# </details>


# %%
def guide(v_told, v_free, w):
    """The velocity to follow."""
    ### BEGIN SOLUTION
    return v_free + w * (v_told - v_free)
    ### END SOLUTION


# %%
check("guide", guide)

# %% [markdown]
# ## 4 · A velocity without a network
#
# <!-- card: gaussian_velocity -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●●○ | ●●○ | 18 | 3 |
#
# Let the data be numbers from $N(\mu, \sigma^2)$, `mean` and `std`. Then no network is needed: the
# velocity at `x` (n), at the time `t` (a number), is $v(x, t) = \mathbb{E}[\epsilon - x_0 \mid x_t
# = x]$. All is Gaussian here, so it is linear in x:
#
# $v = \mathbb{E}[\epsilon - x_0] + \frac{\mathrm{cov}(\epsilon - x_0,\,
# x_t)}{\mathrm{var}(x_t)}\,(x - \mathbb{E}[x_t])$.
#
# Work out the four parts: two means, a covariance, a variance. Noise knows nothing of the data.
#
# <details><summary>Hint 1: a nudge</summary>
#
# The two means: noise has mean 0, the data have `mean`.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# cov(noise, x_t) is t; cov(x0, x_t) is (1 - t) std². And the variance you know from exercise 1.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# The slope is (t - (1 - t) std²) / (t² + (1 - t)² std²). Multiply it by x - (1 - t) · mean, and
# take the mean off at the end.
#
# </details>


# %%
def gaussian_velocity(x, t, mean, std):
    """The mean velocity of all paths through x at time t, (n)."""
    ### BEGIN SOLUTION
    variance = t**2 + (1 - t) ** 2 * std**2
    slope = (t - (1 - t) * std**2) / variance
    return slope * (x - (1 - t) * mean) - mean
    ### END SOLUTION


# %%
check("gaussian_velocity", gaussian_velocity)

# %% [markdown]
# ## 5 · A sampler that ends far away
#
# <!-- card: walk -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●●○○ | ●●● | 15 | 3 |
#
# Euler's method walks from `noise` (n) at time 1 to data at time 0, in `steps` steps of the same
# length, each along the velocity where it begins. (`linear_guess` is the course's; the first thing
# it returns is the velocity of exercise 4.) In the code below **the numbers end further from the
# data than they began**. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Take mean 3 and follow one number by hand. Which way does it go?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# The velocity is a derivative by t, and t falls.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# A step back in time takes the velocity off: x - v / steps.
#
# </details>


# %%
def walk(noise, mean, std, steps):
    """Where the walk ends at time 0, (n)."""
    ### BEGIN SOLUTION
    x = noise
    for k in range(steps):
        t = 1 - k / steps
        v, *_ = linear_guess(x, x.new_full((len(x),), t), mean, std)
        x = x - v / steps
    return x
    ### END SOLUTION
    # MEND x = noise
    # MEND for k in range(steps):
    # MEND     t = 1 - k / steps
    # MEND     v, *_ = linear_guess(x, x.new_full((len(x),), t), mean, std)
    # MEND     x = x + v / steps
    # MEND return x


# %%
check("walk", walk)

# %% [markdown]
# ## 6 · What few steps cost
#
# <!-- card: spread_after -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●○○○ | ●●○ | 15 | 2 |
#
# Measure. The data are $N(0, \sigma^2)$, `std` is σ. Let 20,000 numbers of standard normal noise,
# or more, walk in `steps` steps (exercise 5), and return the standard deviation of where they end.
# The check allows 2 %. Then state your claim.
#
# <details><summary>Hint 1: a nudge</summary>
#
# It need not be σ: that is what you measure.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `noise = torch.randn(20_000, dtype=torch.float64)`.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `walk(noise, 0.0, std, steps).std().item()`.
#
# </details>


# %%
def spread_after(std, steps):
    """The standard deviation where the walk ends."""
    ### BEGIN SOLUTION
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(20_000, generator=rng, dtype=torch.float64)
    return walk(noise, 0.0, std, steps).std().item()
    ### END SOLUTION


# %%
check("spread_after", spread_after)

# %% [markdown]
# **Your claim.** Where does a single step end? And by how much does the error shrink if you take
# twice as many steps? Take σ = 2.
#
# <!-- BEGIN SOLUTION -->
#
# A single step ends at the mean of all data: no spread is left. For the rest, follow the number 1:
# with infinitely many steps it ends at 2. The error nearly halves with each doubling of the steps:
# 64 steps have 0.51 <!-- asserted: ratio --> of the error of 32, rounded. That is what "of first
# order" means. *What to see:* on logarithmic axes, the errors follow the line of slope -1.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
one = torch.ones(1, dtype=torch.float64)
error = {n: abs(walk(one, 0.0, 2.0, n).item() - 2.0) for n in (1, 2, 4, 8, 16, 32, 64)}
ratio = error[64] / error[32]
assert spread_after(2.0, 1) < 1e-6 and round(ratio, 2) == 0.51
print(f"{ratio:.2f}")
plt.figure(figsize=(4, 2.6))
plt.loglog(list(error), list(error.values()), "o-", label="measured")
plt.loglog([8, 64], [error[64] * 8, error[64]], color="gray", label="slope -1")
plt.xlabel("steps")
plt.ylabel("error of the spread")
plt.legend()
plt.show()
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks: `python -m
# llmvis_course.checks --progress`.

# %%
show_progress("ex13_flow_matching")
