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
# # 08 · Codes and bounds · solutions
#
# You write the parts of a variational autoencoder's loss, mend one in which the picture hardly
# counts, and put a number on how probable a picture is.
#
# **Minutes:** about 62, for 6 exercises and 13 points. **You need:** the page `08_vae_elbo`,
# for Gaussians, logarithms, and expectations.
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
# ## 1 · Nats, bits, pixels
#
# <!-- card: bits_per_pixel -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | predict | ●○○○○ | ●○○ | 4 | 1 |
#
# A model gives a picture of `pixels` pixels a negative log-likelihood of `nats` nats. How many
# bits is that for each pixel? 100 nats for 28 x 28 pixels are 0.184 <!-- asserted: bits -->,
# rounded; yours need not be.
#
# <details><summary>Hint 1: a nudge</summary>
#
# A nat belongs to the natural logarithm, a bit to that with base 2.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# There are more bits than nats: 1 / log 2 as many.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# nats / (pixels · log 2).
#
# </details>


# %%
def bits_per_pixel(nats, pixels):
    """Bits for each pixel."""
    ### BEGIN SOLUTION
    return nats / math.log(2) / pixels
    ### END SOLUTION


# %%
check("bits_per_pixel", bits_per_pixel)

# %%
### BEGIN SOLUTION
bits = bits_per_pixel(100.0, 28 * 28)
assert round(bits, 3) == 0.184
print(f"{bits:.3f} bits per pixel")
### END SOLUTION

# %% [markdown]
# ## 2 · How far from the prior?
#
# <!-- card: kl -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●○○○ | ●●● | 10 | 2 |
#
# The encoder says `mu` and `log_var` $= \log\sigma^2$, both (b, d). Write
# $\mathrm{KL} = -\tfrac12 \sum_j (1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2)$ for each picture:
# (b), in nats.
#
# <details><summary>Hint 1: a nudge</summary>
#
# What is sigma² if you have its logarithm?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Sum over the numbers of the code, not over pictures.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `-0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(dim=1)`.
#
# </details>


# %%
def kl(mu, log_var):
    """The divergence from a standard normal, for each picture, (b)."""
    ### BEGIN SOLUTION
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(dim=1)
    ### END SOLUTION


# %%
check("kl", kl)

# %% [markdown]
# ## 3 · Chance from outside
#
# <!-- card: draw_code -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●○○○○ | ●●● | 6 | 2 |
#
# Draw $z = \mu + \sigma \odot \epsilon$ with the standard normal `noise` $\epsilon$ that is given:
# `mu`, `log_var` $= \log\sigma^2$ and `noise` are (b, d). Gradients should reach both `mu` and
# `log_var`.
#
# <details><summary>Hint 1: a nudge</summary>
#
# From the logarithm of the variance to the deviation: two steps, or one.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# The root of exp(a) is exp(a / 2).
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `mu + torch.exp(0.5 * log_var) * noise`.
#
# </details>


# %%
def draw_code(mu, log_var, noise):
    """A code for each picture, (b, d)."""
    ### BEGIN SOLUTION
    sigma = torch.exp(0.5 * log_var)
    return mu + sigma * noise
    ### END SOLUTION


# %%
check("draw_code", draw_code)

# %% [markdown]
# ## 4 · A picture that hardly counts
#
# <!-- card: negative_elbo -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | find and mend the bug | ●●●○○ | ●●● | 15 | 3 |
#
# The loss is $-\log p(x|z) + \beta\,\mathrm{KL}$, the mean over pictures: `x` (b, c, h, w) in [-1,
# 1], `logits` of a Bernoulli for $(x + 1)/2$, `mu` and `log_var` (b, d), and a number `beta`. In
# the function below **the picture hardly counts beside the KL term**, so that nothing makes $z$ say
# anything about it. Mend it.
#
# <details><summary>Hint 1: a nudge</summary>
#
# How large is the first term for a picture of 784 pixels, and how large the second?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# The pixels are independent given the code: what becomes of their log-likelihoods?
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# They add up: `sum` over (1, 2, 3), not `mean`.
#
# </details>


# %%
def negative_elbo(x, logits, mu, log_var, beta):
    """The loss in nats per picture, a number without axes."""
    ### BEGIN SOLUTION
    y = (x + 1) / 2
    lost = F.softplus(logits) - y * logits
    lost = lost.sum(dim=(1, 2, 3))
    nats = -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(dim=1)
    return (lost + beta * nats).mean()
    ### END SOLUTION
    # MEND y = (x + 1) / 2
    # MEND lost = F.softplus(logits) - y * logits
    # MEND lost = lost.mean(dim=(1, 2, 3))
    # MEND nats = -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(dim=1)
    # MEND return (lost + beta * nats).mean()


