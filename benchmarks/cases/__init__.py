"""One module per page whose functions read rows: what it reads, and its cases."""
