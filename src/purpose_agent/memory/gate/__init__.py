"""The gate: whether an edit of memory is promoted, by playing past tasks with and without it.

`probing` plays: it takes the tasks that `probe_plan` chose from past episodes, pair by pair, until `net_fix_sequential`
has decided or says that going on is pointless. What that test accepts is laid down before the first pair, in a
`net_fix_plan`. The level that each proposal is tested at comes from `false_promotions`, so that few of all
promotions are false however many proposals there are. `fixed_size` is the test without looking that the gate is
measured against (``benchmarks/gate.py``).
"""
