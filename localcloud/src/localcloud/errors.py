"""The error that stops the local cloud, with a message for the user at the terminal."""


class LocalCloudError(Exception):
    """The local cloud cannot start or continue; the message is one line with the cause and what to do."""
