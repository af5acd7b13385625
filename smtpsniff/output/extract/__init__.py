"""Messages and their parts as files: the evidence, and the index that says where it came from.

`spool`    what takes a message's octets while they are read
`keeping`  spools for a run, and sessions on their way to where files are written
`names`    names from the wire made fit for a folder
`folder`   the folder: private files, none of them ever overwritten unasked
`mbox`     one mbox with all messages
`parts`    attachments, each into a file of its own
`placing`  what becomes of each message, and the index
"""
