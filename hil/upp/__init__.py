"""Unprotected profile packages (TCA eUICC Profile Package: Interoperable Format Technical Specification)."""
