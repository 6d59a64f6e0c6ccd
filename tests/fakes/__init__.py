"""In-memory eUICC, eIM, bearer, clock and journal store for tests of the procedures."""
