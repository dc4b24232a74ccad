"""The order execution engine, as the layer that every function shares.

`domain` is pure; `use_cases` hold one verb each and get their adapters passed in; `adapters` and `venues` do the I/O;
`contracts` are the shapes on the wire. Functions (functions/<name>/app.py) compose them.
"""
