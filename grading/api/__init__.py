"""What researchers' programs ask for: experiments, masked records, results, exports. Read-only but for asking.

A layer of its own beside the pages. No session opens it: a token does, see `access`.
"""
