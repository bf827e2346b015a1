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
# # 14 · Try again, and count honestly · solutions
#
# You write the intervals with which systems are compared, mend a loop that throws good pictures
# away, and measure how a system flatters itself when it grades its own work.
#
# **Minutes:** about 59, for 5 exercises and 12 points. **You need:** probabilities, deviations, and
# indices of tensors.
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
# ## 1 · What should three tries bring?
#
# <!-- card: right_within -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●○○○○ | ●●○ | 4 | 1 |
#
# A picture is right with probability `p`. If the tries know nothing of each other, how probable is
# it that at least one of `tries` pictures is right? With p = 0.6 and 3 tries it is 0.936 <!--
# asserted: three -->. (A real system falls short of that: what is hard for the first try is hard
# for the next.)
#
# <details><summary>Hint 1: a nudge</summary>
#
# The contrary is easier.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# How probable is it that all are wrong?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# One minus (1 - p) to the power of `tries`.
#
# </details>


# %%
def right_within(p, tries):
    """How probable it is that one picture is right at least."""
    ### BEGIN SOLUTION
    return 1 - (1 - p) ** tries
    ### END SOLUTION


# %%
check("right_within", right_within)

# %%
### BEGIN SOLUTION
three = right_within(0.6, 3)
assert round(three, 3) == 0.936
print(f"{three:.3f}")
### END SOLUTION

# %% [markdown]
# ## 2 · Ten of ten is not perfect
#
# <!-- card: wilson -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 10 | 2 |
#
# Of `n` captions, `right` were drawn right. Return the lower and the upper end of Wilson's 95 %
# interval, two numbers, with $\hat p$ the share that was right and $z = 1.96$:
#
# $\dfrac{\hat p + \dfrac{z^2}{2n} \pm z\sqrt{\dfrac{\hat p(1 - \hat p)}{n} +
# \dfrac{z^2}{4n^2}}}{1 + \dfrac{z^2}{n}}$
#
# <details><summary>Hint 1: a nudge</summary>
#
# Write the middle, the spread, and what both are divided by, each on a line of its own.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `z**2 / (4 * n**2)` stands under the root too.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `(middle - spread) / scale, (middle + spread) / scale`: a tuple.
#
# </details>


# %%
def wilson(right, n):
    """The ends of the interval: (low, high)."""
    ### BEGIN SOLUTION
    p, z = right / n, 1.96
    middle = p + z**2 / (2 * n)
    spread = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return (middle - spread) / scale, (middle + spread) / scale
    ### END SOLUTION


# %%
check("wilson", wilson)

# %% [markdown]
# **Try it.** If 10 of 10 captions were drawn right, how bad may the system be?
#
# <!-- BEGIN SOLUTION -->
#
# Its true share may be as low as 0.72 <!-- asserted: low -->, rounded.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
low = wilson(10, 10)[0]
assert round(low, 2) == 0.72
print(f"{low:.2f}")
### END SOLUTION

# %% [markdown]
# ## 3 · The same captions, twice
#
# <!-- card: paired -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●○○ | ●●● | 15 | 3 |
#
# `first` and `second` (n) are truths: did each of two systems draw each caption right? Let g be how
# many captions only the second got right, and l how many only the first did. Return three numbers:
# the difference $(g - l)/n$, and the ends of its 95 % interval. For the interval, add a half to g
# and to l, and 2 to n; its middle is then $(g - l)/n$, and it reaches $1.96\,\sqrt{g + l - (g -
# l)^2/n}\,/\,n$ to both sides.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Captions that both got right, or both wrong, are not counted at all.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `(second & ~first).sum().item()` is g.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Take the difference from the counts as they are, the rest from the larger ones.
#
# </details>


# %%
def paired(first, second):
    """The difference, and the ends of its interval."""
    ### BEGIN SOLUTION
    gained = (second & ~first).sum().item()
    lost = (first & ~second).sum().item()
    difference = (gained - lost) / len(first)
    g, lo, n = gained + 0.5, lost + 0.5, len(first) + 2
    middle = (g - lo) / n
    spread = 1.96 * math.sqrt(g + lo - (g - lo) ** 2 / n) / n
    return difference, middle - spread, middle + spread
    ### END SOLUTION


