"""Erasing a person (docs/adr/0025): what is theirs goes, what stays for others and for the books names them no more.

`task` knows whom, `tickets` and `mails` blank and redact, `sweep` looks through every column, `files` through the data
folder, `ledger` remembers for restored backups. helpdesk.erasures calls them in their order.
"""
