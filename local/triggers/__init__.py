"""What invokes functions without a request: queues, schedules, custom resources."""