# %%
check("negative_elbo", negative_elbo)

# %% [markdown]
# ## 5 · More samples, a tighter bound
#
# <!-- card: log_evidence -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | write it | ●●●○○ | ●●○ | 15 | 3 |
#
# For K codes $z_k$ drawn by the encoder you have the logs of $p(x|z_k)$, $p(z_k)$ and $q(z_k|x)$,
# each (K, b). Return $\log \frac1K \sum_k p(x|z_k)\,p(z_k) / q(z_k|x)$, (b). The logs may be near
# -1,000.
#
# <details><summary>Hint 1: a nudge</summary>
#
# In logs, a product is a sum and a ratio a difference.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `exp(-1000)` is 0. torch has a function for the log of a sum of exponentials.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `torch.logsumexp(ratios, dim=0) - math.log(K)`.
#
# </details>


# %%
def log_evidence(log_likelihood, log_prior, log_posterior):
    """The log of the mean importance weight, for each picture, (b)."""
    ### BEGIN SOLUTION
    ratios = log_likelihood + log_prior - log_posterior
    return torch.logsumexp(ratios, dim=0) - math.log(len(ratios))
    ### END SOLUTION


# %%
check("log_evidence", log_evidence)

# %% [markdown]
# ## 6 · The same number by sampling
#
# <!-- card: monte_carlo_kl -->
#
# | kind | difficulty | importance | minutes | points |
# |---|---|---|---|---|
# | experiment | ●●○○○ | ●●○ | 12 | 2 |
#
# Measure. Estimate $\mathbb{E}_q[\log q(z) - \log p(z)]$ for $q = N(\mu, \sigma^2)$ and
# $p = N(0, 1)$ from a few 100,000 samples; `mu` and `sigma` are plain numbers, and so is the
# result. The check allows 3 %. Then compare with your `kl`.
#
# <details><summary>Hint 1: a nudge</summary>
#
# From which of the two do the samples come?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `z = mu + sigma * torch.randn(400_000)`. The constants of both densities cancel, but not log
# sigma.
#
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# log q is -((z - mu) / sigma)² / 2 - log sigma, and log p is -z² / 2, both but for the same
# constant.
#
# </details>


# %%
def monte_carlo_kl(mu, sigma):
    """An estimate of the divergence, in nats."""
    ### BEGIN SOLUTION
    rng = torch.Generator().manual_seed(0)
    z = mu + sigma * torch.randn(400_000, generator=rng)
    log_q = -0.5 * ((z - mu) / sigma) ** 2 - math.log(sigma)
    log_p = -0.5 * z**2
    return (log_q - log_p).mean().item()
    ### END SOLUTION


# %%
check("monte_carlo_kl", monte_carlo_kl)

# %% [markdown]
# **Your claim.** Take $\mu = 1$ and $\sigma = 0.5$. What does your `kl` say? (It takes tensors (1,
# 1), and $\log\sigma^2$.) How does the error of sampling shrink as the samples become more?
#
# <!-- BEGIN SOLUTION -->
#
# The closed form says 0.818 <!-- asserted: exact --> nats, rounded, and sampling agrees within a
# hundredth. *What to see:* the running mean settles on the line of the closed form, and slowly so:
# its error falls like one over the root of their number.
#
# <!-- END SOLUTION -->

# %%
### BEGIN SOLUTION
exact = kl(torch.tensor([[1.0]]), 2 * torch.tensor([[0.5]]).log()).item()
assert round(exact, 3) == 0.818 and abs(monte_carlo_kl(1.0, 0.5) - exact) < 0.01
print(f"{exact:.3f} nats")
z = 1.0 + 0.5 * torch.randn(10_000, generator=torch.Generator().manual_seed(0))
ratio = -0.5 * ((z - 1.0) / 0.5) ** 2 - math.log(0.5) + 0.5 * z**2
plt.figure(figsize=(4, 2.6))
plt.semilogx(range(1, 10_001), ratio.cumsum(0) / torch.arange(1, 10_001))
plt.axhline(exact, color="gray", label="closed form")
plt.xlabel("samples")
plt.ylabel("estimate, nats")
plt.legend()
plt.show()
### END SOLUTION

# %% [markdown]
# ## How far you are
#
# `✓` has passed, `✗` was tried, `·` waits. The same table for all notebooks:
# `python -m llmvis_course.checks --progress`.

# %%
show_progress("ex08_vae_elbo")
