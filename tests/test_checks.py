"""The checks are proven: they pass what is right, and say of what is wrong why it is."""

import ast
import dataclasses
import functools
import importlib
import inspect
import json
import math
import re
import subprocess
import sys
import textwrap
from collections import Counter

import mutants
import numpy as np
import pytest
import torch

from llmvis_course.checks import QUESTIONS, check
from llmvis_course.checks.attempt import (
    Attempt,
    arguments_from_plain,
    arguments_to_plain,
    attempt,
)
from llmvis_course.checks.judging import Worked, judge

TOPICS = (
    "recurrent", "attention", "transformer", "cnn", "vae", "gan", "fusion", "flow", "weighting",
    "text_gan", "codebook", "captioner", "system", "start",
)  # fmt: skip
SEEDS = 6
CODING = [name for name, q in QUESTIONS.items() if q.kind in ("implement", "debug")]


def right_answers():
    """(question, name of the answer, function) of every topic."""
    for topic in TOPICS:
        module = importlib.import_module(f"right_answers.{topic}")
        for name, answer in vars(module).items():
            if inspect.isfunction(answer) and answer.__module__ == module.__name__:
                yield name.split("__")[0], name, answer


RIGHT = {name: answer for _, name, answer in right_answers()}
WRONG = {
    question: entries
    for topic in TOPICS
    for question, entries in importlib.import_module(f"wrong_answers.{topic}").WRONG.items()
}


def compiled(name: str, source: str):
    """A function from a source text, with the names that its module has."""
    scope = dict(vars(inspect.getmodule(RIGHT[name])))
    exec(compile(source, f"<{name}>", "exec"), scope)
    return scope[name]


def source_of(name: str) -> str:
    return textwrap.dedent(inspect.getsource(RIGHT[name]))


# --- what is right passes ----------------------------------------------------------------


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_reference_passes_with_many_seeds(name) -> None:
    for seed in range(SEEDS):
        assert check(name, QUESTIONS[name].reference, seed=seed).passed


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_pass(name) -> None:
    question = name.split("__")[0]
    for seed in range(2):
        report = check(question, RIGHT[name], seed=seed)
        assert report.passed, report
    assert report.points == report.out_of
    assert report.covers in " ".join(str(report).split())


def test_every_question_has_right_and_wrong_answers() -> None:
    right, wrong = Counter(name.split("__")[0] for name in RIGHT), Counter()
    for name, entries in WRONG.items():
        wrong[name] = sum(expected != "kind: right" for *_, expected in entries)
    assert set(right) == set(QUESTIONS) == set(WRONG)
    for name in QUESTIONS:
        coding = name in CODING
        assert right[name] >= (3 if coding else 2), name  # the plain one, and two others
        assert wrong[name] >= (6 if coding else 2), name
        assert len(QUESTIONS[name].misconceptions) >= (6 if coding else 4), name


# --- what is wrong fails, with its hint --------------------------------------------------


def entries():
    for name, found in WRONG.items():
        for number, (old, new, expected) in enumerate(found):
            yield pytest.param(name, old, new, expected, id=f"{name}-{number}")


@pytest.mark.parametrize("name, old, new, expected", list(entries()))
def test_wrong_answers_get_their_hint(name, old, new, expected) -> None:
    source = source_of(name)
    body = source.index("\n")
    assert source[body:].count(old) == 1, f"{old!r} should stand once in\n{source}"
    answer = compiled(name, source[:body] + source[body:].replace(old, new))
    report = check(name, answer)
    if expected.startswith("kind: "):
        assert (report.kind, report.misconception) == (expected.removeprefix("kind: "), ""), report
        return
    (known,) = [m for m in QUESTIONS[name].misconceptions if m.name == expected]
    assert (report.misconception, report.hint, report.points) == (known.name, known.hint, 0), report
    assert known.hint in " ".join(str(report).split())


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_misconception_is_recognised_and_no_two_are_one(name) -> None:
    question = QUESTIONS[name]
    for seed in range(2):
        found = [
            check(name, known.wrong, seed=seed).misconception for known in question.misconceptions
        ]
        assert found == [known.name for known in question.misconceptions]


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_stub_fails_kindly(name) -> None:
    def stub(*arguments):
        raise NotImplementedError("Your code here.")

    report = check(name, stub)
    assert (report.passed, report.kind, report.points) == (False, "stub", 0)
    assert "not written yet" in str(report) and "Traceback" not in str(report)


