"""What a serial line carries of a profile package: efficiency of a download, and what a faster rate brings."""
