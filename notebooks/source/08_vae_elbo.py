# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

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
# # 08 · The variational autoencoder: can a network dream in a smooth space?
#
# **The question.** An *autoencoder* is two networks. The encoder squeezes a picture into a few
# numbers, its **code**. The decoder makes the picture again. Now throw the picture away, roll dice
# for the numbers (draw each from a standard normal), and decode. Do you get a digit?
#
# Often not. Nothing in training asked what lies *between* the codes. A **variational autoencoder**
# (VAE) asks: it can draw from dice. It also says how probable a picture is, or rather, a number
# that this probability cannot fall below. This page derives that number, checks it three ways, and
# then walks through the space of codes.
#
# **After this page you can**
#
# * derive the bound in five steps, and say what the gap is;
# * say why a sample stops the gradient, and name two ways on;
# * check a bound: against a library, against chance, and against an exact answer;
# * walk on a map of handwriting, and measure whether what lies between is handwriting;
# * make a code that says nothing, measure that, and judge three cures.
#
# **Minutes:** 60 to read, 2 to compute. **You need:** notebook 00, the logarithm, mean and
# variance, the density of a Gaussian, and a PyTorch training loop. Nothing from notebooks 02 to 07.

# %% [markdown]
# ## Symbols
#
# | symbol | meaning | shape or range |
# |---|---|---|
# | `b`, `d` | batch; how many numbers a code has | |
# | `x` | a picture | [-1, 1], `(b, 1, h, w)` |
# | `z` | a code | `(b, d)` |
# | `mu, log_var` | mean and log of the variance of a Gaussian | `(b, d)` |
# | $p(z)$ | the **prior**: the dice, a standard normal for each number | |
# | $p(x \mid z)$ | the **likelihood**: what the decoder says of pictures, given a code | |
# | $p(x)$ | the **evidence**: how probable the picture is, whatever the code | |
# | $q(z \mid x)$ | the encoder's belief about the code, once it has seen the picture | |
# | $p(z \mid x)$ | the **exact posterior**: what it should believe | |
# | $\mathbb{E}_q[f(z)]$ | the mean of $f(z)$ over many draws of $z$ from $q$ | |
#
# (In the lessons on flows `x` is a point on a path. Here there is no path, and `x` is the picture.)
# All logarithms are natural, so log-probabilities are in **nats**. One nat is a factor of
# $e \approx 2.7$.

# %% [markdown]
# ## Predict first
#
# 1. A code has one number, and an encoder is sure to within a spread of 1 that it is about 2. How
#    many nats is that belief away from the dice? (Guess: 0.2, 2 or 20.)
# 2. Two networks of one size: an autoencoder, and a VAE. Which copies a picture better? Which draws
#    better from dice?
# 3. A decoder may look at the pixels it has drawn so far. Will the code say more, or less?

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence
from torch.testing import assert_close

from llmvis_course import viz
from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs, vary
from llmvis_course.evaluate import Judge
from llmvis_course.models.vae import (
    VAE,
    Gaussian,
    conv_decoder,
    conv_encoder,
    kl_to_standard_normal,
    reparameterize,
    warm_up,
)
from llmvis_course.training.fit import fit, warm_cosine
from llmvis_course.training.repro import make_rng
from llmvis_course.widgets import LatentMap

