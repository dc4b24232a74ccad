"""The order execution engine: the Lambda layer that all functions share.

`domain` is pure; `use_cases` has one operation per module, with adapters injected; `adapters` and `venues` do the I/O;
`contracts` defines the wire formats. The functions (functions/<name>/app.py) wire them together.
"""
