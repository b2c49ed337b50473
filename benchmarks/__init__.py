"""What the desk costs: mails a second, milliseconds a page, memory.

`make bench BENCH=mail|pages|search|push|rules|idle|all`. Progress goes to stderr; the last line of stdout is one flat
JSON object. The workload (mails, bulk rows, the HTTP client) is the one that other desks were measured with; it lies in
../shared/measure, or where LUOTSI_MEASURE says.
"""
