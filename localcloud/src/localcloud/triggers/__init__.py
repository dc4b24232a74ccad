"""What invokes functions other than requests: queues, schedules, custom resources."""
