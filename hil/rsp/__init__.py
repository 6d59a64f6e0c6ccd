"""What SM-DP+ and SM-DS have in common: mutual authentication, status codes, the JSON binding."""
