"""What leaves smtpsniff: JSON, the session table, the story of one session.

`lines`     lines of pieces with a meaning; `paint` gives meanings their colours
`json`      records as JSON
`row`       what the table shows of one session; `table` lays rows out; `totals` counts them
`story`     one session, line by line
`timeline`  its middle part: who said what
`explain`   articles of `smtpsniff explain`
`catalogue` the list of checks

Text from the wire passes `smtpsniff.text.safe` once, where a row or a line is made of it.
"""
