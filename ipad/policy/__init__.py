"""When to contact which eIM and how long to wait: pure decisions, no event loop, no clock."""
