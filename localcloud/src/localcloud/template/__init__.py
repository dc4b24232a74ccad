"""The SAM template as the local cloud uses it: parameters and intrinsic functions resolved, resources as plain data."""

from localcloud.template.stack import Stack, load_stack

__all__ = ["Stack", "load_stack"]
