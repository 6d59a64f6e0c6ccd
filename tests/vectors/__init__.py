"""Known messages: the one place that all tests take them from."""