# %% [markdown]
# ## The bound, in five steps
#
# A VAE tells a story of how a picture comes about. First dice are rolled: $z \sim p(z)$. Then the
# decoder, given $z$, makes a picture: $x \sim p(x \mid z)$. We want the story to make real pictures
# probable, so we want $\log p(x)$ to be large.
#
# **Step 1: every code might have been the one.** So add up over all of them:
#
# $$p(x) = \int p(x \mid z)\, p(z)\, dz.$$
#
# This is a mean over dice. Why not roll some, and take the mean? Because for one picture of a seven
# nearly every roll gives something else. Its likelihood is next to nothing, and the mean hangs on
# rolls that never come.
#
# **Step 2: look where it matters.** Let an encoder propose codes, $z \sim q(z \mid x)$. Multiply
# and divide by $q$, which changes nothing (a Gaussian is nowhere zero):
#
# $$p(x) = \int q(z \mid x)\, \frac{p(x \mid z)\, p(z)}{q(z \mid x)}\, dz
# = \mathbb{E}_{q}\!\left[\frac{p(x \mid z)\, p(z)}{q(z \mid x)}\right].$$
#
# The second equals sign is what a mean is: the integral of a value times its density.
#
# **Step 3: take the logarithm.** The logarithm bends downwards. So the log of a mean is at least
# the mean of the logs (Jensen's inequality; try it with 1 and 9: $\log 5 > \frac12 \log 9$):
#
# $$\log p(x) \;\ge\; \mathbb{E}_{q}\!\left[\log \frac{p(x \mid z)\, p(z)}{q(z \mid x)}\right].$$
#
# **Step 4: the log of a product is a sum of logs,** and the mean of a sum is a sum of means:
#
# $$\log p(x) \;\ge\; \mathbb{E}_{q}[\log p(x \mid z)]
# \;-\; \mathbb{E}_{q}[\log q(z \mid x) - \log p(z)].$$
#
# The last mean has a name: the **Kullback–Leibler divergence**
# $\mathrm{KL}(q \,\|\, p) = \mathbb{E}_q[\log q - \log p]$. It is never negative, and zero only
# where the two are the same. (That is Jensen again:
# $-\mathrm{KL} = \mathbb{E}_q[\log (p/q)] \le \log \mathbb{E}_q[p/q] = \log \int p = \log 1 = 0$.)
# So the bound has two parts, and is called the *evidence lower bound*:
#
# $$\boxed{\mathrm{ELBO} = \mathbb{E}_{q(z \mid x)}[\log p(x \mid z)]
# - \mathrm{KL}(q(z \mid x) \,\|\, p(z)) \;\le\; \log p(x)}$$
#
# The first part asks the decoder to make the picture again. The second asks the encoder to stay
# near the dice. It is what the code costs.
#
# **Step 5: how much is lost?** A picture and its code together are as probable either way round:
# $p(x \mid z)\, p(z) = p(z \mid x)\, p(x)$. Put that into the right side of step 3:
#
# $$\mathbb{E}_q\!\left[\log \frac{p(z \mid x)\, p(x)}{q(z \mid x)}\right]
# = \log p(x) - \mathbb{E}_q\!\left[\log \frac{q(z \mid x)}{p(z \mid x)}\right]
# = \log p(x) - \mathrm{KL}(q(z \mid x) \,\|\, p(z \mid x)),$$
#
# since $\log p(x)$ does not depend on $z$ and is its own mean. The gap is how wrong the encoder is.
# There is none exactly when the encoder believes what it should.
#
# ## The price of a code
#
# Here $q$ is a Gaussian with a mean and a spread for each number, and $p$ a standard normal. For
# one number, write both logs out. The two $\frac12 \log 2\pi$ cancel:
#
# $$\log q - \log p = -\tfrac12 \log \sigma^2 - \frac{(z - \mu)^2}{2\sigma^2} + \frac{z^2}{2}.$$
#
# Now take the mean over $z \sim q$. By definition $\mathbb{E}[(z - \mu)^2] = \sigma^2$, and
# $\mathbb{E}[z^2] = \mu^2 + \sigma^2$. So
#
# $$\mathrm{KL} = \tfrac12 (\mu^2 + \sigma^2 - 1 - \log \sigma^2),$$
#
# and several independent numbers add up.
#
# **Check one:** against torch's distributions, and against chance, the mean of $\log q - \log p$
# over many draws.


# %%
def my_kl(mu, log_var):
    """mu and log_var (b, d): nats per picture, (b)."""
    return 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(dim=1)


rng = make_rng(0)
mu, log_var = torch.randn(2, 5, 4, generator=rng)
q = Independent(Normal(mu, (0.5 * log_var).exp()), 1)
prior = Independent(Normal(torch.zeros(5, 4), torch.ones(5, 4)), 1)
assert_close(my_kl(mu, log_var), kl_divergence(q, prior))

z = mu + (0.5 * log_var).exp() * torch.randn(50_000, 5, 4, generator=rng)
chance = (q.log_prob(z) - prior.log_prob(z)).mean(dim=0)
assert_close(my_kl(mu, log_var), chance, rtol=0, atol=0.1)
away = my_kl(torch.tensor([[2.0]]), torch.zeros(1, 1)).item()
print(away)
assert away == 2

# %% [markdown]
# Your first prediction: 2 nats.<!-- asserted: away --> Half the square of the distance, as the
# spreads agree.
#
# ## A sample stops the gradient
#
# The other part of the bound is a mean over draws from $q$, and $q$ depends on the encoder's
# weights. To train the encoder we need the gradient of such a mean. A drawn number is just a
# number: nothing in it says how it would have differed, had the mean been a little larger. Take
# $f(z) = z^2$ with $\sigma = 1$. Its mean is $\mu^2 + 1$, so the gradient is $2\mu$: six, where
# $\mu = 3$. What does torch say?

# %%
mu = torch.tensor(3.0, requires_grad=True)
print("sample() remembers mu:", Normal(mu, 1.0).sample().requires_grad)
(silent,) = torch.autograd.grad(torch.normal(mu, 1.0) ** 2, mu)
print("gradient through torch.normal:", silent.item())
assert silent == 0

# %% [markdown]
# The first way loses the connection. The second keeps it and answers 0,<!-- asserted: silent -->
# without a warning. That is worse.
#
# **Way on, one: move the chance outside** (*reparameterisation*). Draw $\epsilon$ from a standard
# normal, which depends on nothing, and compute $z = \mu + \sigma \epsilon$. This $z$ has the same
# distribution. Now it is a plain function of $\mu$ and $\sigma$, and the gradient passes.
#
# **Way on, two: leave the sample alone and weigh it** (the *score function*). The density of $q$
# can be differentiated even where a draw cannot. From
# $\nabla q = q\, \nabla \log q$ follows
#
# $$\nabla \mathbb{E}_q[f(z)] = \int f(z)\, \nabla q(z)\, dz
# = \mathbb{E}_q[f(z)\, \nabla \log q(z)].$$
#
# This too is right in the mean. It even works where reparameterisation cannot: for codes that are
# words instead of numbers, or an $f$ without a gradient. But it never asks in which *direction* $f$
# grows, only how large it is, and so it is noisy. Here are both, for the sum of squares of 20
# numbers.

