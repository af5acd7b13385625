"""The command line: one file a command, each with `add_arguments(parser)` and `run(args)`.

`main`      finds the command, and turns every way a run can end into a line and a status
`words`     which commands and options there are, or will be
`options`   what commands have in common
`running`   reads captures for a command: files, progress, run record, exit status
`streams`   standard output and error: bytes, buffering, terminal or not
"""
