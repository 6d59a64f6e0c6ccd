"""What must survive a power cut: the state file and the journal in it."""
