"""A fleet: many virtual devices, served by a few agents, in a staged roll-out; see docs/fleet-bench.md."""
