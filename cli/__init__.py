"""The command line `steadystate`: runs in the lab and on a deployed stack, and their evidence."""