# %%
mu, n = torch.full((20,), 3.0), 20_000
z = mu + torch.randn(n, 20, generator=rng)  # sigma is 1
f = (z**2).sum(dim=1, keepdim=True)
outside = 2 * z  # the gradient of f through z, a row for each draw
weighed = f * (z - mu)  # f times the gradient of log q by mu
for estimate, near in ((outside, 0.1), (weighed, 8.0)):
    assert_close(estimate.mean(dim=0), 2 * mu, rtol=0, atol=near)

noise = (weighed.std(dim=0).mean() / outside.std(dim=0).mean()).item()
draws = noise**2
print(f"about {round(noise, -1):.0f} times as much spread")
assert 90 < noise < 115 and draws > 8_000

# %% [markdown]
# Both are right in the mean. For these 20 numbers the second spreads about a hundred times as
# widely.<!-- asserted: noise --> Noise falls with the root of the number of draws, so it needs
# more than 8,000 times as many.<!-- asserted: draws --> (There are ways to tame it, such as
# taking a constant off $f$.) A VAE has Gaussian codes and a smooth decoder, so it takes the first
# way, mostly with one draw a picture.


# %%
def my_elbo(model, x, rng):
    """One draw for each picture, nats: (b)."""
    mu, log_var = model.encoder(x).chunk(2, dim=1)
    z = mu + (0.5 * log_var).exp() * torch.randn(mu.shape, generator=rng)
    return model.likelihood.log_p(model.decoder(z), x) - my_kl(mu, log_var)


# %% [markdown]
# ## A model whose evidence is known
#
# A bound is easy to get wrong by a sign and still train. So take a model in which everything can
# be computed. A "picture" is three numbers; the decoder is a line plus noise of spread $s$:
#
# $$z \sim \mathcal N(0, 1), \qquad x = w z + s\,\epsilon.$$
#
# A sum of Gaussians is a Gaussian. Its covariance is $w w^\top$ from the code plus $s^2 I$ from the
# noise: that is the exact evidence. The exact posterior is a Gaussian too. Collect the terms of
# $\log p(x \mid z) + \log p(z)$ that hold $z$:
#
# $$-\frac{|x - wz|^2}{2s^2} - \frac{z^2}{2}
# = -\frac12 \left(\frac{|w|^2}{s^2} + 1\right) z^2 + \frac{w^\top x}{s^2}\, z + \text{rest}.$$
#
# A Gaussian in $z$ has $-\frac{1}{2v} z^2 + \frac{m}{v} z$. Compare: its variance is
# $v = 1 / (1 + |w|^2 / s^2)$, its mean $m = v\, w^\top x / s^2$. So the perfect encoder is a linear
# layer.

# %%
w, s = torch.tensor([1.0, -0.5, 2.0]), 0.8
evidence = MultivariateNormal(torch.zeros(3), torch.outer(w, w) + s**2 * torch.eye(3))
v = 1 / (1 + w @ w / s**2)


def known_model(shift=0.0):
    """The model above; its encoder believes in means that are wrong by `shift`."""
    encoder, decoder = nn.Linear(3, 2), nn.Linear(1, 3)
    encoder.weight.data = torch.stack([v * w / s**2, torch.zeros(3)])
    encoder.bias.data = torch.tensor([shift, v.log()])
    decoder.weight.data, decoder.bias.data = w[:, None].clone(), torch.zeros(3)
    return VAE(encoder, decoder, Gaussian(s), code=1)


# %% [markdown]
# **The agreement cell.** Your bound and your KL are the course's, with the gradients. After it,
# only the library's version is used.

# %%
x = evidence.sample((6,))
mine, course = known_model(0.3), known_model(0.3)
log_likelihood, kl = course.elbo(x, rng=make_rng(1))
bound = my_elbo(mine, x, make_rng(1))
assert_close(bound, log_likelihood - kl)
assert_close(my_kl(*course.encode(x)), kl_to_standard_normal(*course.encode(x)))
bound.sum().backward()
(log_likelihood - kl).sum().backward()
for one, other in zip(mine.parameters(), course.parameters(), strict=True):
    assert_close(one.grad, other.grad)

# %% [markdown]
# **Check two:** the bound against the exact evidence of one picture, while the encoder's mean is
# shifted from too small to too large. By step 5 the gap is the KL between two Gaussians of variance
# $v$ whose means differ by the shift: $\text{shift}^2 / 2v$. That can be checked as well.

# %%
x = torch.tensor([[1.0, 0.2, 1.4]])
exact = evidence.log_prob(x).item()
shifts, bounds = torch.linspace(-0.8, 0.8, 9).tolist(), []
for shift in shifts:
    with torch.no_grad():
        log_likelihood, kl = known_model(shift).elbo(x.repeat(100_000, 1), rng=rng)
    bounds.append((log_likelihood - kl).mean().item())
    assert abs(exact - bounds[-1] - shift**2 / (2 * v.item())) < 0.1