def test_an_answer_that_calls_a_stub_says_which() -> None:
    def rnn_step(*arguments):
        raise NotImplementedError

    report = check("read_sequence", lambda x, w, u, b: rnn_step(x[:, 0], None, w, u, b))
    assert report.kind == "stub" and "calls rnn_step" in report.message


def test_an_error_of_torch_is_no_stub() -> None:
    answers = [
        ("spread_of_score", lambda p, n: (torch.rand(9, n) < p).mean(dim=1).std()),
        ("paired", lambda first, second: (second - first).sum()),
        ("uncertainty_sum", lambda losses, s: s.long().softmax(dim=0)),
    ]
    for name, answer in answers:
        report = check(name, answer)
        assert report.kind == "raised" and "NotImplementedError" in report.message, report
        assert "with `.double()`" in report.hint


def test_what_still_has_a_gradient_passes_where_none_is_asked_for() -> None:
    def learned_weight(loss):
        s = torch.tensor(0.0, requires_grad=True)
        optimizer = torch.optim.SGD([s], lr=0.1)
        for _ in range(600):
            optimizer.zero_grad()
            (0.5 * (torch.exp(-s) * loss + s)).backward()
            optimizer.step()
        return 0.5 * torch.exp(-s)

    assert check("learned_weight", learned_weight).passed
    report = check("learned_weight", lambda loss: learned_weight(loss).view(1))
    assert report.kind == "shape" and report.hint.startswith("A number without axes")


def test_numbers_of_numpy_are_numbers() -> None:
    for kind in (np.int64, np.float32):
        answer = RIGHT["number_of_captions"]
        assert check("number_of_captions", lambda *a, f=answer, k=kind: k(f(*a))).passed
    report = check("number_of_captions", lambda *a: np.complex64(1))
    assert report.kind == "type" and "complex" in report.message


def test_an_error_is_told_with_its_line() -> None:
    def attend(q, k, v, mask):
        scores = q @ k.mT
        return scores + v[:, :, :, :1].mT[..., :0]

    report = check("attend", attend)
    assert "RuntimeError (line 3, from `def` on): The size of tensor" in report.message


def gradient_that_is_none(u, steps):
    h = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    for _ in range(steps):
        h = torch.tanh(u * h)
    h.backward()
    return abs(h.grad.item())


def graph_thrown_away(weight, x, y, factor):
    loss = (x @ weight).square().mean()
    (pull,) = torch.autograd.grad(loss, weight)
    return loss * pull.norm()


def no_way_to_the_generator(pictures, codes, generator, critic, step):
    generator = generator.clone().requires_grad_()
    loss = (torch.tanh(codes @ generator).detach() @ critic).mean()
    return generator - step * torch.autograd.grad(loss, generator)[0], critic


def raises(error):
    def answer(*arguments):
        raise error

    return answer


@pytest.mark.filterwarnings("ignore:The .grad attribute")
@pytest.mark.parametrize(
    "name, answer, hint",
    [
        ("attend", lambda q, *a: q + torch.ones(99), "Print the shapes of what you combine"),
        ("attend", raises(IndexError("too many indices for tensor of dimension 2")), "Print the"),
        ("attend", raises(KeyError("q")), ""),
        ("attend", raises(AttributeError("'NoneType' object has no attribute 'item'")), ""),
        ("gradient_left", gradient_that_is_none, "`.grad` is None: only the tensor you"),
        ("gradient_left", lambda u, steps: torch.tanh(u), "A plain number came in: use `math`"),
        ("found_by_beams", lambda table, k, n: table[0].topk(k + 99), "`topk` cannot choose more"),
        ("value_of", lambda share: 1 / 0, "What do you divide by"),
        ("wilson", lambda right, n: math.sqrt(n - 2 * right - n), "A root or a logarithm of"),
        ("kl", lambda mu, log_var: (mu ^ 2).sum(1), "`^` is no power"),
        ("bits_per_pixel", lambda nats, pixels: nats ^ 2, "`^` is no power"),
        ("draw_code", lambda mu, log_var, noise: mu.exp().mul_(noise), "`x += y` overwrites"),
        ("log_evidence", lambda a, b, c: a - a.max(dim=0), "With `dim=`, this gives values and"),
        ("learned_weight", lambda loss: math.exp(1e6 * loss), "A number has grown beyond all"),
        ("balanced_sum", graph_thrown_away, "The first gradient threw away"),
        ("drawn_right", lambda said, seen: said == -1 or seen == -1, "`not`, `and`, `or` and `if`"),
        ("nearest_codes", lambda z, codes: codes.gather(0, codes.long()[0]), "`gather` wants"),
        ("play_round", no_way_to_the_generator, "No way leads from the loss to what you take"),
    ],
)
def test_an_error_gets_a_hint_that_fits_it_or_none(name, answer, hint) -> None:
    report = check(name, answer)
    assert report.kind == "raised" and report.hint.startswith(hint), report
    assert bool(report.hint) == bool(hint), report


