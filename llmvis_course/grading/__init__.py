"""Grade a class: see `python -m llmvis_course.grading --help`, and the README."""
