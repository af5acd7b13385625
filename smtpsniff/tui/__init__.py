"""The sessions of a capture on a screen of their own, to walk through with keys and mouse.

`app`      what holds the screens together
`source`   where sessions come from, handed in by the command
`store`    sessions that have come, small; `view` which of them are shown, in which order
`lines`    a list of any length, of which only what is seen is drawn
`listing`, `rungs`, `align`, `figures`, `keys`   what stands in lines, as plain functions
`screens/` one room for each screen

Needs textual, an extra; only the command `tui` comes here. Nothing reads files or packets here:
that is the source's.
"""
