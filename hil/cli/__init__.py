"""The command `ipad-hil`."""
