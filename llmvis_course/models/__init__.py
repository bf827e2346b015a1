"""Whole networks with their losses and samplers; each file reads top to bottom."""
