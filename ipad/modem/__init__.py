"""The cellular modem behind a serial line: AT dialogue, facts and recovery. Knows nothing of eUICCs."""
