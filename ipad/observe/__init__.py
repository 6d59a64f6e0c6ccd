"""What the agent shows of itself: status, metrics, the trail of changes, fields of the journal, traffic on demand."""
