"""Manual pages and shell completion, made from the parsers of the commands and the Markdown in docs/.

`python -m tools.manual` writes `man/` and `completion/` anew, `--check` says what is missing or out of date.
"""
