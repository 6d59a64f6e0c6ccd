"""A virtual SM-DS: events and ES11 (SGP.22 3.6, 5.8)."""
