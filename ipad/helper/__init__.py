"""The privileged helper: the few things round a modem that only root may do, as a fixed list of actions."""
