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
# # 06 · Describing images: picture in, sentence out
#
# **The question.** You have a network that writes (notebooks 02 and 04). How does it come to write
# about *this picture*? The article calls the task "text description generation": it is one box of
# its flow chart, and the first that joins pictures and words.
#
# **After this page you can**
#
# * say what is missing in the article's formula for the decoder, and put it right;
# * write a recurrent decoder that looks at a picture before each word, and check it;
# * train eyes first and a writer after, and say why;
# * compare a recurrent writer and a Transformer fairly, on combinations that neither was shown;
# * search for the likeliest sentence with several beams;
# * send a picture through the whole circle: picture → sentence → picture, and have it judged.
#
# **Minutes:** 45 to read, 2 to compute. **You need:** notebooks 00, 02, 03 and 04.

# %% [markdown]
# ## Symbols
#
# | symbol | meaning | shape or range |
# |---|---|---|
# | `b` | batch | |
# | `n` | words of a sentence | |
# | `m` | cells of a picture, 8 × 8 of 4 × 4 pixels each | 64 |
# | `d` | width of a vector | 128 |
# | `ids, mask` | tokens of captions, and which are real | `(b, n)` |
# | `features` | what the eyes make of each cell | `(b, m, d)` |
# | `q k v` | what a word looks for, what a cell offers, what a cell tells | |

# %% [markdown]
# ## Predict first
#
# 1. No training picture shows a yellow three. What will a captioner say about one?
# 2. Noise has replaced one pixel in twenty of a picture. A median filter takes it out: each
#    pixel becomes the middle one of its neighbourhood. Will the
#    captions be better for it? And what does the filter do to a picture without noise?
# 3. Take from the writer all knowledge of which words it has written so far. It still sees the
#    picture, and how many words there were. What do its captions look like?

# %%
import matplotlib.pyplot as plt
import torch
from einops import einsum
from torch import nn
from torch.testing import assert_close

from llmvis_course import viz
from llmvis_course.data.captions import parse, write
from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs, vary
from llmvis_course.data.labels import QUESTIONS, cell_labels
from llmvis_course.data.prepare import prepare
from llmvis_course.data.scenes import SceneMaker, to_scenes
from llmvis_course.data.splits import held_out_in, in_training, mixture, say_all
from llmvis_course.data.tokens import END, START, decode, encode, load_tokenizer, pieces
from llmvis_course.data.world import COLOURS, DIGITS, SIZES
from llmvis_course.evaluate import Judge, describes
from llmvis_course.models.captioner import (
    Captioner,
    RecurrentDecoder,
    TransformerDecoder,
    writing_loss,
)
from llmvis_course.models.looking import CellNamer, PictureEncoder
from llmvis_course.pipeline import TextToImage
from llmvis_course.training.fit import fit, warm_cosine
from llmvis_course.training.muon import muon_and_adamw
from llmvis_course.training.repro import make_rng
from llmvis_course.weights import TOKENIZER

WORDS = [*DIGITS, *COLOURS, *SIZES]
tokenizer = load_tokenizer(TOKENIZER)
vocabulary = tokenizer.get_vocab_size()

# %% [markdown]
# ## The data: pictures, and sentences that say all of it
#
# For drawing, a caption may leave things out. For describing we ask for everything that a caption
# can say (`say_all`), and always in the same order: what lies left, or above, is said first. A
# writer then has fewer things to decide that the picture does not decide for it.
#
# There are three kinds of picture: `one` thing; `two` different things; `many`, two to four of the
# same. Kept back from training are some pairs of digit and colour, of digit and place (for one
# thing), of digit and count, and two digits that never meet.
#
# Two sets of pictures are kept apart. Training pictures use training handwriting, and combinations
# that are allowed in training. Test pictures use other handwriting *and* show at least one
# combination that no training picture shows, such as a yellow three, or a five beside a zero.


