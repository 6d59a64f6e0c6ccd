"""ESipa: the functions of an eIM towards the IPA, over a binding (SGP.32 5.14, 6)."""
