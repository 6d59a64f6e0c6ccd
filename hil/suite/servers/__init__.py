"""Abilities of the bench's own servers, which serve a virtual device and a real board alike."""
