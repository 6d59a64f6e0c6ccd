"""What can be asked of an agent about modem and eUICC: the same for a command that acts itself and for the daemon."""
