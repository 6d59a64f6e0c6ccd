"""ES10a, ES10b and ES10c: one typed method per function of SGP.22 5.7 and SGP.32 5.9."""
