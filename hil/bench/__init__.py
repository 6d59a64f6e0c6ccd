"""Measurements of an agent on the bench, beside what the protocols themselves cost."""
