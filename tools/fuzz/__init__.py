"""Fuzzing of the agent's decoders at length, guided by coverage: `make fuzz`."""
