"""Answers that must fail, each with its hint: the plain right answer with one thing changed.

An entry is what stands in the right answer (once), what a learner writes instead, and what the
check must say: the name of a misconception, or `kind: ...` where no known one computes the same.
"""
