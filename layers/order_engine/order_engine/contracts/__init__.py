"""The wire formats: requests are validated here, responses are built here."""
