"""The engine of policy: events of the device in, decisions of the pure core carried out."""