# %%
def held_out(layout):
    return torch.stack(list(held_out_in(layout).values())).any(dim=0)


def caption_all(layout, rng):
    return [write(say_all(scene), rng=rng) for scene in to_scenes(layout)]


test_maker = SceneMaker(make_glyphs(load_handwriting(train=False)))
tests = {
    kind: test_maker.sample(300, kind, rng=make_rng(50), allow=held_out)
    for kind in ("one", "two", "many")
}
test_pictures = {kind: test_maker.render(layout) for kind, layout in tests.items()}
shown = torch.cat([test_pictures[kind][:2] for kind in tests])
said = [
    caption for kind in tests for caption in caption_all(tests[kind].rows(slice(2)), make_rng(0))
]
_, ax = plt.subplots(figsize=(9, 3), layout="tight")
viz.picture_grid(shown, said, ax=ax, columns=6)
plt.show()

# %% [markdown]
# *What to see:* two test pictures of each kind, each with one of the sentences that describe it
# fully.
#
# ## The article's formula, mended
#
# The course follows an article (notebook 00). It writes a description by
#
# $$\mathrm{Decoder}(y) = \mathrm{Attention}(Q, K, V), \qquad
# y_t = \mathrm{softmax}(\mathrm{Decoder}(y_{t-1})),$$
#
# and does not say what $Q$, $K$ and $V$ are. The picture is missing, and so are all words but the
# last. A captioner has to give
#
# $$p(y_t \mid y_1, \dots, y_{t-1}, \text{picture}),$$
#
# the probability of the next word given *all words so far* and *the picture*. The sentence's
# probability is the product over its words, and the loss is minus its logarithm, as for any
# language model (notebook 04). Only the picture is new.
#
# ## Build it: look, then speak
#
# The picture arrives as `features`, a vector for each of 64 cells. A recurrent writer takes three
# steps for each word. (The idea is of Xu et al. 2015, the order of the steps of Luong et al. 2015.)
# Before the first word its state is zero, and what it has seen is the mean of all cells.
#
# 1. **remember**: a GRU reads the last word and what was seen before it;
# 2. **look**: the state asks a question $q$, each cell answers with a key $k$, and what is seen is
#    the mean of the values $v$, weighted by $\mathrm{softmax}(q k^\top / \sqrt d)$. That is
#    cross-attention with one query, as in notebook 03; a linear map, `output`, follows;
# 3. **speak**: state and what was seen give a score to each word of the vocabulary.
#
# The course's `RecurrentDecoder` does that. Here it is by hand. The course's `writer` only lends
# its weights: `token`, a vector for each word; `cell`, a GRU; `look`, the linear maps of attention;
# and `speak`, two linear maps.


# %%
def look(writer, h, features):
    """What is seen from state h, and the share of each cell in it."""
    q = writer.look.query(h)
    k, v = writer.look.key_value(features).chunk(2, dim=-1)
    scores = einsum(q, k, "b d, b m d -> b m") / q.shape[-1] ** 0.5
    shares = scores.softmax(dim=-1)
    return writer.look.output(einsum(shares, v, "b m, b m d -> b d")), shares


def scores_by_hand(writer, ids, features):
    """Scores of the word after each of `ids`, (b, n, vocabulary)."""
    h, seen = features.new_zeros(len(ids), features.shape[-1]), features.mean(dim=1)
    scores = []
    for word in writer.token(ids).unbind(dim=1):
        h = writer.cell(torch.cat([word, seen], dim=1), h)
        seen, _ = look(writer, h, features)
        scores.append(writer.speak(torch.cat([h, seen], dim=1)))
    return torch.stack(scores, dim=1)


# %% [markdown]
# **The agreement cell.** The same scores as the course's decoder, and the same gradient with
# respect to the picture's features, in double precision.

