"""What people write: workloads and scenarios, as pydantic models with a published schema."""
