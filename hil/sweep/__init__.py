"""The kill sweep: an agent is killed at every point of its main scenarios, and nothing may be lost."""