# %%
torch.manual_seed(0)
decoder = RecurrentDecoder(vocabulary).double()
features = torch.randn(3, 64, 128, dtype=torch.float64, requires_grad=True)
ids = torch.randint(3, vocabulary, (3, 7), generator=make_rng(1))
mine = scores_by_hand(decoder, ids, features)
theirs = decoder(ids, decoder.start(features)).logits
assert_close(mine, theirs)
slopes = [torch.autograd.grad(s.square().mean(), features)[0] for s in (mine, theirs)]
assert_close(*slopes)

# %% [markdown]
# A Transformer writer does the same with other parts: each word looks *back* at all words so far
# (causal self-attention), then *across* at the picture (cross-attention), then thinks. It is the
# block of notebook 04 with one more attention, and the course calls it `TransformerDecoder`. The
# two can be exchanged: both start from `features`, and both return scores.
#
# ## Eyes first
#
# Who looks? A small convolutional network, the `PictureEncoder` (notebook 05 takes such networks
# apart). We could train eyes and writer together from the first step. Then the eyes would learn
# only through the words, which say little about where a mistake was made. So we train them first,
# on a question that has an answer in every cell with ink: *what is the thing like that lies here?*
# Which digit, colour, size, place, lean, and how it lies to the other one.
#
# Three choices are meant to help the eyes (an exercise takes the first away):
#
# * **more handwriting from little**: there are 1,397 training
#   characters.<!-- asserted: characters --> `vary` bends each four more times, as another hand
#   might have written it;
# * **crowds**: half of the practice pictures show four different digits, which makes four lessons
#   for one picture's work;
# * **shapes are seen in the light alone**, the brightest of a pixel's three numbers. The
#   convolutions get no colours; each cell is told its colour afterwards. Remember prediction 1:
#   eyes that see shape and colour together can learn "if it is yellow, it is no three", since in
#   training that is always true.
#
# `train` uses Muon, an optimizer for matrices; what is listed in `besides`, here the first layers
# of the eyes and later the last ones of the writer, is left to AdamW, a relative of Adam. The step
# size rises at first, then falls (`warm_cosine`). `channels_last` only makes convolutions faster.

# %% tags=["nbval-ignore-output"]
handwriting = load_handwriting()
characters = len(handwriting.label)
maker = SceneMaker(vary(make_glyphs(handwriting), copies=4, rng=make_rng(7)))
rng = make_rng(3)
practice = mixture(maker, 5000, {"two": 0.25, "crowd": 0.5}, rng=rng)
pictures, answers = maker.render(practice), cell_labels(maker, practice)


def some(n, size, rng):
    """Endless batches of `size` numbers below n."""
    while True:
        yield torch.randint(n, (size,), generator=rng)


def train(loss, batches, module, besides, steps):
    optimizers = muon_and_adamw(module, besides=besides)
    return [at.loss for at in fit(loss, batches, optimizers, steps=steps, schedule=warm_cosine)]


torch.manual_seed(0)
eyes = PictureEncoder().to(memory_format=torch.channels_last)
namer = CellNamer(eyes, [question.choices for question in QUESTIONS])
eye_losses = train(
    lambda index: namer.loss(pictures[index], answers[index]),
    some(len(pictures), 64, rng),
    namer,
    besides=[eyes.strokes[1], eyes.colour],
    steps=380,
)
print(f"loss of the first step {eye_losses[0]:.1f}, of the last {eye_losses[-1]:.1f}")

# %% [markdown]
# What have they learned? In each test picture of one digit, the cells with ink vote.


# %% tags=["nbval-ignore-output"]
@torch.no_grad()
def votes(layout):
    """For each question, the share of pictures in which the cells vote for the right answer."""
    answers = cell_labels(test_maker, layout)
    right = {}
    for k, scores in enumerate(namer(test_maker.render(layout))):
        inked = (answers[:, k] >= 0)[..., None]
        vote = (scores.log_softmax(dim=-1) * inked).sum(dim=1).argmax(dim=-1)
        right[QUESTIONS[k].name] = (vote == answers[:, k].amax(dim=1)).float().mean().item()
    return right


