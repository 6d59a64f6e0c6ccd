"""The bench: a virtual eUICC, modem, network and eIM, with real cryptography and wire formats."""
