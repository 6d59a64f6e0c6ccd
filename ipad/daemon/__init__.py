"""The process: composition root, service loop, log and service manager."""
