"""Run the command line with `python -m indexer`."""

from indexer.cli import main

main()
