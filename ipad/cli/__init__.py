"""The command line: one module for each noun, one model for what is printed."""
