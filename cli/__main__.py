"""`python -m cli`, which `bin/steadystate` calls."""

from cli.app import main

if __name__ == "__main__":
    main()
