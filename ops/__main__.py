"""`python -m ops` is `linli`."""

from ops.cli import main

main()