def test_indices_are_whole_numbers() -> None:
    def divided(log_p, step):
        best, where = (log_p[:, None] + step).flatten().topk(len(log_p))
        return best, where / step.shape[1], where % step.shape[1]

    def narrow(log_p, step):
        best, rows, words = QUESTIONS["beam_step"].reference(log_p, step)
        return best, rows.int(), words.int()

    for answer, hint in ((divided, "`//`, not `/`"), (narrow, "int64")):
        report = check("beam_step", answer)
        assert report.kind == "dtype" and hint in report.hint and "new_zeros" not in report.hint


def test_truths_are_neither_numbers_nor_lists() -> None:
    def fits(said, seen):
        return (said == seen) | (said == -1)

    for answer, kind, hint in (
        (lambda said, seen: fits(said, seen).long().prod(dim=1), "dtype", "True or False"),
        (lambda said, seen: [bool(row.all()) for row in fits(said, seen)], "type", "torch.tensor"),
        (lambda said, seen: [row.all() for row in fits(said, seen)], "type", "torch.stack"),
    ):
        report = check("drawn_right", answer)
        assert report.kind == kind and hint in report.hint, report


def test_several_numbers_in_one_tensor_are_sent_back() -> None:
    report = check("wilson", lambda *a: torch.tensor(RIGHT["wilson"](*a)))
    assert "returned one tensor of shape (2,); expected 2 values" in report.message
    assert "return a, b" in report.hint
    assert check("path_and_target", lambda x0, noise, t: x0).hint == ""


def test_right_results_in_another_order_are_told_so() -> None:
    for name in ("move_codes", "path_and_target", "quantise"):
        report = check(name, lambda *a, name=name: RIGHT[name](*a)[::-1])
        assert not report.passed and "another order" in report.hint, report
    report = check("path_and_target", lambda x0, noise, t: (x0, x0))
    assert "another order" not in report.hint


def test_known_mistakes_are_known_in_any_precision() -> None:
    def counted(p, n):
        return (torch.rand(20_000, n) < p).float().sum(dim=1).std()

    for name, answer, known in (
        ("spread_of_score", counted, "of the count"),
        ("codebook_perplexity", lambda t, size: torch.tensor(len(t.unique())), "codes counted"),
        ("times_smaller", lambda v: v, "error not squared"),
    ):
        assert check(name, answer).misconception == known


def test_what_is_rounded_is_told_so_and_shown_with_more_digits() -> None:
    report = check("wilson", lambda *a: tuple(round(x, 5) for x in RIGHT["wilson"](*a)))
    assert "rounded" in report.hint and report.expected != report.found, report
    report = check("wilson", lambda *a: tuple(x + 1e-5 for x in RIGHT["wilson"](*a)))
    assert "Very near" in report.hint and report.expected != report.found, report
    for far in (0.0, 1.0), (0.73, 1.0):
        assert "paper" in check("wilson", lambda *a, far=far: far).hint


def test_a_difference_beyond_what_is_shown_is_named() -> None:
    def wrong_at_the_end(q, k, v, mask):
        found = RIGHT["attend"](q, k, v, mask)
        found[-1, -1, -1, -1] += len(q) - 1
        return found

    report = check("attend", wrong_at_the_end)
    assert "at [1, 1, 2, 3]: " in report.expected and report.expected != report.found, report


def test_a_measurement_that_comes_near_is_told_to_go_on() -> None:
    def stopped_early(gap, wrong, steps=40):
        s = 1.0
        for _ in range(steps):
            s -= gap * (1 / (1 + math.exp(-s * gap)) - (1 - wrong))
        return s

    assert check("learned_scale", stopped_early).hint.startswith("On the way, but not near enough")
    assert "On the way" not in check("learned_scale", lambda gap, wrong: 7.0).hint
    assert "On the way" not in check("middle_share", lambda depth: 0.77).hint


