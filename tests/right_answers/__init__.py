"""Answers that must pass: the plain one, `name`, and others that do it another way, `name__how`."""