assert max(bounds) == bounds[4] and abs(bounds[4] - exact) < 0.02
assert all(bound < exact + 0.02 for bound in bounds)

_, axes = plt.subplots(1, 2, figsize=(9, 3), layout="tight")
viz.bound_ladder(shifts, bounds, exact, ax=axes[0], x="shift of the encoder", y="ELBO, nats")
draws = [1, 4, 16, 64, 256]
off = known_model(0.6)
rising = [off.log_evidence(x.repeat(4000, 1), samples=k, rng=rng).mean().item() for k in draws]
viz.bound_ladder(draws, rising, exact, ax=axes[1], x="draws k, encoder off by 0.6", y="nats")
axes[1].set_xscale("log", base=4)
plt.show()
steps = torch.tensor(rising).diff()
assert (steps > 0).all() and rising[-1] < exact + 0.01 and exact - rising[-1] < 0.15

# %% [markdown]
# *What to see:* left, the bound touches the evidence at the exact posterior, is below it
# everywhere else, and has the shape of the parabola of step 5.
#
# Right is **check three**. Step 3 gave something away by taking the log of each single ratio. Take
# the mean of $k$ ratios first and the log afterwards, and less is lost (Burda et al. 2016):
#
# $$\mathbb{E}\left[\log \frac1k \sum_{i=1}^{k} \frac{p(x \mid z_i)\, p(z_i)}{q(z_i \mid x)}\right]
# \;\le\; \log p(x).$$
#
# The curve starts at the ELBO, rises with every step in $k$,<!-- asserted: steps --> and comes
# close to the evidence, though the encoder is as wrong as before.
#
# ## The article's formula
#
# The article that this course follows (notebook 00) prints this as the objective of a VAE:
#
# $$\min_\theta \; \mathbb{E}_{x \sim p_{\text{prior}}(x)}[D(\phi(x, \theta))]
# + \mathbb{E}_{z \sim p_{\text{reparameterization}}(z \mid x, \theta)}[D(\phi(z, \theta))].$$
#
# It explains $\phi$ as the encoder, and $D(\phi(x, \theta))$ as the encoder's output. Read it as a
# shopping list for the boxed formula:
#
# | the bound needs | in the printed formula |
# |---|---|
# | real pictures | $x$ is drawn from a *prior*; in a VAE the prior is over codes |
# | a decoder and a likelihood: is the picture made again? | neither; no $x$ is compared |
# | a KL: what does the code cost? | none; nothing compares $q$ with dice |
# | an encoder that reads pictures | the second term feeds it a code, $\phi(z)$ |
#
# So no choice of its undefined $D$ mends it. A test shows it. An objective for a VAE must tell a
# good decoder from a broken one. Be kind: feed it real pictures, let $D$ be any function of what
# the encoder says (here the mean of squares), and leave out the second term, as a code of one
# number does not fit into an encoder for three.


# %%
def as_printed(model, x):
    return model.encoder(x).square().mean()


def bound_of(model, x):
    log_likelihood, kl = model.elbo(x, rng=make_rng(2))
    return (log_likelihood - kl).mean()


x = evidence.sample((2000,))
good, broken = known_model(), known_model()
broken.decoder.weight.data *= -1  # draws the negative of every picture
for name, objective in (("the bound", bound_of), ("as printed", as_printed)):
    try:
        assert objective(good, x) != objective(broken, x), "cannot tell a broken decoder"
        print(name, "- passes")
    except AssertionError as failed:
        print(name, "- fails:", failed)
assert bound_of(good, x) > bound_of(broken, x) + 5

# %% [markdown]
# The printed objective is *equal* for both. It trains no decoder, since it never meets one. What
# it would teach the encoder is worse than nothing: with this $D$, its minimum is to give zeros for
# every picture.
#
# ## Train it: a map of handwriting
#
# Now real pictures: scikit-learn's handwritten digits, made upright, 16 × 16 pixels, each in five
# variants, bent a little and thinner or thicker. Test pictures share no handwriting with them, and
# are not bent. The likelihood is a Gaussian around what the decoder draws, with a spread of 0.3 in
# every pixel. The code has **two** numbers, so that you can see all of it.


# %%
def small(glyphs):
    ink = F.interpolate(glyphs.ink[:, None], size=16, mode="bilinear", antialias=True)
    return 2 * ink.clamp(0, 1) - 1


training = make_glyphs(load_handwriting())
real = small(vary(training, copies=4, rng=make_rng(0)))
test_glyphs = make_glyphs(load_handwriting(train=False))
test, test_label = small(test_glyphs), test_glyphs.label


def new_vae(code, seed):
    torch.manual_seed(seed)
    size = {"size": 16, "width": 16}
    return VAE(conv_encoder(code, **size), conv_decoder(code, **size), Gaussian(0.3), code=code)


