"""What stops the local cloud, in words for the person at the terminal."""


class LocalCloudError(Exception):
    """The local cloud cannot start or go on; the message is one line that says why and what to do."""
