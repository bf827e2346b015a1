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
# # 10 · Who decides what counts · solutions
#
# You write three rules that weigh losses, mend one that differentiates its own weight, and measure
# what uncertainty really does to a loss.
#
# **Minutes:** about 60, for 5 exercises and 12 points. **You need:** logarithms, gradients, and
# `torch.autograd.grad`.
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

from llmvis_course.checks import check, keep_progress, show_progress

keep_progress()  # in progress.json, beside this notebook

# %% [markdown]
# ## 1 · As uncertain as it should be
#
# <!-- card: best_deviation -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●●○○○ | ●●○ | 6 | 1 |
#
# A task has the `loss` $L$, a mean squared error. Give it an uncertainty $\sigma$, and let it cost
# $\frac{L}{2\sigma^2} + \log\sigma$. For which σ is that least? If the loss is 4, it is least at
# 2.0 <!-- asserted: best -->.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Where is the derivative by σ zero?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# It is 1/σ - L/σ³.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# σ² = L: the variance becomes the loss.
#
# </details>


# %%
def best_deviation(loss):
    """The sigma at which the sum is least."""
    ### BEGIN SOLUTION
    return loss**0.5
    ### END SOLUTION


# %%
check("best_deviation", best_deviation)

# %%
### BEGIN SOLUTION
best = best_deviation(4.0)
trial = [4 / (2 * sigma**2) + math.log(sigma) for sigma in (best - 0.1, best, best + 0.1)]
assert best == 2.0 and min(trial) == trial[1]
print(best)
### END SOLUTION

# %% [markdown]
# ## 2 · Several tasks, one number
#
# <!-- card: uncertainty_sum -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 10 | 3 |
#
# `losses` (k) are those of k tasks, and `log_vars` (k) their learned $s_i = \log\sigma_i^2$. Write
# $\sum_i \tfrac12 e^{-s_i} L_i + \tfrac12 s_i$. Gradients should reach both: the network learns
# through the losses, and the weights through the $s_i$.
#
# <details><summary>Hint 1: a nudge</summary>
#
# A task with much noise should count less. What stops it from counting nothing at all?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Two terms for each task, each with its half.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `0.5 * torch.exp(-log_vars) * losses`, and half of `log_vars`; then the sum of all.
#
# </details>


# %%
def uncertainty_sum(losses, log_vars):
    """The number to descend on, without axes."""
    ### BEGIN SOLUTION
    weighted = 0.5 * torch.exp(-log_vars) * losses
    return (weighted + 0.5 * log_vars).sum()
    ### END SOLUTION


# %%
check("uncertainty_sum", uncertainty_sum)

# %% [markdown]
# ## 3 · A weight that teaches what it should not
#
# <!-- card: balanced_sum -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●●●○ | ●●● | 18 | 3 |
#
# Two losses meet at `weight` (d): $L_1 = \mathrm{mean}((x w)^2)$ and $L_2 = \mathrm{mean}((y w -
# 1)^2)$, for `x` (n, d) and `y` (m, d). They shall pull equally hard, but for a chosen `factor` f:
# $L_1 + f \lambda L_2$ with $\lambda = \lVert\nabla_w L_1\rVert / \lVert\nabla_w L_2\rVert$. In the
# code below the numbers are right. But the network also learns **to make the ratio small**, which
# nobody asked for. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# `create_graph=True` keeps the way by which the gradients were computed.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# The ratio should be a number, as if it had been typed in.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `ratio.detach()`. (Or leave the graph out of it: with `retain_graph=True` the slopes are plain
# numbers.)
#
# </details>


