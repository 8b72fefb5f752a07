"""What a canary does, one module a task: plan, shift, bake, ask, go back."""
