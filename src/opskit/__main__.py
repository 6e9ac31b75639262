"""`python -m opskit` is the command line."""

from opskit.cli import main

main()
