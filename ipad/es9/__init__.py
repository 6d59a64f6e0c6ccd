"""ES9+ towards a SM-DP+ and ES11 towards a SM-DS (SGP.22 5.6, 5.8, 6.5)."""
