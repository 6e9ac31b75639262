"""Points as money: a ledger that is exact, what points cost in the end, what is owed for them, and who takes advantage."""
