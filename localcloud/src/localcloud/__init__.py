"""The local cloud: runs the resources of a SAM template on one machine, without Docker and without an AWS account."""