def test_of_several_results_the_one_asked_for_is_named() -> None:
    report = check("attend", lambda *a: (RIGHT["attend"](*a), a[3]))
    assert report.kind == "type" and report.hint.startswith("The first of them is"), report


def test_a_measurement_gets_another_hint_than_a_sum() -> None:
    report = check("flattery", lambda p, fooled, tries: 0.123)
    assert report.hint.startswith("Print the parts of your measurement")


def test_beams_that_keep_too_many_are_found_with_every_seed() -> None:
    question = QUESTIONS["found_by_beams"]
    (known,) = [m for m in question.misconceptions if m.name.startswith("more than `beams`")]
    for seed in range(10):
        found = check(question.name, known.wrong, seed=seed)
        assert found.misconception == known.name


def test_only_gradients_that_differ_are_named() -> None:
    def taught(weight, real, noise, generator):
        score = QUESTIONS["critic_loss"].reference(weight, real, noise, generator)
        return score + generator.sum() - generator.sum().detach()

    def untaught(weight, real, noise, generator):
        return QUESTIONS["critic_loss"].reference(weight.detach(), real, noise, generator)

    def neither(weight, *others):
        return taught(weight.detach(), *others)

    for answer, names in (
        (taught, "generator"), (untaught, "weight"), (neither, "weight, generator")
    ):  # fmt: skip
        report = check("critic_loss", answer)
        assert report.message.endswith(f"but not their gradients by {names}."), report


def test_lines_of_a_report_fit() -> None:
    for answer in (RIGHT["attend"], QUESTIONS["attend"].misconceptions[0].wrong, lambda q: q):
        assert max(map(len, str(check("attend", answer)).splitlines())) <= 95


def test_strange_answers_are_told_what_they_are() -> None:
    def leaves(*arguments):
        raise SystemExit

    def recurses(*arguments):
        return recurses(*arguments)

    for answer, kind, word in [
        (3, "type", "without calling it"),
        (lambda *a: None, "none", "return"),
        (lambda q: q, "raised", "called with q, k, v, mask, in this order"),
        (lambda q, k, v, mask: q.float() @ k.mT, "raised", "x.new_zeros"),
        (lambda q, *a: q.detach().numpy(), "type", "numpy.ndarray"),
        (lambda q, *a: {"q": q}, "type", "dict"),
        (lambda q, *a: q.to_sparse(), "type", "Tensor"),
        (lambda q, *a: (q, q), "type", "2 values"),
        (lambda q, *a: (q,)[:1] and (q, q, q), "type", "3 values"),
        (lambda q, *a: (g for g in q), "type", "a tuple or list of tensors"),
        (lambda q, *a: q[0], "shape", "expected"),
        (lambda q, *a: q.new_zeros(2_000_000), "raised", "2,000,000"),
        (leaves, "raised", "SystemExit"),
        (recurses, "raised", "RecursionError"),
    ]:
        report = check("attend", answer)
        assert (report.passed, report.kind) == (False, kind), report
        assert word in " ".join(str(report).split())


def test_a_question_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="attendd.*expected one of.*attend"):
        check("attendd", print)


# --- what is shown -----------------------------------------------------------------------


def test_the_smallest_failing_input_is_shown() -> None:
    def only_one_head(q, k, v, mask):
        found = RIGHT["attend"](q, k, v, mask)
        return found if q.shape[1] == 1 else found + 1

    report = check("attend", only_one_head)
    assert "shape (2, 2, 3, 4)" in report.inputs  # the first case with more than one head
    assert "≠" in str(report) and report.expected != report.found
    assert len(report.expected_grid) == len(report.found_grid) == 3
    page = report._repr_html_()
    assert page.count("background") == 2 * 3 * 4 and "<script" not in page


def test_reports_are_plain_and_the_same_every_time() -> None:
    def wrong(q, k, v, mask):
        return RIGHT["attend"](q, k, v, ~mask)

    first, second = (json.dumps(check("attend", wrong, seed=5).to_json()) for _ in range(2))
    assert first == second
    assert first != json.dumps(check("attend", wrong, seed=6).to_json())


# --- an answer can run elsewhere ---------------------------------------------------------


@pytest.mark.parametrize("name", QUESTIONS)
def test_arguments_and_attempts_travel_as_json(name) -> None:
    question = QUESTIONS[name]
    cases = question.cases(3)
    made = []
    for case in cases:
        there = arguments_from_plain(json.loads(json.dumps(arguments_to_plain(case.arguments))))
        done = attempt(RIGHT[name], there, question.gradient_places)
        made.append(Attempt.from_plain(json.loads(json.dumps(done.to_plain()))))
    assert judge(Worked(question, cases), made, seed=3).passed