eyes_right = votes(tests["one"])
print({name: f"{100 * share:.1f} %" for name, share in eyes_right.items()})

# %%
digits_right = eyes_right.pop("digit")
assert characters == 1397
assert digits_right > 0.92 and min(eyes_right.values()) > 0.98

# %% [markdown]
# *What to see:* colour, size, place and lean are easy, over 98 % each.<!-- asserted: eyes_right -->
# The digit is the hard part, as everywhere in this course; more than 92 % are
# right,<!-- asserted: digits_right --> in handwriting and combinations that the eyes never saw.
# The vote is one way to read the
# eyes, and it is told which cells have ink. Still, what the eyes do not pass on, no writer can say.
# ("Relation" is no test here: one digit alone has none.)
#
# ## Train the writers: recurrent against Transformer
#
# From here on the eyes stay as they are. That makes training quick: each picture is looked at once,
# and its features are kept. 4,000 pictures, one caption each; both writers read the same batches in
# the same order, with the same optimizer, for 200 steps, three times with different seeds. The
# Transformer has more weights, but a step takes both about as long.

# %% tags=["nbval-ignore-output"]
album = mixture(maker, 4000, {"two": 0.4, "many": 0.2}, rng=make_rng(4))
with torch.no_grad():
    seen = torch.cat([eyes(part) for part in maker.render(album).split(250)])
words = encode(tokenizer, caption_all(album, make_rng(6)))


def train_writer(decoder, seed, steps):
    def loss(index):
        mask = words.mask[index]
        longest = int(mask.sum(dim=1).max())
        ids = words.ids[index][:, :longest]
        return writing_loss(decoder, seen[index], ids, mask[:, :longest])

    return train(loss, some(len(seen), 32, make_rng(seed)), decoder, [decoder.speak], steps)


def captions_of(model, pictures, beams=1):
    found = model.describe(pictures, start=START, end=END, beams=beams)
    return [decode(tokenizer, row) for row in found.ids]


def share_right(model, kind):
    """The share of test pictures whose caption says all, and nothing wrong."""
    texts = captions_of(model, test_pictures[kind])
    return sum(map(describes, texts, to_scenes(tests[kind]))) / len(texts)


# %% tags=["nbval-ignore-output"]
makers = {"recurrent": RecurrentDecoder, "Transformer": TransformerDecoder}
writers, right = {}, {}
for seed in range(3):
    for name, make in makers.items():
        torch.manual_seed(seed)
        model = Captioner(eyes, make(vocabulary))
        train_writer(model.decoder, seed, steps=200)
        writers[name, seed] = model
        right[name, seed] = {kind: share_right(model, kind) for kind in tests}
        shares = ", ".join(
            f"{kind} {100 * share:.0f} %" for kind, share in right[name, seed].items()
        )
        print(f"{name:11}  seed {seed}:  {shares}")

# %%
weights = {name: sum(p.numel() for p in writers[name, 0].decoder.parameters()) for name in makers}
behind = [
    right["Transformer", seed][kind] - right["recurrent", seed][kind]
    for seed in range(3)
    for kind in tests
]
assert weights == {"recurrent": 347141, "Transformer": 633477}
assert min(behind) > 0

# %% [markdown]
# *What to see:* with every seed, and for every kind of picture, the Transformer is
# ahead.<!-- asserted: behind --> Part of that may be its size, 633,477 weights against
# 347,141;<!-- asserted: weights --> you can test that in an exercise. Part may be that the
# recurrent writer must carry what it has said through its state from word to word, and the
# Transformer looks it up.
#
# But 200 steps are a short race, and the recurrent writer starts slowly. So both of seed 0 go on,
# for 200 steps more.


# %% tags=["nbval-ignore-output"]
def a_yellow_three(layout):
    yellow = list(COLOURS).index("yellow")
    return (layout.digit[:, 0] == 3) & (layout.colour[:, 0] == yellow)