# %%
check("paired", paired)

# %% [markdown]
# ## 4 · A loop that forgets
#
# <!-- card: keep_better -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●●○○ | ●●● | 12 | 3 |
#
# `pictures` (b, ...) agree with their captions as far as `agree` (b) says. For some captions there
# was one more try: `rows` (k) are their numbers, counted from 0, each once. The new pictures are
# `again` (k, ...), and agree as far as `agree_again` (k) says. Return the better picture of each
# caption, and how well it agrees; if both are equally good, the first stays. In the code below **a
# third try makes the pictures worse on average**. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# What happens to a caption whose second try failed?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Compare before you take the new one: with what?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Both lines belong under an `if`: only where `agree_again[k] - agree[row]` is above zero.
#
# </details>


# %%
def keep_better(pictures, agree, rows, again, agree_again):
    """The better of both tries, (b, ...), and its agreement, (b)."""
    ### BEGIN SOLUTION
    pictures, agree = pictures.clone(), agree.clone()
    for k, row in enumerate(rows.tolist()):
        gain = agree_again[k] - agree[row]
        if gain > 0:
            pictures[row] = again[k]
            agree[row] = agree_again[k]
    return pictures, agree
    ### END SOLUTION
    # MEND pictures, agree = pictures.clone(), agree.clone()
    # MEND for k, row in enumerate(rows.tolist()):
    # MEND     pictures[row] = again[k]
    # MEND     agree[row] = agree_again[k]
    # MEND return pictures, agree


# %%
check("keep_better", keep_better)

# %% [markdown]
# ## 5 · The eyes that grade themselves
#
# <!-- card: flattery -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●●○○ | ●●● | 18 | 3 |
#
# Measure. Each picture is right with probability `p`. The system's own eyes pass every right
# picture, and each wrong one with probability `fooled`. Out of up to `tries` pictures a caption,
# the first that passes is kept. The system reports the share of captions for which one passed.
# Simulate 40,000 captions, and return how much larger that share is than the share whose kept
# picture is truly right. (A caption for which none passed is wrong, and reported so.)
#
# <details><summary>Hint 1: a nudge</summary>
#
# Draw two tables of chance, (captions, tries): is it right, and would the eyes be fooled?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `passed = right | fooled_here`. The first True of a row: `passed.int().argmax(dim=1)`.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Reported: the mean of `passed.any(dim=1)`, made numbers with `.double()`. Right: that of `right`
# at the kept places, which `right.gather(1, kept[:, None])` takes out.
#
# </details>


# %%
def flattery(p, fooled, tries):
    """The share reported minus the share that is right."""
    ### BEGIN SOLUTION
    rng = torch.Generator().manual_seed(0)
    right = torch.rand(40_000, tries, generator=rng) < p
    passed = right | (torch.rand(40_000, tries, generator=rng) < fooled)
    kept = passed.int().argmax(dim=1, keepdim=True)
    reported = passed.any(dim=1).double().mean()
    true = right.gather(1, kept).double().mean()
    return (reported - true).item()
    ### END SOLUTION


# %%
check("flattery", flattery)

# %% [markdown]
# **Your claim.** Let p be 0.5, and let 1 of 10 wrong pictures fool the eyes. How much does the
# system flatter itself with 1 try, and with 5?
#
# <!-- BEGIN SOLUTION -->
#
# About 0.05 with one try, and 0.09 with five:<!-- asserted: one, five --> it nearly doubles, though
# the eyes have not changed. *What to see:* choosing gives mistakes of the eyes more chances. What
# is used to choose is no longer a measure.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
one, five = flattery(0.5, 0.1, 1), flattery(0.5, 0.1, 5)
assert abs(one - 0.05) < 0.005 and abs(five - 0.09) < 0.005 and five / one > 1.5
plt.figure(figsize=(4, 2.6))
plt.plot(range(1, 9), [flattery(0.5, 0.1, tries) for tries in range(1, 9)], "o-")
plt.ylim(0, 0.12)
plt.xlabel("tries")
plt.ylabel("reported minus right")
plt.show()
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks: `python -m
# llmvis_course.checks --progress`.

# %%
show_progress("ex14_the_whole_system")
