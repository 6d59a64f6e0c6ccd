"""Tests of hil.lab: they run in an environment with labgrid (`make lab`) and are skipped elsewhere."""