def train(model, loss, seed, steps):
    optimizer, rng = torch.optim.Adam(model.parameters(), lr=3e-3), make_rng(seed)
    batches = (real[torch.randint(len(real), (32,), generator=rng)] for _ in range(steps))
    return [at.loss for at in fit(loss, batches, optimizer, steps=steps, schedule=warm_cosine)]


def train_vae(code, seed, steps):
    model, rng = new_vae(code, seed), make_rng(100 + seed)
    train(model, lambda batch: model.loss(batch, rng=rng), seed, steps)
    return model.eval().requires_grad_(False)


# %% tags=["nbval-ignore-output"]
flat = train_vae(2, 0, 700)
codes = flat.encode(test).mu
distance = torch.cdist(codes, codes).fill_diagonal_(torch.inf)
alike = (test_label[distance.argmin(dim=1)] == test_label).float().mean().item()
gain = bound_of(flat, test) - bound_of(new_vae(2, 0), test)
assert gain > 500 and 0.5 < alike < 0.95

_, axes = plt.subplots(1, 2, figsize=(7.2, 3.6), layout="tight")
viz.code_map(codes, test_label, ax=axes[0])
viz.decoded_map(flat.decode(viz.plane_codes(9, reach=3.0)), ax=axes[1], reach=3.0)
for ax in axes:
    ax.set_xlim(-3, 3)
    ax.set_ylim(-3, 3)
plt.show()

# %% [markdown]
# *What to see:* left, 400 test pictures, each at the mean of its code, written as the digit it
# shows. Nobody told the encoder which digit is which. Yet the nearest neighbour of a picture shows
# the same digit for more than half of them,<!-- asserted: alike --> where chance gives a tenth.
# Right, what the decoder draws at each place: one digit flows into the next.
#
# Walk on it. The frame on the map is where the sliders stand, and the judge of notebook 00 says
# what it reads there.

# %%
judge = Judge.pretrained()


def reads(pictures):
    """The digit that the judge reads on each picture; None where it reads none, or several."""
    scenes = judge.look(F.pad(pictures.clamp(-1, 1), [8] * 4, value=-1).expand(-1, 3, -1, -1))
    return [scene.things[0].digit if len(scene.things) == 1 else None for scene in scenes]


def sentence(picture):
    digit = reads(picture)[0]
    return "the judge reads no digit" if digit is None else f"the judge reads {digit}"


display(LatentMap(flat.decode, reach=3.0, cells=12, read=sentence))

# %% [markdown]
# The same without the widget: a walk along the first axis, and what the judge reads on the way.

# %% tags=["nbval-ignore-output"]
way = torch.stack([torch.linspace(-2.5, 2.5, 10), torch.zeros(10)], dim=1)
frames = flat.decode(way)
labels = ["–" if digit is None else str(digit) for digit in reads(frames)]
_, ax = plt.subplots(figsize=(10, 1.6), layout="tight")
viz.filmstrip(frames.expand(-1, 3, -1, -1), labels, ax=ax, title="second number 0, first rising")
plt.show()

# %% [markdown]
# *What to see:* no hard edge anywhere, and between two digits something that is neither.
#
# ## Copies, dreams, and ways between
#
# Two numbers are few. With sixteen the copies become good. Beside each VAE we train a plain
# **autoencoder**: the same networks, weights at the start, batches and steps. It decodes the mean
# itself, without noise, and pays nothing for its code.


# %%
def train_autoencoder(code, seed, steps):
    model = new_vae(code, seed)

    def loss(batch):
        return -model.likelihood.log_p(model.decoder(model.encode(batch).mu), batch).mean()

    train(model, loss, seed, steps)
    return model.eval().requires_grad_(False)


# %% tags=["nbval-ignore-output"]
vaes = [train_vae(16, seed, 400) for seed in range(3)]
autoencoders = [train_autoencoder(16, seed, 400) for seed in range(3)]
dice = torch.randn(400, 16, generator=make_rng(7))

rows = {"real": test[::50], "copied": vaes[0].decode(vaes[0].encode(test[::50]).mu)}
rows |= {"dreamed": vaes[0].decode(dice[:8]), "autoencoder": autoencoders[0].decode(dice[:8])}
_, axes = plt.subplots(4, 1, figsize=(8, 5), layout="tight")
for ax, (name, pictures) in zip(axes, rows.items(), strict=True):
    viz.filmstrip(pictures.expand(-1, 3, -1, -1), [""] * 8, ax=ax, title=name)
plt.show()

# %% [markdown]
# *What to see:* the copies keep digit and shape and lose some sharpness. The third row comes from
# dice alone. In the last row the autoencoder decodes the same dice.
#
# Eight pictures prove nothing, so count: on how many of 400 dreams does the judge read one digit?
# Perhaps the autoencoder only uses another scale. So it gets a second chance, with dice that have
# the mean and the spread of its own codes, number by number.


# %%
def legible(pictures):
    return sum(digit is not None for digit in reads(pictures)) / len(pictures)


def copies(model):
    return model.likelihood.log_p(model.decoder(model.encode(test).mu), test).mean().item()


def own_dice(model):
    codes = model.encode(small(training)).mu
    return codes.mean(dim=0) + codes.std(dim=0) * dice