def test_what_is_right_is_worked_out_once_for_a_class() -> None:
    reference, calls = QUESTIONS["attend"].reference, []

    @functools.wraps(reference)
    def counted(*arguments):
        calls.append(arguments)
        return reference(*arguments)

    question = dataclasses.replace(QUESTIONS["attend"], reference=counted)
    worked, wrong = Worked(question, question.cases(0)), question.misconceptions[0]
    for answer in (RIGHT["attend"], wrong.wrong, RIGHT["attend"], wrong.wrong):
        cases, places = worked.cases, question.gradient_places
        report = judge(worked, [attempt(answer, case.arguments, places) for case in cases])
        assert report.passed == (answer is RIGHT["attend"])
        assert report.misconception == ("" if report.passed else wrong.name)
    assert len(calls) == len(worked.cases)


PLAIN = {"kind": "values", "message": "", "values": [], "numbers": [], "grads": [], "changed": []}
NUMBER = {"dtype": "float64", "shape": [], "data": [1.0]}


@pytest.mark.parametrize(
    "spoilt",
    [
        [], None, {**PLAIN, "more": 1}, {**PLAIN, "kind": "right"}, {**PLAIN, "message": 1},
        {**PLAIN, "values": [NUMBER]}, {**PLAIN, "numbers": [1]}, {**PLAIN, "changed": [-1]},
        {**PLAIN, "grads": [3]}, {**PLAIN, "grads": [{**NUMBER, "dtype": "object"}]},
        {**PLAIN, "grads": [{**NUMBER, "shape": [2]}]}, {**PLAIN, "grads": "x"},
        {**PLAIN, "grads": [{**NUMBER, "data": ["1"]}]},
        {**PLAIN, "grads": [{**NUMBER, "dtype": "int64", "data": [10**30]}]},
    ],
)  # fmt: skip
def test_anything_but_a_plain_attempt_is_refused(spoilt) -> None:
    assert Attempt.from_plain(PLAIN) == Attempt("values")
    with pytest.raises(ValueError, match="expected|do not fit"):
        Attempt.from_plain(spoilt)


# --- automatic mutants -------------------------------------------------------------------