# %%
def balanced_sum(weight, x, y, factor):
    """The sum of both losses; its gradient takes the ratio for a number."""
    ### BEGIN SOLUTION
    one = (x @ weight).square().mean()
    two = (y @ weight - 1).square().mean()
    (pull_one,) = torch.autograd.grad(one, weight, create_graph=True)
    (pull_two,) = torch.autograd.grad(two, weight, create_graph=True)
    ratio = pull_one.norm() / pull_two.norm()
    return one + factor * ratio.detach() * two
    ### END SOLUTION
    # MEND one = (x @ weight).square().mean()
    # MEND two = (y @ weight - 1).square().mean()
    # MEND (pull_one,) = torch.autograd.grad(one, weight, create_graph=True)
    # MEND (pull_two,) = torch.autograd.grad(two, weight, create_graph=True)
    # MEND ratio = pull_one.norm() / pull_two.norm()
    # MEND return one + factor * ratio * two


# %%
check("balanced_sum", balanced_sum)

# %% [markdown]
# ## 4 · Help for those who lag behind
#
# <!-- card: pull_targets -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●○○ | ●●○ | 14 | 3 |
#
# GradNorm wants all tasks to learn equally fast. `pulls` (k) says how hard each pulls now, $G_i$;
# `losses` (k) are those of now, and `first` (k) those of the first step. The share $L_i / L_i(0)$
# is what is left of each, and $r_i$ is that share divided by the mean of all shares. Return the
# targets $\bar G\,r_i^\alpha$, with the mean pull $\bar G$ and a number `alpha`: (k).
#
# <details><summary>Hint 1: a nudge</summary>
#
# A task with much of its first loss left lags behind.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# If all are equally fast, all r are 1.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `left = losses / first`; then `left / left.mean()`, to the power of `alpha`, times the mean pull.
#
# </details>


# %%
def pull_targets(pulls, losses, first, alpha):
    """How hard each task should pull, (k)."""
    ### BEGIN SOLUTION
    left = losses / first
    rate = left / left.mean()
    return pulls.mean() * rate**alpha
    ### END SOLUTION


# %%
check("pull_targets", pull_targets)

# %% [markdown]
# ## 5 · What uncertainty does
#
# <!-- card: learned_weight -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●○○○ | ●●● | 12 | 2 |
#
# Measure. A task has a `loss` (a number) that stays as it is. Let s start at 0 and descend on
# $\tfrac12 e^{-s} L + \tfrac12 s$ until it stands still. Return the weight $\tfrac12 e^{-s}$ by
# which the loss is multiplied at the end. The check allows 1 %.
#
# <details><summary>Hint 1: a nudge</summary>
#
# What is the slope of the sum by s?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# It is (1 - exp(-s) L) / 2. A plain number will do for s, and a loop.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# A few hundred times `s = s - 0.05 * (1 - math.exp(-s) * loss)`.
#
# </details>


# %%
def learned_weight(loss):
    """The weight of the loss in the end."""
    ### BEGIN SOLUTION
    s = 0.0
    for _ in range(400):
        s = s - 0.05 * (1 - math.exp(-s) * loss)
    return 0.5 * math.exp(-s)
    ### END SOLUTION


# %%
check("learned_weight", learned_weight)

# %% [markdown]
# **Your claim.** Two tasks have losses of 0.25 and 10. How much does each contribute in the end,
# its weight times its loss? What does the rule really want?
#
# <!-- BEGIN SOLUTION -->
#
# Each contributes 0.5 <!-- asserted: share -->, rounded: the rule makes all tasks count the same,
# however large their losses are. It does not know which one matters to you. *What to see:* the
# weights fall like one over the loss.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
share = [learned_weight(loss) * loss for loss in (0.25, 10.0)]
assert [round(one, 2) for one in share] == [0.5, 0.5]
print(" and ".join(f"{one:.2f}" for one in share))
some = (0.25, 0.5, 1.0, 2.0, 4.0, 10.0)
plt.figure(figsize=(4, 2.6))
plt.loglog(some, [learned_weight(loss) for loss in some], "o", label="learned")
plt.loglog(some, [1 / (2 * loss) for loss in some], color="gray", label="1 / (2 L)")
plt.xlabel("loss")
plt.ylabel("weight in the end")
plt.legend()
plt.show()
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks: `python -m
# llmvis_course.checks --progress`.

# %%
show_progress("ex10_adaptive_adjustment")