for name in makers:
    train_writer(writers[name, 0].decoder, seed=10, steps=200)
best, reader = writers["Transformer", 0], writers["recurrent", 0]
final = {kind: share_right(best, kind) for kind in tests}
caught_up = {kind: share_right(reader, kind) for kind in tests}
print("recurrent", {kind: f"{100 * share:.0f} %" for kind, share in caught_up.items()})
yellow = test_maker.sample(60, "one", rng=make_rng(52), allow=a_yellow_three)
texts = captions_of(best, test_maker.render(yellow))
called_so = sum({"yellow", "three"} <= set(text.replace(",", "").split()) for text in texts) / 60
familiar = test_maker.sample(300, "one", rng=make_rng(51), allow=in_training)
texts = captions_of(best, test_maker.render(familiar))
final["familiar one"] = sum(map(describes, texts, to_scenes(familiar))) / len(texts)
print("Transformer", {kind: f"{100 * share:.0f} %" for kind, share in final.items()})
print(f"yellow threes called so: {100 * called_so:.0f} %")

# %%
lost = final["familiar one"] - final["one"]
assert called_so > 0.6
nearer = [
    final[kind] - caught_up[kind] < right["Transformer", 0][kind] - right["recurrent", 0][kind]
    for kind in tests
]
assert all(nearer) and min(caught_up.values()) > 0.7
assert final["one"] > 0.85 and final["two"] > 0.72 and final["many"] > 0.85
assert lost < 0.1

# %% [markdown]
# *What to see:* the race was too short. The recurrent writer has come nearer for every kind, and
# gets more than 70 % of each right now.<!-- asserted: caught_up --> So the Transformer
# learns in fewer steps; that it ends higher, this page does not show. Had we stopped at 200 steps
# and written "Transformers describe better", we would have measured our patience.
#
# From here on the Transformer of seed 0 writes. A caption counts as right when it says
# *everything*, and nothing wrong. That is reached for more than 85 % of pictures of one thing, 72 %
# of two and 85 % of several,<!-- asserted: final --> in combinations and handwriting that training
# never showed. The last number is for test pictures of combinations that training *did* show: it is
# better by less than ten points.<!-- asserted: lost -->
#
# Your first prediction: of 60 yellow threes, more than 60 % are called
# that.<!-- asserted: called_so --> Neither eyes nor writer ever met one. The eyes were built for
# this; how much of it is due to that, this page does not test.
#
# ## Search: the best next word, or the best sentence?
#
# `describe` is greedy with `beams=1`: always the likeliest next word. With more **beams** it keeps
# the likeliest few beginnings, continues each by every word, and keeps the likeliest again. What it
# finds is at least as likely as the greedy sentence, nearly always. Is it better?

# %% tags=["nbval-ignore-output"]
two = test_pictures["two"]
log_p = [best.describe(two, start=START, end=END, beams=beams).log_p for beams in (1, 4)]
as_likely = (log_p[1] >= log_p[0] - 1e-4).float().mean().item()
greedy, searched = (captions_of(best, two, beams) for beams in (1, 4))
changed = sum(a != b for a, b in zip(greedy, searched, strict=True)) / len(greedy)
right_of = [
    sum(map(describes, texts, to_scenes(tests["two"]))) / len(texts) for texts in (greedy, searched)
]
print(f"as likely or likelier: {as_likely:.3f}; another sentence: {changed:.2f}")
print(f"right: greedy {right_of[0]:.3f}, four beams {right_of[1]:.3f}")

# %%
gained = right_of[1] - right_of[0]
assert as_likely > 0.97 and abs(gained) < 0.06

