"""The procedures of SGP.32 as the IPA runs them; cards, servers and time are injected ports."""
