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
# # 00 · Warming up · solutions
#
# You bring pictures to the screen, mend a judge that is too kind, and measure how far a score can
# be trusted.
#
# **Minutes:** about 33, for 4 exercises and 7 points. **You need:** Python, and tensors with axes.
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
# ## 1 · How much can be said?
#
# <!-- card: number_of_captions -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●●○○○ | ●○○ | 5 | 1 |
#
# A caption about one thing always names its digit. It may name a colour, a size and a place, or
# leave any of them open. If there are `digits`, `colours`, `sizes` and `places` of each, how many
# different things can be said? With 10 digits, 8 colours, 3 sizes and 9 places it is 3600 <!--
# asserted: course -->.
#
# <details><summary>Hint 1: a nudge</summary>
#
# What can a caption do about colour? Name one of them, or ...
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# For each of the three there is one possibility more than it has values.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Three factors with + 1, and one without.
#
# </details>


# %%
def number_of_captions(digits, colours, sizes, places):
    """How many different things a caption can say."""
    ### BEGIN SOLUTION
    return digits * (colours + 1) * (sizes + 1) * (places + 1)
    ### END SOLUTION


# %%
check("number_of_captions", number_of_captions)

# %%
### BEGIN SOLUTION
course = number_of_captions(10, 8, 3, 9)
assert course == 3600
print(course)
### END SOLUTION

# %% [markdown]
# ## 2 · A picture for the screen
#
# <!-- card: for_screen -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●○○○○ | ●●○ | 8 | 2 |
#
# In this course `pictures` are (b, c, h, w) with values in [-1, 1]: -1 is dark. A plot wants (b, h,
# w, c) with values in [0, 1]. A network may also say 1.2: what lies outside is cut to the nearest
# end.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Where do -1, 0 and 1 go?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Add, halve, cut; and put the colours last.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `clamp(0, 1)`, and `permute` with the axes in the new order.
#
# </details>


# %%
def for_screen(pictures):
    """The same pictures, (b, h, w, c) in [0, 1]."""
    ### BEGIN SOLUTION
    light = (pictures + 1) / 2
    return light.clamp(0, 1).permute(0, 2, 3, 1)
    ### END SOLUTION


# %%
check("for_screen", for_screen)

# %%
### BEGIN SOLUTION
wheel = torch.linspace(-1, 1, 3 * 8 * 8).reshape(1, 3, 8, 8).flip(2)
plt.figure(figsize=(2, 2))
plt.imshow(for_screen(wheel)[0])
plt.axis("off")
plt.show()
### END SOLUTION

# %% [markdown]
# ## 3 · A judge that is too kind
#
# <!-- card: drawn_right -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●○○○ | ●●● | 8 | 2 |
#
# What a caption says and what the judge saw are tables of codes (b, a), one column for each
# attribute. In `said`, -1 is what the caption leaves open; in `seen`, -1 is what the judge could
# not tell. A picture is right if *all* that is said is seen. In the code below **a blue seven
# passes for a red seven**. Mend it. Return truths (b): True or False for each picture.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Which pictures pass that should not? Try one that has one attribute right.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# All, not some.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `.all(dim=1)`.
#
# </details>


# %%
def drawn_right(said, seen):
    """Whether each picture is right, (b)."""
    ### BEGIN SOLUTION
    fits = (said == seen) | (said == -1)
    return fits.all(dim=1)
    ### END SOLUTION
    # MEND fits = (said == seen) | (said == -1)
    # MEND return fits.any(dim=1)


# %%
check("drawn_right", drawn_right)

# %% [markdown]
# ## 4 · How far can a score be trusted?
#
# <!-- card: spread_of_score -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●○○○ | ●●● | 12 | 2 |
#
# Measure. A system draws each caption right with probability `p`. You test it on `n` captions and
# note the share that is right: its score. Test it 10,000 times or more, by chance in place of a
# system, and return the standard deviation of the scores. The check allows 0.01.
#
# <details><summary>Hint 1: a nudge</summary>
#
# One test is a row of n truths.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `(torch.rand(20_000, n) < p).double()` is 20,000 tests: 1 where a picture is right, 0 where not.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# The mean of each row, then the standard deviation of these means.
#
# </details>


# %%
def spread_of_score(p, n):
    """The standard deviation of the scores of many tests."""
    ### BEGIN SOLUTION
    rng = torch.Generator().manual_seed(0)
    right = torch.rand(20_000, n, generator=rng) < p
    return right.double().mean(dim=1).std().item()
    ### END SOLUTION


# %%
check("spread_of_score", spread_of_score)

# %% [markdown]
# **Your claim.** Two systems score 12 and 14 of 20. Is the second one better? How far apart do two
# scores of the *same* system lie by chance?
#
# <!-- BEGIN SOLUTION -->
#
# With p = 0.6 and 20 captions, a score has a standard deviation of 0.11 <!-- asserted: twenty -->,
# rounded: that is more than the 0.1 between 12 and 14 of 20. You cannot tell. *What to see:* to
# halve the spread takes four times as many captions.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
twenty = spread_of_score(0.6, 20)
assert round(twenty, 2) == 0.11
print(f"{twenty:.2f}")
some = (5, 10, 20, 40, 80, 160)
plt.figure(figsize=(4, 2.6))
plt.loglog(some, [spread_of_score(0.6, n) for n in some], "o-")
plt.xlabel("captions")
plt.ylabel("deviation of the score")
plt.show()
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks: `python -m
# llmvis_course.checks --progress`.

# %%
show_progress("ex00_start_here")