# %% [markdown]
# *What to see:* with four beams, more than 97 of 100 sentences are at least as likely as the greedy
# ones;<!-- asserted: as_likely --> most are the same sentence. They are no better: the share of
# right captions moves by less than six points, up or down.<!-- asserted: gained --> The words may
# come in several orders, but *what* they must say is decided by the picture. Search can choose
# another order; it cannot see better. In translation, where many sentences compete, beams gain
# more.
#
# ## Look: where does it look while it writes?
#
# The recurrent writer looks with one head, so its looks are easy to read: for each word, where it
# looked just before it wrote it.

# %% tags=["nbval-ignore-output"]
ids = reader.describe(two[:1], start=START, end=END).ids
with torch.no_grad():
    looks = reader(two[:1], ids[:, :-1]).looks[0]
written = pieces(tokenizer, decode(tokenizer, ids[0]))[1:-1]
_, ax = plt.subplots(figsize=(9, 3.2), layout="tight")
viz.writing_maps(two[0], written, looks[: len(written)], ax=ax)
plt.show()

# %% tags=["nbval-ignore-output"]
ids = reader.describe(two, start=START, end=END).ids
with torch.no_grad():
    looks = reader(two, ids[:, :-1]).looks
ink = nn.functional.avg_pool2d((two + 1).amax(dim=1), 4).flatten(1) > 0.1
on_ink = einsum(looks, ink.float(), "b n m, b m -> b n")
telling = torch.isin(ids[:, 1:], encode(tokenizer, WORDS).ids[:, 1])
by_chance = ink.float().mean().item()
drawn_to_ink = on_ink[telling].mean().item() / by_chance
print(
    f"ink fills {by_chance:.2f} of the cells, and gets {drawn_to_ink:.1f} times that share of looks"
)

# %%
assert drawn_to_ink > 2

# %% [markdown]
# *What to see:* bright is where most of the look went; each map has its own scale. Before it writes
# a digit, a colour or a size, the writer looks at ink more than twice as much as chance
# would,<!-- asserted: drawn_to_ink --> over all 300 pictures of two things. In this picture it is
# the ink of the right one. Before "a" and "above" it looks at empty paper: these words seem to need
# no look at ink. Nobody taught it where to look; that came with learning what to say.
#
# ## The round trip
#
# Now close the circle. A picture goes in, the writer describes it, and the system of notebook 00
# draws from that sentence alone. The judge then measures whether the *new* picture shows
# what the *old* one did: everything a caption can say, nothing else.


# %% tags=["nbval-ignore-output"]
def round_trip(kind, n):
    """Old pictures, sentences, new pictures, and whether those show what the old ones did."""
    old, real = test_pictures[kind][:n], to_scenes(tests[kind])[:n]
    sentences = captions_of(best, old)
    # what cannot be read cannot be drawn either: then something else is drawn
    drawable = [text if readable(text) else "a red seven" for text in sentences]
    new = system.draw(drawable, rng=make_rng(8))
    same = [seen.fits(say_all(scene)) for seen, scene in zip(judge.look(new), real, strict=True)]
    return old, sentences, new, same


def readable(text):
    try:
        return bool(parse(text).things)
    except ValueError:
        return False


system, judge = TextToImage.pretrained(), Judge.pretrained()
trips = {kind: round_trip(kind, 24) for kind in ("one", "two")}
arrived = {kind: sum(same) / 24 for kind, (*_, same) in trips.items()}
print({kind: f"{share:.2f}" for kind, share in arrived.items()})

old, sentences, new, same = (part[:6] for part in trips["two"])
marks = [f"{'✓' if ok else '✗'} {text}" for ok, text in zip(same, sentences, strict=True)]
_, ax = plt.subplots(figsize=(9, 4.4), layout="tight")
viz.picture_grid(torch.cat([old, new]), ["before"] * 6 + marks, ax=ax, columns=6)
plt.show()

# %%
assert arrived["one"] > 0.7 and arrived["two"] > 0.25

