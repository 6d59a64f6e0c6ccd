"""How long a device is offline when a profile or a network fails it, and how much of that is the agent's own doing."""
