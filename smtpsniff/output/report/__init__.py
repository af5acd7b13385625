"""A page to send around: one file, everything in it, nothing fetched and nothing from the wire run.

`entry` makes of a session what the page holds of it, in whatever process the session is; `page`
writes the file. The page's own part (`page.html`, `page.css`, `page.js`)
builds what is asked for from compressed blocks, with text nodes only.
"""