LAST = "the tensor has so few axes that +1 or +2, counted from the front, is the same axis"
SWAP = "exchanging axes a and b is exchanging b and a"
EQUIVALENT: dict[str, list[tuple[str, int, str]]] = {
    "clip_gradients": [(r"min\(limit / length, 1.0\)", 1, "the smaller of two, in any order")],
    "attend": [(r"transpose\(-1, -2\)", 1, SWAP), (r"-2 -> \+2", 1, LAST)],
    "multi_head": [(r"transpose\((2, 1|-1, -2)\)", 5, SWAP), (r"-2 -> \+2", 1, LAST)],
    "spread_of_scores": [
        (r"1 -> [02] .*seed", 2, "other chance, the same spread"),
        (r"q \* k -> (1 \* k|q \* 1)", 2, "a sum of d normal numbers has the same spread"),
    ],
    "keep_likely": [
        (r"before <= p", 1, "differs only where shares add up to p exactly, which has no chance"),
        (r"-1 -> \+1", 5, LAST),
    ],
    "temperature_for": [
        (r"1000.0 -> 1001.0|60 -> 61|<= entropy", 3, "another start or end of the same search")
    ],
    "convolve": [(r"1 -> 2 in: size", 1, "kernels are square"), (r"-2 -> \+2", 1, LAST)],
    "middle_share": [
        (r"in: row = |in: padded", 5, "one place more or less at an end, which comes back too late")
    ],
    "jensen_shannon": [
        (r"-1 -> \+1", 2, LAST),
        (r"xlogy\((.), \1\) -> torch.xlogy\(\1, \1\)", 2, "an exchange of a thing with itself"),
    ],
    "monte_carlo_kl": [
        (r"mu - sigma", 1, "noise is symmetric"),
        (r"0 -> 1 .*seed|400001", 2, "other chance, the same mean"),
        (r"\* 1 in: log_q|2 -> 0 in: log_q", 2, "the square has the mean 1"),
    ],
    "caption_loss": [(r"transpose\(2, 1\)", 1, SWAP)],
    "found_by_beams": [(r"min\(len\(total\), beams\)", 1, "the smaller of two, in any order")],
    "spread_of_score": [
        (r"<= p", 1, "chance never hits a number exactly"),
        (r"0 -> 1 .*seed|20001", 2, "other chance, the same spread"),
    ],
    "flattery": [
        (r"<= (p|fooled)", 2, "chance never hits a number exactly"),
        (r"0 -> 1 .*seed", 1, "other chance, the same share"),
    ],
    "balanced_sum": [(r"mean -> .*sum in: two", 1, "the ratio undoes a factor of the second loss")],
    "learned_weight": [
        (
            r"0.0 -> 1.0|401|0.05 -> 1.05|0.05 \* .* -> 1 \*",
            4,
            "another start, length or step size",
        ),
    ],
    "play_round": [(r"detach", 2, "slopes are asked of these two alone, copies or not")],
    "loss_at_rest": [(r"1 / .* -> 1 / ", 1, "a 1 is put where a 1 is")],
    "text_heard": [
        (r"(\w+)\((\w+), \2\) -> torch.\1\(\2, \2\)", 2, "an exchange of a thing with itself"),
        (r"1001|5 -> 6|\* .* -> 1 \*", 3, "another length or step size"),
    ],
    "pixel_weights": [(r"transpose\(2, 1\)", 1, SWAP)],
    "learned_scale": [
        (r"1.0 -> (2.0|0)|2001|gap \* .* -> 1 \*", 4, "another start, length or step size"),
        (r"1 / .* -> 1 / ", 1, "a 1 is put where a 1 is"),
    ],
    "nearest_codes": [(r"sum -> .*mean in", 1, "the mean is least where the sum is")],
    "good_enough": [(r"1 / n -> 1 / n", 1, "a 1 is put where a 1 is")],
    "times_smaller": [
        (r"0 -> 1 .*seed|100001", 2, "other chance, the same ratio"),
        (r"mean -> .*sum in", 1, "both errors are sums of as many terms"),
    ],
    "spread_after": [
        (r"0 -> 1 .*seed|20001", 2, "other chance, the same spread"),
        (r"0.0 -> 1.0", 1, "another mean shifts all ends alike, and leaves their spread"),
    ],
}
"""Mutants that pass, and rightly so: a pattern of what was changed, how many, and the reason."""


def passes(question, case, answer) -> bool:
    made = attempt(answer, case.arguments, question.gradient_places)
    return judge(Worked(question, [case]), [made], explain=False).passed


def survivors(name: str) -> tuple[int, list[str]]:
    """How many mutants a right answer has, and which of them pass."""
    question = QUESTIONS[name]
    cases = question.cases(0)
    alive, count = [], 0
    for what, source in mutants.mutants(source_of(name)):
        count += 1
        answer = compiled(name, source)
        if all(passes(question, case, answer) for case in cases):
            alive.append(what)
    return count, alive


@pytest.mark.parametrize("name", QUESTIONS)
def test_mutants_are_killed(name) -> None:
    count, alive = survivors(name)
    assert count >= 2
    for pattern, number, _ in EQUIVALENT.get(name, []):
        same = [what for what in alive if re.search(pattern, what)]
        assert len(same) == number, (pattern, same)
        alive = [what for what in alive if what not in same]
    assert alive == []


def test_the_mutator_changes_one_thing_at_a_time() -> None:
    source = "def f(x):\n    return x.sum(dim=1) + 2\n"
    assert {new.splitlines()[1].strip() for _, new in mutants.mutants(source)} == {
        "return x.sum(dim=1) - 2", "return x.mean(dim=1) + 2", "return x.sum(dim=2) + 2",
        "return x.sum(dim=0) + 2", "return x.sum(dim=1) + 3", "return x.sum(dim=1) + 0",
        "return 0 + 2",
    }  # fmt: skip
    for _, new in mutants.mutants(source):
        ast.parse(new)


# --- light, and safe ---------------------------------------------------------------------


def test_importing_checks_is_light() -> None:
    code = (
        "import sys, llmvis_course.checks as c; assert 'torch' not in sys.modules; "
        "assert len(c.QUESTIONS) > 30 and 'torch' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_checking_draws_no_chance_from_outside() -> None:
    before = torch.get_rng_state()
    for name in ("attend", "keep_likely"):
        check(name, QUESTIONS[name].misconceptions[0].wrong)
    assert torch.equal(before, torch.get_rng_state())
