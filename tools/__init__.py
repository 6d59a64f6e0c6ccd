"""Programs that help to build and release the project; no part of what is installed."""
