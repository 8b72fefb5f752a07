"""Pure rules: no AWS, no environment, no clock. `now` comes in as an argument."""
