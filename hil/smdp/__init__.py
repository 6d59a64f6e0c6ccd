"""A virtual SM-DP+: orders, per-eUICC binding, ES9+ (SGP.22 3.1, 5.5, 5.6)."""
