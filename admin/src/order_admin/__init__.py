"""The operators' command line `orders-admin`: API keys, messages in the poison queue, load tests, token launches."""
