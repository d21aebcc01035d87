"""What showing an item is worth, by experiment: selected items are withheld at random, and the outcomes compared.

From a selection to an estimate, and back::

    withholding   each selected item is shown with a probability that follows from what is known of it
     ↓ the episode is played; `Trial`s in the store say what chance decided and how it ended
    item_credit   one item's trials: what they say now, and whether it has begun to harm
     ├ stretch        trials folded: the uplift with an interval, and proof
     ├ martingale     the interval's mathematics: valid at every look
     └ pooling        what is believed of an item before it has trials of its own, from its kin
    credit_book   all items of a store, kept in step with its trials
"""
