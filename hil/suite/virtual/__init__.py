"""The virtual target: a rig in a thread, the agent as a process."""