found = {"real": [legible(test)], "VAE": [legible(m.decode(dice)) for m in vaes]}
found["autoencoder"] = [legible(m.decode(dice)) for m in autoencoders]
found["autoencoder, own dice"] = [legible(m.decode(own_dice(m))) for m in autoencoders]

# %% tags=["nbval-ignore-output"]
_, ax = plt.subplots(figsize=(7, 2.2), layout="tight")
viz.seed_dots(found, ax=ax, x="share on which the judge reads one digit")
plt.show()
print({name: [round(share, 2) for share in shares] for name, shares in found.items()})
print([round(copies(m) - copies(v), 1) for m, v in zip(autoencoders, vaes, strict=True)])

# %%
ahead = min(a - b for a, b in zip(found["VAE"], found["autoencoder"], strict=True))
nearer = sum(a - b for a, b in zip(found["VAE"], found["autoencoder, own dice"], strict=True)) / 3
copied = min(copies(m) - copies(v) for m, v in zip(autoencoders, vaes, strict=True))
assert ahead > 0.1 and nearer > 0 and copied > 2 and found["real"][0] > 0.95

# %% [markdown]
# *What to see:* one dot a seed. The dreams of the VAE are legible more often than those of the
# autoencoder, with every seed by at least ten points.<!-- asserted: ahead --> Dice of the
# autoencoder's own size help it a good deal, and in the mean it still stays
# behind.<!-- asserted: nearer --> Its codes do not fill a Gaussian cloud, so the cloud has places
# where no picture ever landed. In return it copies better, by more than 2 nats a test
# picture.<!-- asserted: copied --> That is your second prediction: who pays for the code says less
# with it. And no dreamer is near the real pictures yet: see lesson 13.
#
# **The way between two pictures.** Mix their pixels half and half, or mix their codes half and half
# and decode. Here for pairs of different digits, with two measures: the judge, and the distance to
# the nearest real picture (the root of the mean squared difference of pixels).


# %%
def nearest(pictures):
    apart = torch.cdist(pictures.flatten(1), real.flatten(1)).amin(dim=1)
    return apart.mean().item() / 16  # the root of 256 pixels


# %% tags=["nbval-ignore-output"]
order = torch.randperm(400, generator=make_rng(8))
one, other = order[:200], order[200:]
different = test_label[one] != test_label[other]
one, other = one[different], other[different]
codes = vaes[0].encode(test).mu
in_pixels = (test[one] + test[other]) / 2
in_codes = vaes[0].decode((codes[one] + codes[other]) / 2)
between = {"pixels": legible(in_pixels), "codes": legible(in_codes)}
far = {"pixels": nearest(in_pixels), "codes": nearest(in_codes)}

shares = torch.linspace(0, 1, 8).view(-1, 1)
way = vaes[0].decode((1 - shares) * codes[one[1]] + shares * codes[other[1]])
mixed = (1 - shares[..., None, None]) * test[one[1]] + shares[..., None, None] * test[other[1]]
_, axes = plt.subplots(2, 1, figsize=(8, 2.6), layout="tight")
for ax, frames, name in zip(axes, (mixed, way), ("pixels mixed", "codes mixed"), strict=True):
    viz.filmstrip(frames.expand(-1, 3, -1, -1), [""] * 8, ax=ax, title=name)
plt.show()
print(between, far)

# %%
closer = far["pixels"] - far["codes"]
assert all(0.55 < share < 0.95 for share in between.values()) and closer > 0.005

# %% [markdown]
# *What to see:* above, two digits lie over each other, each half as bright. Below, one stroke bends
# into the other. The judge does not settle it. It reads a digit on most of both
# kinds,<!-- asserted: between --> as two digits over each other often look like one. The distance
# does: the middle between two codes lies nearer to real handwriting than the middle between two
# pictures.<!-- asserted: closer --> One measure is rarely enough.
#
# ## Break one thing: a code that says nothing
#
# Give the decoder a second source. Let it draw pixel by pixel, row by row, and look at the pixels
# that it has drawn already, in a window around the next one. This is allowed. Probabilities
# of parts multiply, each given those before it:
#
# $$p(x \mid z) = \prod_i p(x_i \mid x_1, \dots, x_{i-1}, z).$$
#
# In training all pixels are known. So a convolution with half of its window covered computes all
# factors at once, and a second one lets it look further. What the decoder says about the code is
# added between them.