# %% [markdown]
# *What to see:* above, pictures that went in; below, what came back, with the sentence it was drawn
# from; ✓ where the judge found everything. More
# than 70 % of the pictures of one thing arrive unharmed, and more than a quarter of those of
# two.<!-- asserted: arrived --> Two networks can be wrong on the way, the one that describes and
# the one that draws; question 4 below asks how their mistakes add up.
#
# ## Preparing a picture
#
# The article's first step is preprocessing: remove noise, bring to one size. Pictures do not come
# from a renderer, after all. Say ours come from a camera with 64 × 64 pixels, of which one in
# twenty is wrong. `prepare` takes the **median** of each pixel's 3 × 3 neighbourhood, which throws
# out single wrong pixels, and resizes to 32 × 32. Three treatments of clean and of noisy pictures:


# %% tags=["nbval-ignore-output"]
def camera(pictures, share, rng):
    """64 x 64 pixels, of which a share is replaced by anything between black and white."""
    large = nn.functional.interpolate(pictures, scale_factor=2, mode="bicubic").clamp(-1, 1)
    wrong = torch.rand(len(large), 1, 64, 64, generator=rng) < share
    return torch.where(wrong, 2 * torch.rand(large.shape, generator=rng) - 1, large)


def share_described(pictures):
    texts = captions_of(best, pictures)
    return sum(map(describes, texts, to_scenes(tests["one"]))) / len(texts)


shot = {
    name: camera(test_pictures["one"], share, make_rng(9))
    for name, share in (("clean", 0.0), ("noisy", 0.05))
}
prepared = {
    (name, denoise): prepare(pictures, denoise=denoise)
    for name, pictures in shot.items()
    for denoise in (1, 3, 5)
}
described = {key: share_described(pictures) for key, pictures in prepared.items()}
for (name, denoise), share in described.items():
    print(f"{name}, median of {denoise} x {denoise}: {100 * share:.0f} % right")

# %%
healed = described["noisy", 3] - described["noisy", 1]
cost = [described["clean", 1] - described["clean", denoise] for denoise in (3, 5)]
assert healed > 0.3 and 0 < cost[0] < cost[1]

examples = torch.stack([pictures[1] for pictures in prepared.values()])
labels = [
    f"{name}, {'resized only' if denoise == 1 else f'median {denoise} x {denoise}'}"
    for name, denoise in prepared
]
_, ax = plt.subplots(figsize=(9, 2), layout="tight")
viz.picture_grid(examples, labels, ax=ax, columns=6)
plt.show()

# %% [markdown]
# *What to see:* enlarging and shrinking costs some right answers by itself, even without noise
# (compare "one" above). Without a filter, noise costs most of the rest; the median of 3 × 3 brings
# most of that back.<!-- asserted: healed --> But the filter is not free: on clean pictures it costs
# some right answers, and 5 × 5 costs many,<!-- asserted: cost --> since a stroke narrower than half
# the window is noise to a median. So your second prediction has two answers: with this noise the
# filter helps a lot, and without noise it harms. Preprocessing is a decision about your pictures,
# not a ritual; measure it on *your* task.
#
# ## Break one thing: a writer that forgets its words
#
# The article's formula leaves out the words so far. What does that do? Here is the recurrent
# writer, with one change: whatever it wrote last, it reads the start token. System A is whole,
# system B forgets. Both are trained alike, twice 200 steps.


# %% tags=["nbval-ignore-output"]
class Forgetful(RecurrentDecoder):
    def forward(self, ids, state):
        return super().forward(torch.full_like(ids, START), state)


torch.manual_seed(0)
systems = {"A": writers["recurrent", 0]}
systems["B"] = Captioner(eyes, Forgetful(vocabulary))
losses = [
    loss for seed in (0, 10) for loss in train_writer(systems["B"].decoder, seed=seed, steps=200)
]
print(f"B: loss {losses[0]:.1f} -> {sum(losses[-10:]) / 10:.1f}")
can_be_read = {}
for name, model in systems.items():
    texts = captions_of(model, test_pictures["one"])
    can_be_read[name] = sum(map(readable, texts)) / len(texts)
    print(f"{name}: {100 * can_be_read[name]:.0f} % can be read. {texts[0]!r}, {texts[1]!r}")

