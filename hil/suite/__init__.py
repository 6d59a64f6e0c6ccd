"""The conformance suite: tests that speak of abilities and run on the virtual rig and on a real board.

`pytest --pyargs hil.suite --target virtual|board.yaml`. `hil.suite.plugin` is loaded by pytest itself (entry point),
the cases are below `hil.suite.chapters`.
"""