# %%
class Masked(nn.Conv2d):
    """A convolution that sees what comes before a pixel, and where `itself` is 1, that pixel."""

    def __init__(self, c_in, c_out, window, *, itself):
        super().__init__(c_in, c_out, window, padding=window // 2)
        free = torch.arange(window**2) < window**2 // 2 + itself
        self.register_buffer("free", free.float().view(window, window))

    def forward(self, x):
        return F.conv2d(x, self.weight * self.free, self.bias, padding=self.padding)


class LookingBack(nn.Module):
    """A likelihood in which each pixel may look at those above it and left of it."""

    def __init__(self, windows, width=16):
        super().__init__()
        self.look = Masked(1, width, windows[0], itself=0)
        between = Masked(width, width, windows[1], itself=1)
        self.rest = nn.Sequential(nn.SiLU(), between, nn.SiLU(), nn.Conv2d(width, 1, 1))

    def means(self, said, x):
        return self.rest(self.look(x) + said)

    def log_p(self, said, x):
        return Gaussian(0.3).log_p(self.means(said, x), x)


# %% [markdown]
# Is it honest? If a pixel could see itself, the likelihood would be excellent and mean nothing. So
# change one pixel: only pixels *after* it may get another mean.

# %%
back = LookingBack((7, 5))
x = test[:1].clone()
before = back.means(torch.zeros(1, 16, 16, 16), x)
x[0, 0, 8, 8] += 1
changed = (back.means(torch.zeros(1, 16, 16, 16), x) != before).flatten().nonzero()
assert changed.min() > 8 * 16 + 8 and len(changed) > 10

# %% [markdown]
# Now train it with a code of four numbers, and measure two things on test pictures. How much does
# each number of the code *cost*: its KL. And does the decoder *use* the code? Swap the codes: give
# every picture the code of the next one in the list, and see how far the likelihood falls. A code
# that is used cannot be swapped without harm.
#
# Four ways, three seeds each:
#
# * **looks far**: the plain ELBO, with windows of 7 × 7 and 5 × 5 pixels;
# * **KL warmed up**: the same, with the KL multiplied by a weight that rises from 0 to 1 over the
#   first half (Bowman et al. 2016);
# * **free nats**: the same, and each number of the code pays only for what it costs above one nat,
#   in the mean of a batch (Kingma et al. 2016);
# * **looks near**: the plain ELBO, with a window of 3 × 3 pixels.
#
# Write down which of the three changes you expect to help.


# %%
def costs(posterior):
    """KL of each number of the code, mean over pictures: (d)."""
    mu, log_var = posterior
    return 0.5 * (mu**2 + log_var.exp() - 1 - log_var).mean(dim=0)


STEPS = 250
FAR, NEAR = (7, 5), (3, 1)  # windows of the two layers
WINDOWS = {"looks far": FAR, "KL warmed up": FAR, "free nats": FAR, "looks near": NEAR}


def price(way, kl, step):
    """What a code is charged in training, nats."""
    if way == "KL warmed up":
        return warm_up(step, over=STEPS // 2) * kl.sum()
    return kl.clamp_min(1.0).sum() if way == "free nats" else kl.sum()


# %%
def train_looking(way, seed):
    torch.manual_seed(seed)
    parts = conv_encoder(4, size=16, width=16), conv_decoder(4, channels=16, size=16, width=16)
    model, rng = VAE(*parts, LookingBack(WINDOWS[way]), code=4), make_rng(seed)
    steps = iter(range(STEPS))

    def loss(batch):
        posterior = model.encode(batch)
        said = model.decoder(reparameterize(posterior, rng=rng))
        likelihood = model.likelihood.log_p(said, batch).mean()
        return price(way, costs(posterior), next(steps)) - likelihood

    train(model, loss, seed, STEPS)
    return model


# %%
@torch.no_grad()
def examine(model):
    posterior = model.encode(test)
    said = model.decoder(reparameterize(posterior, rng=make_rng(3)))
    own = model.likelihood.log_p(said, test).mean()
    swapped = model.likelihood.log_p(said.roll(1, dims=0), test).mean()
    kl = costs(posterior)
    return {"kl": kl, "use": own - swapped, "elbo": own - kl.sum()}


seen = {way: [examine(train_looking(way, seed)) for seed in range(3)] for way in WINDOWS}

# %% tags=["nbval-ignore-output"]
_, axes = plt.subplots(1, 3, figsize=(12, 3), layout="tight")
viz.kl_bars({way: [m["kl"] for m in ms] for way, ms in seen.items()}, ax=axes[0])
for ax, name in zip(axes[1:], ("use", "elbo"), strict=True):
    viz.seed_dots({way: [float(m[name]) for m in ms] for way, ms in seen.items()}, ax=ax, x="")
axes[1].set_xlabel("lost when codes are swapped, nats")
axes[2].set_xlabel("ELBO on test pictures, nats")
plt.show()

# %% tags=["nbval-ignore-output"]
for way, models in seen.items():
    print(way, [tuple(round(float(m[k].sum()), 2) for k in ("kl", "use", "elbo")) for m in models])


# %%
def least(way, name):
    return min(float(m[name].sum()) for m in seen[way])


def most(way, name):
    return max(float(m[name].sum()) for m in seen[way])


collapsed, warm = most("looks far", "kl"), most("KL warmed up", "kl")
unused = max(most("looks far", "use"), most("KL warmed up", "use"))
charged, used = least("free nats", "kl"), least("free nats", "use")
narrow = least("looks near", "use")
better = least("looks far", "elbo") - most("looks near", "elbo")
assert collapsed < 1 and warm < 1 and unused < 1.5
assert charged > 3 and used > 2 and narrow > 8 and better > 3

# %% [markdown]
# *What to see:* dots are seeds. The decoder that looks far leaves its code alone. All four numbers
# together cost less than one nat,<!-- asserted: collapsed --> and swapping them loses less than
# 1.5.<!-- asserted: unused --> The encoder says nearly the same of every picture: "somewhere among
# the dice". This is **posterior collapse**, and it answers your third prediction: the code says
# less, here next to nothing.
#
# Why? The right plot tells. Training did not fail: the collapsed model has a *higher* bound than
# the one that looks near, by more than three nats whichever seeds you
# compare.<!-- asserted: better --> A code costs its KL, so it has to tell the decoder something
# that is worth more. The pixels near by already tell most of it, for nothing.
#
# That sorts the cures.
#
# * **Warming up** helps where a code would pay but is lost at the start, before the decoder has
#   learned to use it. Here it does not pay. As the weight nears one, the code goes out: less than
#   one nat is left.<!-- asserted: warm -->
# * **Free nats** change what a code costs. The encoder takes more than three
#   nats,<!-- asserted: charged --> and the decoder does use them: the swap loses more than
#   two.<!-- asserted: used --> The price is a somewhat lower bound.
# * **Looking near** changes what the decoder has without a code. Now the swap loses more than
#   eight nats,<!-- asserted: narrow --> and the bound is the lowest of all.
#
# So first ask what you want. For probable pictures alone a silent code is no fault. For a code
# that tells something, change the price or the decoder; and measure the use, not only the cost.
#
# ## Check yourself
#
# <details><summary>1. The loss of a VAE is minus the ELBO. It falls from 120 to 100 nats. Is the
# picture now $e^{20}$ times as probable?</summary>
#
# Not surely. The *bound* on its log-probability rose by 20. The probability may have risen by less
# or by more: part of the change can be a smaller gap, when the encoder has become less wrong.
#
# </details>
#
# <details><summary>2. Somebody reports a KL of −3 nats. What do you think?</summary>
#
# A mistake. A KL is never negative. (An estimate of it from a few draws can be; the closed form
# cannot.)
#
# </details>
#
# <details><summary>3. Which part of the ELBO does a plain autoencoder keep?</summary>
#
# The first, the likelihood of the picture given its code, with a code that has no spread. It drops
# the KL. So nothing calls its codes towards the dice.
#
# </details>
#
# <details><summary>4. In the bound with $k$ draws, why not always take $k = 1000$ in
# training?</summary>
#
# Every draw is one more pass through the decoder. And the more draws, the less the bound depends on
# the encoder: its gradient drowns in noise (Rainforth et al. 2018).
#
# </details>

# %% [markdown]
# ## Exercises
#
# * **Difficulty 1, 10 minutes.** Write the KL from $\mathcal N(\mu, \sigma^2)$ to
#   $\mathcal N(0, \tau^2)$ for one number, on paper, as above. Check it with
#   `kl_divergence(Normal(mu, sigma), Normal(0.0, tau))` at three values of your choice.
# * **Difficulty 2, 15 minutes.** In check two, leave the mean right and make the encoder's variance
#   wrong: `encoder.bias.data` ends with its logarithm. Add 0.5 and 1 to it, then take 0.5 and 1
#   away, and compute the bound four times. Which side costs more? Compare with step 5.
# * **Difficulty 2, 15 minutes.** Train the two-number VAE of the map again, with the KL weighted by
#   0.1 and by 10: in `train_vae`, write `model.loss(batch, rng=rng, beta=0.1)`. Draw both maps.
#   What happens to the spread of the codes, and to `alike`?
# * **Difficulty 3, 25 minutes.** Find by how much the autoencoder lags because its codes fill no
#   Gaussian. Fit a mixture of ten Gaussians to its codes of the training pictures
#   (`sklearn.mixture.GaussianMixture(10)`), draw 400 codes from it (`.sample(400)[0]`, as a float32
#   tensor), decode them, and count with `legible`. Do the same for the VAE. Does the order change?
#
# ## What to read
#
# * Kingma and Welling 2014, *Auto-Encoding Variational Bayes*, arXiv:1312.6114, and Rezende et al.
#   2014, arXiv:1401.4082: the two papers that began it.
# * Burda et al. 2016, *Importance Weighted Autoencoders*, arXiv:1509.00519: the bound with $k$
#   draws. Rainforth et al. 2018, *Tighter Variational Bounds are Not Necessarily Better*,
#   arXiv:1802.04537: its price.
# * Bowman et al. 2016, *Generating Sentences from a Continuous Space*, arXiv:1511.06349: collapse,
#   and warming up.
# * Kingma et al. 2016, *Improving Variational Inference with Inverse Autoregressive Flow*,
#   arXiv:1606.04934: free nats, there called free bits.
# * Chen et al. 2017, *Variational Lossy Autoencoder*, arXiv:1611.02731: why a strong decoder leaves
#   its code alone, and windows that make it use one.
# * Mohamed et al. 2020, *Monte Carlo Gradient Estimation in Machine Learning*, arXiv:1906.10652:
#   both gradients of this page, and their noise.
#
# **Next:** `09_text_image_fusion`, where words steer pixels.