# %%
fallen = sum(losses[-10:]) / 10 / losses[0]
assert fallen < 0.5 and can_be_read["B"] < 0.3 < 0.6 < can_be_read["A"]

# %% [markdown]
# *What to see:* B's loss falls to less than half,<!-- asserted: fallen --> and a curve of it would
# look like progress. But fewer than 30 % of its captions can be read at all, against more than 60 %
# of A's.<!-- asserted: can_be_read --> Diagnose it from what it
# writes: most words fit the picture, but some come again and again, and others never come. B knows
# how many words it has written, not which. So at each place it says what is most often said there
# about such a picture. That answers your third prediction: right words, no sentence. (Readable is
# not right, either: compare A's captions with the first two pictures of this page.)
#
# ## Check yourself
#
# <details><summary>1. Why does the loss of a captioner not go to zero, even with perfect
# eyes?</summary>
#
# The same picture can be described in many ways, and nothing in it says which one was written:
# "small red three" or "red small three". What cannot be known costs nats.
#
# </details>
#
# <details><summary>2. The recurrent writer looks <em>after</em> reading the last word and
# <em>before</em> it speaks. What if it looked before reading?</summary>
#
# It would not know which word it has just said when it chooses where to look, so that after "a red"
# it might look at the wrong thing. It could still work, one word late, through its state.
#
# </details>
#
# <details><summary>3. Why must the captions of the test be scored as right only when they say
# everything?</summary>
#
# "a seven" would otherwise be right for every seven, and the safest captioner would say least.
#
# </details>
#
# <details><summary>4. In the round trip, two networks are wrong now and then. With 80 % and 70 %
# right, what is the chance of a pair arriving unharmed?</summary>
#
# About 0.8 × 0.7 = 56 %, if they err independently. It can be more: where a three is mistaken for a
# five and the drawn five looks like a three, two wrongs make a right.
#
# </details>

# %% [markdown]
# ## Exercises
#
# * **Difficulty 1, 10 minutes.** Draw `writing_maps` for the Transformer. Its looks are means over
#   heads and blocks. Which words look somewhere sharply, which nowhere in particular?
# * **Difficulty 2, 15 minutes.** How much do more copies of handwriting buy? Train the eyes with
#   `copies=0`, 1 and 4, and compare `votes`.
# * **Difficulty 2, 15 minutes.** Give the writers about equally many weights: make a subclass of
#   `RecurrentDecoder` with `width=180`, whose `start` first sends `features` through
#   `nn.Linear(128, 180)`. After 200 steps, is the Transformer still ahead?
# * **Difficulty 3, 20 minutes.** Write a `caption_all` that leaves the order of two things to
#   chance, make `words` with it, and train again. How far does the share for two things fall, and
#   why?
#
# ## What to read
#
# * Vinyals et al. 2015, *Show and Tell: A Neural Image Caption Generator*, arXiv:1411.4555.
# * Xu et al. 2015, *Show, Attend and Tell: Neural Image Caption Generation with Visual Attention*,
#   arXiv:1502.03044: attention to a picture while writing, by an LSTM that looks before it reads.
# * Luong et al. 2015, *Effective Approaches to Attention-based Neural Machine Translation*,
#   arXiv:1508.04025: the order of the steps of this page.
# * Vaswani et al. 2017, *Attention Is All You Need*, arXiv:1706.03762: cross-attention.
# * Simard et al. 2003, *Best Practices for Convolutional Neural Networks Applied to Visual Document
#   Analysis*: more handwriting from little.
# * Sutskever et al. 2014, *Sequence to Sequence Learning with Neural Networks*, arXiv:1409.3215:
#   beam search for sentences.
#
# **Next:** `07_gan_minimax`, where two networks teach each other to draw.
