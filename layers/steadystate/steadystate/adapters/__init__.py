"""One module for each port: the only places that talk to AWS or to a wire."""
