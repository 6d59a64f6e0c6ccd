"""The control API of the running agent: HTTP with JSON over a socket of the file system, and its client."""
