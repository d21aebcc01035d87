"""A simulator for the science of memory: worlds in which the worth of every memory item is known.

Nothing of the memory is imitated: the library, its credit, its life cycle and the store are the package's own. Only
what surrounds them is scripted::

    item_world     which items help or harm, in which episodes, and by how much: the truth
    noisy_critic   says how an episode ended, and errs with a known probability
    policies       who decides what is shown: the library, and simpler ways to compare it with
    playing        episodes, one after the other, and what came of them
    coverage       whether an interval covers the truth at every look
    oracle_world   machines that each start with one button, for an agent played from end to end
    poison         strangers who want the agent to do their will
    measures       means with intervals, rank correlation
    scenarios/     what is simulated, one file each: a new file there is a new scenario
    running        `purpose-agent bench simulator`: from settings to a report
"""
