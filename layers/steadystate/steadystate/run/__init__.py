"""What a run does, one module a task: they know the ports and the domain, and no adapter."""
