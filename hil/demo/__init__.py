"""The story of `make demo`: the agent, as a process, against a fresh rig."""
